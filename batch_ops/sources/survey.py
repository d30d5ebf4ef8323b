"""Which fields records have, found by looking at them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from batch_ops.sources.json_values import Digits
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOOKED_AT = 1_000
"""So many records tell of what type a field is."""
_KINDS: tuple[tuple[type | tuple[type, ...], FieldType], ...] = (
    (bool, FieldType.BOOLEAN),
    ((Digits, int, float, Decimal), FieldType.DECIMAL),
    (datetime, FieldType.TIMESTAMP),
    (date, FieldType.DATE),
)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    Attributes:
        kinds: the fields in the order in which they first appear; of each what all its values
            are, None where that is text or not the same everywhere.
        any: whether there are records at all.
    """

    kinds: Mapping[str, FieldType | None]
    any: bool


def survey(records: Iterable[Any], *, whole: bool) -> Survey:
    """Look at the first records, or at `whole` for the names of fields in later ones; what is no
    record is passed over.
    """
    found = (record for record in records if isinstance(record, dict))
    kinds: dict[str, set[FieldType | None]] = {}
    some = False
    for record in itertools.islice(found, LOOKED_AT):
        some = True
        for name, value in record.items():
            seen = kinds.setdefault(name, set())
            if value is not None:
                seen.add(_kind(value))
    for record in found if whole else ():
        if not record.keys() <= kinds.keys():
            kinds |= {name: set() for name in record if name not in kinds}
    return Survey({name: _one(seen) for name, seen in kinds.items()}, some)


def _kind(value: Any) -> FieldType | None:
    if isinstance(value, str) and not isinstance(value, Digits):
        return None
    return next((kind for types, kind in _KINDS if isinstance(value, types)), None)


def _one(seen: set[FieldType | None]) -> FieldType | None:
    return next(iter(seen)) if len(seen) == 1 else None
