"""Parts of a batch are written one after the other: rows that repeat a key keep their order."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from batch_ops.sources.value_records import hashes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from batch_ops.bulk.parts import Part
    from batch_ops.database.seen import Seen

Row = tuple[int, int]
"""The number of a part, and of a row in it."""


def in_order(parts: list[Part], unique: Sequence[Sequence[str]]) -> list[Part]:
    """Parts by which, of rows with one unique key, the first one of the input is written first:
    the others come behind all rows that repeat none.
    """
    if len(parts) < 2 or not any(_meet(parts, group) for group in unique):
        return parts
    repeats = _repeats(parts, unique)
    first = [
        part.without({row for number, row in repeats if number == one})
        for one, part in enumerate(parts)
    ]
    return [part for part in (*first, *_runs(parts, repeats)) if part.places]


def _meet(parts: Sequence[Part], group: Sequence[str]) -> bool:
    """Whether rows of two parts may have one key."""
    met: set[Any] = set()
    for part in parts:
        if set(group) <= set(part.names):
            columns = [part.data[part.names.index(name)] for name in group]
            keys = set(zip(*columns, strict=True)) - {(None,) * len(columns)}
            if not met.isdisjoint(keys):
                return True
            met |= keys
    return False


def _runs(parts: Sequence[Part], rows: Sequence[Row]) -> Iterator[Part]:
    for number, run in itertools.groupby(rows, key=lambda row: row[0]):
        yield parts[number].only([row for _, row in run])


def _repeats(parts: Sequence[Part], unique: Sequence[Sequence[str]]) -> list[Row]:
    """The rows that repeat a unique key of one before them, in the order of the input."""
    met: set[Any] = set()
    found: list[Row] = []
    for _, row, keys in _rows(parts, unique):
        if not met.isdisjoint(keys):
            found.append(row)
        met.update(keys)
    return found


def behind(
    parts: Sequence[Part], unique: Sequence[Sequence[str]], late: Collection[Row]
) -> dict[int, dict[int, int]]:
    """Rows that are late, and those after them that repeat a unique key of one that is: by part and
    row the place in the input.
    """
    first, met = set(late), set[Any]()
    found: dict[int, dict[int, int]] = {}
    for place, row, keys in _rows(parts, unique):
        if row in first or not met.isdisjoint(keys):
            found.setdefault(row[0], {})[row[1]] = place
            met.update(keys)
    return found


def met_before(part: Part, unique: Sequence[Sequence[str]], seen: Seen) -> set[int]:
    """The rows of a part of which a unique key may have been met in another batch."""
    found: set[int] = set()
    for number, group in enumerate(unique):
        if set(group) <= set(part.names):
            keys = list(zip(*(part.data[part.names.index(n)] for n in group), strict=True))
            known = [row for row, key in enumerate(keys) if None not in key]
            met = seen.add(hashes_of([keys[row] for row in known]), number)
            found.update(known[at] for at in met.nonzero()[0].tolist())
    return found


def _rows(
    parts: Sequence[Part], unique: Sequence[Sequence[str]]
) -> Iterator[tuple[int, Row, list[tuple[int, Any]]]]:
    """All rows in the order of the input: the place, the row, and its unique keys."""
    keys = [list(_keys(part, unique)) for part in parts]
    ordered = sorted(
        (place, number, row)
        for number, part in enumerate(parts)
        for row, place in enumerate(part.places)
    )
    for place, number, row in ordered:
        yield place, (number, row), keys[number][row]


def _keys(part: Part, unique: Sequence[Sequence[str]]) -> Iterator[list[tuple[int, Any]]]:
    """Of each row of a part its unique keys, with the numbers of their groups."""
    given = [(n, group) for n, group in enumerate(unique) if set(group) <= set(part.names)]
    columns = [(n, [part.data[part.names.index(name)] for name in group]) for n, group in given]
    for row in range(len(part.places)):
        keys = [(n, tuple(column[row] for column in group)) for n, group in columns]
        yield [(n, key) for n, key in keys if None not in key]
