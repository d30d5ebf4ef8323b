"""Records as columns: those that have the same fields together, adapted to the table."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from batch_ops.bulk.failures import HIDDEN, RowError
from batch_ops.bulk.parts import Failure, Part
from batch_ops.database.adapt import Adapter
from batch_ops.database.convert import INVALID_TEXT, Refusal
from batch_ops.database.values import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch_ops.bulk.blocks import Record
    from batch_ops.bulk.shape import Shape
    from batch_ops.database.dialect import Dialect

EXPECTED = "bo_expected"
"""The column, besides the table's, of the version a row is expected to have."""


class Adapting:
    """Adapts the columns of one table. hidden: columns whose values no error tells."""

    def __init__(self, dialect: Dialect, shape: Shape, hidden: frozenset[str]) -> None:
        self._dialect, self._shape, self._hidden = dialect, shape, hidden
        self._adapters = {c.name: Adapter(dialect, c) for c in shape.table.columns}

    def expect(self, version: str) -> None:
        """From now on take versions that rows are expected to have; NULL: any."""
        column = replace(self._shape.table.column(version), nullable=True)
        self._adapters[EXPECTED] = Adapter(self._dialect, column)

    def column(
        self, name: str, values: Sequence[Any]
    ) -> tuple[Sequence[Any], Mapping[int, Refusal]]:
        """A column's values as they are written, and by row those that are refused."""
        codec = self._shape.codecs.get(name)
        if codec is None:
            return self.stored(name, values)
        kept, wrong = codec.many(values)
        adapted, refused = self.stored(name, kept)
        return adapted, {**refused, **{row: _none_of_type(name, values[row]) for row in wrong}}

    def key_column(
        self, name: str, values: Sequence[Any]
    ) -> tuple[Sequence[Any], Mapping[int, Refusal]]:
        """A column's values to be compared with each other: equal where they mean the same."""
        adapted, refused = self.column(name, values)
        return self._adapters[name].in_one_form(adapted), refused

    def stored(
        self, name: str, values: Sequence[Any]
    ) -> tuple[Sequence[Any], Mapping[int, Refusal]]:
        """The same for values as the database has them."""
        return self._adapters[name].many(values)

    def part(
        self, names: Sequence[str], data: Sequence[Sequence[Any]], places: Sequence[int]
    ) -> tuple[Part, list[Failure]]:
        """Columns as a part of a batch; rows with a value that is refused are left out."""
        adapted: list[Sequence[Any]] = []
        wrong: dict[int, list[RowError]] = {}
        for name, values in zip(names, data, strict=True):
            column, refused = self.column(name, values)
            adapted.append(column)
            for row, refusal in refused.items():
                wrong.setdefault(row, []).append(self._error(refusal, name, values[row]))
        if not wrong:
            return Part(tuple(names), adapted, places), []
        kept = [row for row in range(len(places)) if row not in wrong]
        left = [[column[row] for row in kept] for column in adapted]
        failures = [Failure(places[row], tuple(errors)) for row, errors in sorted(wrong.items())]
        return Part(tuple(names), left, [places[row] for row in kept]), failures

    def _error(self, refusal: Refusal, name: str, value: Any) -> RowError:
        column = refusal.column or name
        return row_error(refusal.code, refusal.message, column, in_words(value), self._hidden)


def _none_of_type(name: str, value: Any) -> Refusal:
    what = f"the column's declared type refuses a value of type {type(value).__name__}"
    return Refusal(INVALID_TEXT, what, name)


def row_error(
    code: str, message: str, field: str | None, value: str | None, hidden: frozenset[str]
) -> RowError:
    """An error about a row; what stood in a hidden column is not told."""
    shown = HIDDEN if field in hidden and value is not None else value
    return RowError(code, message, field, shown)


Columns = tuple[tuple[str, ...], "Sequence[int]", list[list[Any]]]


def in_columns(records: Sequence[Record]) -> Iterable[Columns]:
    """Fields, the places of the records that have just these, and their values by column."""
    if not records:
        return []
    first = tuple(records[0])
    if set(map(len, records)) == {len(first)}:
        try:
            return [(first, range(len(records)), values_of(records, first))]
        except KeyError:
            pass  # as many fields, but others
    groups: dict[frozenset[str], tuple[tuple[str, ...], list[int]]] = {}
    for place, record in enumerate(records):
        groups.setdefault(frozenset(record), (tuple(record), []))[1].append(place)
    return [
        (names, places, values_of([records[place] for place in places], names))
        for names, places in groups.values()
    ]


def values_of(records: Sequence[Record], names: Sequence[str]) -> list[list[Any]]:
    """The records' values by column; KeyError where one has not got a field."""
    return [list(map(itemgetter(name), records)) for name in names]
