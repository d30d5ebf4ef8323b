"""Rows that may be there already: upserts, and creates that pass over what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.bulk.parts import Part, Written
from batch_ops.bulk.staged import Staged, fetch
from batch_ops.bulk.writers import Writer
from batch_ops.database.keyed import Keyed
from batch_ops.database.merge import Merged, Merging
from batch_ops.results import Counts
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from batch_ops.bulk.ground import Ground
    from batch_ops.database.values import Key


class Merger(Writer):
    """upsert_many, and create_many where a row that is there already is no failure, or where the
    database makes the keys that are to be told.
    """

    def __init__(
        self, ground: Ground, part: Part, conflict: tuple[str, ...], mode: OnConflict
    ) -> None:
        super().__init__(ground)
        names = part.names
        if not set(conflict) <= set(names):  # nothing there can be the same as these rows
            conflict, mode = (), OnConflict.ERROR
        table, self._mode = ground.table, mode
        moves = mode in (OnConflict.UPDATE, OnConflict.REPLACE)
        self._staged = Staged(ground, names, moves=moves)
        stage = self._staged.stage.table
        self._same = Keyed(ground.dialect, table, stage, conflict or table.key)
        groups = (conflict,) if conflict else table.unique
        given = [group for group in groups if set(group) <= set(names)]
        self._twins = [Keyed(ground.dialect, table, stage, group) for group in given]
        exactly = ground.dialect.compares_exactly
        self._compared_exactly = all(exactly(table.column(name)) for name in conflict)
        self._makes_keys = not set(table.key) <= set(names)
        told = table.key if ground.returning and self._makes_keys else ()
        self._merger = ground.dialect.merger(
            Merging(table, stage, names, conflict, mode, told, ground.version, part.defaulted)
        )

    def write(self, connection: Connection, part: Part) -> Written:
        numbers, failures = self._staged.take(connection, part.data, part.places)
        superseded = self._drop_superseded(connection)
        before = self._before(connection)

        def merge(span: tuple[int, int]) -> Merged:
            return self._merger.merge(connection, *span)

        numbers, orphans = self._staged.without_orphans(connection, numbers, part)
        failures += orphans
        done, refused = self._staged.isolated(
            connection, numbers, merge, part, lambda: self._passed_over(connection)
        )
        merged = sum(done, Merged())
        failures += refused
        counts = Counts(
            total=len(part.places),
            created=merged.created,
            updated=merged.updated,
            unchanged=merged.unchanged,
            skipped=merged.skipped + superseded,
            failed=len(failures),
        )
        written = Written(counts, failures)
        if self._ground.returning:
            self._tell(connection, part, merged, before, written)
        return written

    def _drop_superseded(self, connection: Connection) -> int:
        """Where the first row of a key is written the statement itself passes over the others;
        where keys are compared as Python does, no two are the same any more.
        """
        if self._mode is OnConflict.SKIP or self._compared_exactly:
            return 0
        return self._merger.drop_superseded(connection)

    def _passed_over(self, connection: Connection) -> set[int]:
        """The numbers of rows that another one, in the table or before them, may keep out."""
        if self._mode is not OnConflict.SKIP:
            return set()
        repeats = (keyed.repeats(connection, last=False) for keyed in self._twins)
        there = (keyed.where(connection, "1 = 1") for keyed in self._twins)
        return {number for found in (*repeats, *there) for number in found}

    def _before(self, connection: Connection) -> dict[int, dict[str, Any]]:
        """The rows that are there already, by the staged one's number, where rows are to be
        told.
        """
        given = set(self._staged.columns)
        known = self._mode is not OnConflict.ERROR and given.issuperset(self._same.key)
        if not self._ground.returning or not known:
            return {}
        return dict(self._rows(connection, self._same))

    def _tell(
        self,
        connection: Connection,
        part: Part,
        merged: Merged,
        before: dict[int, dict[str, Any]],
        written: Written,
    ) -> None:
        bad = {failure.place for failure in written.failures}
        good = [number for number, place in enumerate(part.places, 1) if place not in bad]
        there = {
            self._key_of(before[number]): before[number] for number in good if number in before
        }
        new = merged.keys if self._makes_keys else self._keys_of(part, set(good) - before.keys())
        for row in fetch(self._ground, connection, list(dict.fromkeys([*there, *new]))):
            old = there.get(self._key_of(row))
            if old is None:
                written.created.append(row)
            elif row != old:
                written.updated.append(row)
            elif self._mode is not OnConflict.SKIP:
                written.unchanged.append(row)

    def _key_of(self, row: Mapping[str, Any]) -> Key:
        return tuple(row[name] for name in self._ground.table.key)

    def _keys_of(self, part: Part, numbers: Iterable[int]) -> list[Key]:
        """The keys of staged rows as they were given."""
        columns = [part.data[part.names.index(name)] for name in self._ground.table.key]
        return [tuple(column[number - 1] for column in columns) for number in sorted(numbers)]

    def close(self, connection: Connection) -> None:
        self._staged.drop(connection)
