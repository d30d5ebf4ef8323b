"""Many values of one Python type at once: whether a column takes them as they are, or how they are
written without a look at each.
"""

from __future__ import annotations

import math
import re
from datetime import MAXYEAR, UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batch_ops.database.limits import integer_range, keeps_zone
from batch_ops.database.value_reader import SAFE_DIGITS, is_text
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column

MOST_DIGITS = 1_000
"""Before the point, of decimals that are surely taken where the column sets no limit."""
_NATIVE: dict[FieldType | None, frozenset[type]] = {
    FieldType.INTEGER: frozenset({int}),
    FieldType.BIGINT: frozenset({int}),
    FieldType.FLOAT: frozenset({float}),
    FieldType.STRING: frozenset({str}),
    FieldType.TEXT: frozenset({str}),
    FieldType.BINARY: frozenset({bytes}),
    FieldType.BOOLEAN: frozenset({bool}),
}
"""What every driver takes as it is, apart from its range."""
_NATIVE_TEXTS: dict[FieldType | None, frozenset[type]] = {
    FieldType.DATE: frozenset({date}),
    FieldType.DECIMAL: frozenset({Decimal, float, int}),
    FieldType.TIME: frozenset({time}),
    FieldType.TIMESTAMP: frozenset({datetime}),
    FieldType.UUID: frozenset({UUID}),
}
"""What a database reads from the value's own text."""


class Fitting:
    """What one column takes at once."""

    def __init__(self, dialect: Dialect, column: Column) -> None:
        self._column = column
        self._texts = dialect.capabilities.loads_texts
        self._zoned = keeps_zone(column)
        self._limits = integer_range(dialect, column)
        self._judge = self._range()
        self._quick = self._quick_ways()
        self._native = _NATIVE.get(column.type, frozenset())
        if self._texts:
            self._native |= _NATIVE_TEXTS.get(column.type, frozenset())

    def whole(self, kinds: set[type], values: Sequence[Any]) -> bool:
        """Whether all values, of these types, are written as they are."""
        if kinds <= self._native:
            return self._surely_fit(values)
        if not self._column.nullable or not kinds <= self._native | {type(None)}:
            return False
        return self._surely_fit([value for value in values if value is not None])

    def at_once(self, kind: type, values: Sequence[Any]) -> Sequence[Any] | None:
        """The values, all of a type, as they are written; None: each is to be looked at."""
        if kind in self._native:
            return values if self._surely_fit(values) else None
        quick = self._quick.get(kind)
        return None if quick is None else quick(values)

    def surely_fits(self, value: Any) -> bool:
        """Whether a value is written as it is."""
        return type(value) in self._native and self._surely_fit((value,))

    def _quick_ways(self) -> dict[type, Callable[[Any], list[Any] | None]]:
        """By type how values of it alone are written, where texts are not; None: not so."""
        if self._texts:
            return {}
        ways: dict[FieldType | None, dict[type, Callable[[Any], list[Any] | None]]] = {
            FieldType.DATE: {date: lambda values: [value.isoformat() for value in values]},
            FieldType.TIMESTAMP: {datetime: self._moments},
            FieldType.DECIMAL: {Decimal: self._decimals, float: self._floats},
        }
        return ways.get(self._column.type, {})

    def _moments(self, values: Sequence[datetime]) -> list[Any] | None:
        if not set(map(attrgetter("tzinfo"), values)) <= {None, UTC}:
            return None
        return [value.isoformat(" ", "microseconds")[:26] for value in values]

    def _decimals(self, values: Sequence[Decimal]) -> list[Any] | None:
        texts = list(map(str, values))
        return texts if all(map(self._short.fullmatch, texts)) else None

    def _floats(self, values: Sequence[float]) -> list[Any] | None:
        return list(values) if all(map(self._short.fullmatch, map(str, values))) else None

    @cached_property
    def _short(self) -> re.Pattern[str]:
        """A number of few digits that the column takes unrounded."""
        digits, scale = self._column.precision or (2 * SAFE_DIGITS, SAFE_DIGITS)
        if digits <= scale:
            return re.compile("(?!)")  # none: what stands before the point is to be looked at
        fraction = rf"(\.[0-9]{{1,{scale}}})?" if scale else ""
        whole = rf"-?[0-9]{{1,{digits - scale}}}"
        return re.compile(rf"(?=.{{1,{SAFE_DIGITS}}}$){whole}{fraction}")

    def _surely_fit(self, values: Sequence[Any]) -> bool:
        """Whether values of a native type are within the column's range."""
        return not values or self._judge is None or self._judge(values)

    def _range(self) -> Callable[[Any], bool] | None:
        """Judges values of the column's native type, all at once."""
        judges: dict[FieldType | None, Callable[[Any], bool]] = {
            FieldType.INTEGER: self._whole_fit,
            FieldType.BIGINT: self._whole_fit,
            FieldType.DECIMAL: self._decimals_fit,
            FieldType.FLOAT: self._floats_fit,
            FieldType.STRING: self._texts_fit,
            FieldType.TEXT: self._texts_fit,
            FieldType.TIME: self._moments_fit,
            FieldType.TIMESTAMP: self._moments_fit,
        }
        return judges.get(self._column.type)

    def _whole_fit(self, values: Sequence[int]) -> bool:
        return self._limits[0] <= min(values) and max(values) <= self._limits[1]

    def _texts_fit(self, values: Sequence[str]) -> bool:
        length = self._column.length
        return is_text("".join(values)) and (not length or max(map(len, values)) <= length)

    def _floats_fit(self, values: Sequence[float]) -> bool:
        return all(map(math.isfinite, values))

    def _decimals_fit(self, values: Sequence[Decimal]) -> bool:
        """One less than the limit: rounded to the column's scale they fit, too."""
        try:
            if not all(map(math.isfinite, values)):
                return False
            most = max(*values, -min(values))
        except (InvalidOperation, ValueError):  # one is no number
            return False
        digits, scale = self._column.precision or (MOST_DIGITS, 0)
        return bool(most <= 10 ** (digits - scale) - 1)

    def _moments_fit(self, values: Sequence[datetime]) -> bool:
        """Whether all say their offset where the column keeps it, and none where it does not."""
        zones = set(map(attrgetter("tzinfo"), values))
        if not self._zoned:
            return zones == {None}
        return None not in zones and all(map(_is_inside, values))


def _is_inside(moment: datetime | time) -> bool:
    """Whether a moment is one in UTC, too."""
    return isinstance(moment, time) or 1 < moment.year < MAXYEAR
