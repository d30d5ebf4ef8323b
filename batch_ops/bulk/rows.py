"""Rows that are put into the table, as parts that can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.bulk.columnar import in_columns
from batch_ops.bulk.frames import in_frame
from batch_ops.bulk.ordering import behind, in_order, met_before
from batch_ops.bulk.parts import Prepared
from batch_ops.bulk.preparing import Preparer, Preparing
from batch_ops.bulk.records import record_of, records_of
from batch_ops.database.plain import plain_value
from batch_ops.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ops.bulk.blocks import Block
    from batch_ops.bulk.columnar import Columns
    from batch_ops.database.seen import Seen
    from batch_ops.database.values import Key


class RowPreparer(Preparer):
    """Rows that are put into the table.

    Args:
        conflict: the columns that make two rows the same; empty: nothing does.
        fill: whether a field that other rows of the batch have, and this one has not, is NULL.
        seen: keys of earlier batches, where several are under way at once.
    """

    def __init__(
        self,
        common: Preparing,
        conflict: Sequence[str] = (),
        *,
        fill: bool = True,
        seen: Seen | None = None,
    ) -> None:
        super().__init__(common)
        self._conflict, self._fill, self._seen = tuple(conflict), fill, seen
        shape = common.shape
        self._wanted = [
            c.name
            for c in shape.table.columns
            if not (c.nullable or c.has_default or c.generated or c.name == shape.numbered)
            and c.name not in shape.defaults
        ]
        self._fillable = {c.name for c in shape.table.columns if not (c.has_default or c.generated)}
        self._fillable -= {shape.numbered or "", *shape.defaults}

    def __call__(self, block: Block) -> Prepared:
        prepared = Prepared(len(block.items))
        block, prepared.skipped = self._left(block)
        places = block.places
        for columns in self._columns(block, prepared):
            mine = self._kept if self._kept is not None else places
            before = len(prepared.parts)
            self._adapt(prepared, self._completed(columns), mine)
            for part in prepared.parts[before:]:
                part.defaulted = self._left_out(columns[0])
        prepared.parts = in_order(prepared.parts, self._common.shape.table.unique)
        if self._seen is not None:
            self._postpone(prepared, self._seen)
        return prepared

    @property
    def found_by(self) -> Sequence[str]:
        return ()

    def at_last(self, block: Block) -> Prepared:
        seen, self._seen = self._seen, None
        try:
            return super().at_last(block)
        finally:
            self._seen = seen

    def _columns(self, block: Block, prepared: Prepared) -> Sequence[Columns]:
        self._kept: Sequence[int] | None = None
        validator = self._common.validator
        if validator is None and block.columns is not None:
            names, data = block.columns
            found: list[Columns] = [(tuple(names), range(len(block.items)), list(map(list, data)))]
        else:
            records = records_of(block)
            if validator is not None:
                records, self._kept, wrong = validator.judged(records, block.places)
                prepared.failures += wrong
            found = list(in_columns(records))
        found = [group for one in found for group in self._unnumbered(one)]
        filled = self._filled(found)
        self._refuse_bare(filled, block)
        return filled

    def _refuse_bare(self, groups: Sequence[Columns], block: Block) -> None:
        """A row of no columns is one of defaults, where a column may be NULL besides."""
        bare = [rows[0] for names, rows, _ in groups if not names]
        known = self._wanted or self._fillable or self._common.constants
        if bare and not (known or self._common.shape.defaults):
            places = self._kept if self._kept is not None else block.places
            raise ParameterError(
                f"Item {places[bare[0]]} has no column.", todo="Give a value of one at least."
            )

    def _unnumbered(self, columns: Columns) -> list[Columns]:
        """Rows whose number is None are numbered by the database: they are without the column."""
        names, _, data = columns
        number = self._common.shape.numbered
        given = data[names.index(number)] if number in names else []
        if set(map(type, given)) <= {int}:
            return [columns]
        with_number = [row for row, value in enumerate(given) if plain_value(value) is not None]
        without = sorted(set(range(len(given))).difference(with_number))
        others = [name for name in names if name != number]
        groups = [_some(columns, names, with_number), _some(columns, others, without)]
        return [group for group in groups if group[1]]

    def _filled(self, groups: list[Columns]) -> list[Columns]:
        """Groups that differ in fields alone which are NULL when they are left out are one."""
        if len(groups) < 2 or not self._fill:
            return groups
        union = dict.fromkeys(name for names, _, _ in groups for name in names)
        merged: dict[frozenset[str], list[tuple[int, dict[str, Any]]]] = {}
        for names, rows, data in groups:
            more = [name for name in union if name not in names and name in self._fillable]
            lists = dict(zip(names, data, strict=True)) | {m: [None] * len(rows) for m in more}
            known = merged.setdefault(frozenset(lists), [])
            known += [
                (row, {name: column[n] for name, column in lists.items()})
                for n, row in enumerate(rows)
            ]
        return [_columns_of(rows) for rows in merged.values()]

    def _completed(self, columns: Columns) -> Columns:
        """With NULL where a value must be and none is given, and with what every row gets."""
        names, rows, data = columns
        constants, defaults = self._common.constants, self._common.shape.defaults
        given = {n: c for n, c in zip(names, data, strict=True) if n not in constants}
        for name in self._wanted:
            if name not in given and name not in constants:
                given[name] = [None] * len(rows)
        for name in self._left_out(names):
            given[name] = [defaults[name]() for _ in rows]
        for name, value in constants.items():
            given[name] = [value] * len(rows)
        if not given:
            given[min(self._fillable)] = [None] * len(rows)
        return tuple(given), rows, list(given.values())

    def _left_out(self, names: Sequence[str]) -> frozenset[str]:
        """The columns of which Python makes the values, since nobody gives them."""
        made = self._common.shape.defaults.keys()
        return frozenset(made - set(names) - self._common.constants.keys())

    def _postpone(self, prepared: Prepared, seen: Seen) -> None:
        """Take out the rows that may repeat a key of another batch, which may be under way, and
        those behind them that repeat one of theirs.
        """
        parts, unique = prepared.parts, self._common.shape.table.unique
        met = [(n, row) for n, part in enumerate(parts) for row in met_before(part, unique, seen)]
        later = behind(parts, unique, met) if met else {}
        prepared.later += sorted(place for places in later.values() for place in places.values())
        left = [part.without(later.get(number, {}).keys()) for number, part in enumerate(parts)]
        prepared.parts = [part for part in left if part.places]

    def keys(self, block: Block) -> Sequence[Key | None]:
        given = in_frame(block, self._conflict)
        if given is None:
            records = records_of(block)
            given = [[record.get(name) for record in records] for name in self._conflict]
        return self._common.adapted_keys(given, self._conflict)

    def told(self, item: Any, place: int) -> tuple[Any, dict[str, Any]]:
        record = dict(record_of(item, place))
        names = self._common.keys.names
        key = tuple(record.get(name) for name in names)
        known = bool(names) and None not in key
        return (self._common.keys.shown(key) if known else None), record


def _some(columns: Columns, names: Sequence[str], chosen: Sequence[int]) -> Columns:
    """Some columns of some rows."""
    known, rows, data = columns
    kept = [data[known.index(name)] for name in names]
    return tuple(names), [rows[n] for n in chosen], [[one[n] for n in chosen] for one in kept]


def _columns_of(rows: list[tuple[int, dict[str, Any]]]) -> Columns:
    rows.sort(key=lambda one: one[0])
    names = tuple(rows[0][1])
    return names, [row for row, _ in rows], [[values[n] for _, values in rows] for n in names]
