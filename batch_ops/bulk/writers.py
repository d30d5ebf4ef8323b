"""Writes parts of a batch inside an open transaction: what all calls share, and new rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.bulk.parts import Failure, Part, Written
from batch_ops.bulk.staged import Staged, fetch
from batch_ops.database.load import Layout
from batch_ops.database.merge import ROW
from batch_ops.database.reading import rows_read
from batch_ops.database.tables import Column
from batch_ops.results import Counts
from batch_ops.sources.value_records import ValueRecords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.bulk.ground import Ground
    from batch_ops.database.keyed import Keyed
    from batch_ops.database.tables import Table
    from batch_ops.results import Reject


class Writer:
    """Writes the parts of one kind of call that have the same columns."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def write(self, connection: Connection, part: Part) -> Written:
        """Write a part inside the connection's open transaction."""
        raise NotImplementedError

    def close(self, connection: Connection) -> None:
        """Remove what it made in the session."""

    def _rows(self, connection: Connection, keyed: Keyed) -> list[tuple[int, dict[str, Any]]]:
        """The table's rows that are staged: number and row, in the order of the stage."""
        number = Column(ROW, "", None)
        columns = self._ground.table.columns
        found = keyed.rows(connection, [column.name for column in columns])
        read = rows_read(found, (number, *columns), self._ground.dialect)
        return [(row.pop(ROW), row) for row in read]


class Creator(Writer):
    """create_many where a row that is there already is refused, and its key is given."""

    def __init__(self, ground: Ground, names: Sequence[str], *, hashing: bool) -> None:
        super().__init__(ground)
        layout = Layout(tuple(names), null_values=())
        self._loader = ground.dialect.loader(ground.table, layout)
        self._hashing = hashing
        self._parents = Staged(ground, _with_own_parents(ground.table, names))
        self._key = [names.index(name) for name in ground.table.key] if ground.returning else []

    def write(self, connection: Connection, part: Part) -> Written:
        orphans = self._orphans(connection, part)
        if not orphans:
            return self._written(connection, part)
        bad = {failure.place for failure in orphans}
        left = part.without([row for row, place in enumerate(part.places) if place in bad])
        written = self._written(connection, left)
        written.failures += orphans
        written.counts += Counts(total=len(orphans), failed=len(orphans))
        return written

    def close(self, connection: Connection) -> None:
        if not self._ground.judges_parents(connection):
            self._parents.drop(connection)

    def _orphans(self, connection: Connection, part: Part) -> list[Failure]:
        """The rows that refer to a row nobody has, where the connection does not judge that."""
        if self._ground.judges_parents(connection):
            return []
        staged = self._parents
        data = [part.data[part.names.index(name)] for name in staged.columns[1:]]
        numbers, _ = staged.take(connection, data, part.places)
        return staged.without_orphans(connection, numbers, part)[1]

    def _written(self, connection: Connection, part: Part) -> Written:
        records = ValueRecords(
            part.names, part.data, self._ground.table.unique, hashing=self._hashing
        )
        loaded = self._ground.load(self._loader, connection, records)
        refused = {(reject.row or 0) - 1: reject for reject in loaded.rejects}
        failures = [self._ground.rejected(part.places[row], r) for row, r in refused.items()]
        counts = Counts(
            total=len(part.places),
            created=loaded.created,
            failed=len(loaded.rejects),
            skipped=loaded.skipped,
        )
        created = self._created(connection, part, refused)
        return Written(counts, failures, created=created)

    def _created(
        self, connection: Connection, part: Part, refused: dict[int, Reject]
    ) -> list[dict[str, Any]]:
        if not self._ground.returning:
            return []
        kept = [row for row in range(len(part.places)) if row not in refused]
        keys = [[part.data[column][row] for column in self._key] for row in kept]
        return fetch(self._ground, connection, keys)


def _with_own_parents(table: Table, names: Sequence[str]) -> list[str]:
    """Of some columns those of foreign keys, and those that rows of the table itself refer to."""
    keys = table.foreign_keys
    wanted = {name for key in keys for name in key.columns}
    wanted |= {name for key in keys if key.table == table.name for name in key.target_columns}
    return [name for name in names if name in wanted]
