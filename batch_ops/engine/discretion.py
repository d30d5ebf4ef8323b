"""What may be told where columns are hidden: a database quotes values of rows in what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from batch_ops.database.faults import FaultKind

if TYPE_CHECKING:
    from batch_ops.database.faults import Fault
    from batch_ops.spec.model import Entity

MASK = "***"
UNTOLD = "what it says may quote a hidden column"


def hides(entities: Iterable[Entity]) -> bool:
    """Whether one of the entities has a hidden column."""
    return any(entity.hidden for entity in entities)


def discreet(fault: Fault, *, hidden: bool) -> Fault:
    """The fault as it may be told; its words are about a row where they are a row's own fault."""
    about_a_row = hidden and fault.kind is FaultKind.ROW
    return replace(fault, message=UNTOLD) if about_a_row else fault


def values_of(given: Any, names: tuple[str, ...], hidden: frozenset[str]) -> set[str]:
    """The hidden values, as texts, of what a function was given.

    names: the columns of its keys, where it was given keys.
    """
    if isinstance(given, Mapping):
        mine = {str(v) for n, v in given.items() if n in hidden and v not in (None, "")}
        return mine.union(*(values_of(v, names, hidden) for v in given.values()))
    if isinstance(given, list):
        return set[str]().union(*(_of_row(row, names, hidden) for row in given))
    return set()


def _of_row(row: Any, names: tuple[str, ...], hidden: frozenset[str]) -> set[str]:
    if isinstance(row, Mapping):
        return values_of(row, names, hidden)
    values = row if isinstance(row, tuple) else (row,)
    return {str(v) for n, v in zip(names, values, strict=False) if n in hidden and v is not None}


def without(text: str, values: Iterable[str]) -> str:
    """A text without these values."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text
