"""get_many: rows by key, in the order in which they were asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from batch_ops.bulk.preparing import missing_of, shown
from batch_ops.bulk.result import BatchResult
from batch_ops.bulk.rowtypes import same
from batch_ops.bulk.staged import Staged
from batch_ops.database.keyed import rows_listed
from batch_ops.database.merge import ROW
from batch_ops.database.reading import rows_read
from batch_ops.database.tables import Column
from batch_ops.results import Counts
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.bulk.blocks import Block, Input
    from batch_ops.bulk.ground import Ground
    from batch_ops.bulk.parts import Part, Prepared
    from batch_ops.bulk.place import Place
    from batch_ops.bulk.preparing import Preparer

T = TypeVar("T")
_LISTED: dict[FieldType | None, type] = {
    FieldType.INTEGER: int,
    FieldType.BIGINT: int,
    FieldType.STRING: str,
    FieldType.TEXT: str,
}
"""Keys the driver gives as they are handed to it."""
Found = dict[int, dict[str, Any]]


@dataclass
class Lookup(Generic[T]):
    """Looks keys up. columns: those that are read."""

    place: Place
    ground: Ground
    prepare: Preparer
    columns: Sequence[Column]
    row: Callable[[dict[str, Any]], T]
    size: int

    def result(self, keys: Input) -> BatchResult[T]:
        """All at once."""
        began = time.perf_counter()
        result: BatchResult[T] = BatchResult("get_many")
        for block, prepared, found in self._blocks(keys):
            asked = [place for part in prepared.parts for place in part.places]
            missing = [place for place in asked if place not in found]
            there = filter(found.__contains__, asked) if missing else asked
            rows: Iterable[Any] = map(found.__getitem__, there)
            result.found += rows if self.row is same else map(self.row, rows)
            result.not_found += missing_of(self.prepare, block, missing, self.ground.hidden)
            self._add_failures(result, block, prepared)
            result.stats += Counts(
                total=prepared.total,
                selected=len(found),
                not_found=len(missing),
                failed=len(prepared.failures),
            )
        result.duration = time.perf_counter() - began
        return result

    def stream(self, keys: Input) -> Iterator[tuple[Any, T | None]]:
        """Each key as it was given, and its row, or None."""
        for block, _, found in self._blocks(keys):
            for place, item in zip(block.places, block.items, strict=True):
                row = found.get(place)
                yield item, None if row is None else self.row(row)

    def _blocks(self, keys: Input) -> Iterator[tuple[Block, Prepared, Found]]:
        staged = Staged(self.ground, self.ground.table.key)
        with self.place.reader() as connection:
            for block in keys.blocks(self.size):
                prepared = self.prepare(block)
                yield block, prepared, self._found(connection, staged, prepared)

    def _found(self, connection: Connection, staged: Staged, prepared: Prepared) -> Found:
        found: Found = {}
        with self.place.looking(connection):
            for part in prepared.parts:
                if (places := self._as_list(part)) is not None:
                    found |= self._listed(connection, places)
                else:
                    found |= self._staged(connection, staged, part)
        return found

    def _as_list(self, part: Part) -> dict[Any, int] | None:
        """Places by key, where keys are of one column and Python compares as the database."""
        if len(part.data) != 1 or not self.place.dialect.compares_exactly(self._key):
            return None
        kinds = set(map(type, part.data[0]))
        if kinds != {_LISTED.get(self._key.type)}:
            return None
        places = dict(zip(part.data[0], part.places, strict=True))
        return places if len(places) == len(part.places) else None

    def _listed(self, connection: Connection, places: Mapping[Any, int]) -> Found:
        key, dialect = self._key, self.place.dialect
        more = [] if key in self.columns else [key]
        columns = [*self.columns, *more]
        names = [column.name for column in columns]
        rows = rows_listed(connection, dialect, self.ground.table, names, list(places))
        take = dict.pop if more else dict.__getitem__
        return {places[take(row, key.name)]: row for row in rows_read(rows, columns, dialect)}

    def _staged(self, connection: Connection, staged: Staged, part: Part) -> Found:
        staged.take(connection, part.data, part.places)
        rows = staged.keyed.rows(connection, [column.name for column in self.columns])
        read = rows_read(rows, (Column(ROW, "", None), *self.columns), self.place.dialect)
        return {part.places[row.pop(ROW) - 1]: row for row in read}

    @property
    def _key(self) -> Column:
        return self.ground.table.key_columns[0]

    def _add_failures(self, result: BatchResult[T], block: Block, prepared: Prepared) -> None:
        items = dict(zip(block.places, block.items, strict=True)) if prepared.failures else {}
        for failure in prepared.failures:
            item = items[failure.place]
            result.failed.add(failure.place, failure.errors, item, self._read)

    def _read(self, item: Any, place: int) -> tuple[Any, Mapping[str, Any]]:
        return shown(self.prepare, item, place, self.ground.hidden)
