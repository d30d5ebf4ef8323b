"""Forgetting executions: all of them, or all but that they took place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, inspect, null, select, update

from batch_ops.journal import images, outputs
from batch_ops.journal.store import utc_now
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection, Table

    from batch_ops.journal.executions import ExecutionRow
    from batch_ops.journal.store import Journal


@dataclass(frozen=True, slots=True)
class EndedRow:
    """An execution that has ended, as far as it matters for how long it is kept.

    at: when it ended. of_source: whether it read a source that makes it what it is. undone: whether
    it was undone, so that the same may be done again.
    """

    id: str
    status: Status
    identity: str
    of_source: bool
    at: datetime
    purged: bool
    undone: bool


def ended(journal: Journal, connection: Connection) -> list[EndedRow]:
    """The executions that have ended, newest first."""
    table = journal.tables.operations
    finished = [str(status) for status in Status if status.finished]
    query = (
        select(
            *(table.c.operation_id, table.c.status, table.c.identity, table.c.source_digest),
            func.coalesce(table.c.completed_at, table.c.started_at, type_=table.c.started_at.type),
            *(table.c.purged_at, table.c.undone_at),
        )
        .where(table.c.status.in_(finished))
        .order_by(table.c.started_at.desc(), table.c.operation_id)
    )
    return [
        EndedRow(
            *(str(id_), Status(status), identity, digest is not None, at),
            *(purged is not None, undone is not None),
        )
        for id_, status, identity, digest, at, purged, undone in connection.execute(query)
    ]


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of an execution: rows by table, and tables with its steps' rows and images."""

    rows: dict[str, int] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()

    def __add__(self, other: Kept) -> Kept:
        names = {*self.rows, *other.rows}
        rows = {name: self.rows.get(name, 0) + other.rows.get(name, 0) for name in sorted(names)}
        return Kept(rows, (*self.outputs, *other.outputs))


def purgeable(
    journal: Journal, connection: Connection, row: ExecutionRow, *, remembered: bool
) -> Kept:
    """What `purge` would remove of an execution."""
    there = _there(journal, connection)
    rows = {
        table.name: int(
            connection.execute(
                select(func.count()).select_from(table).where(table.c.operation_id == row.id)
            ).scalar_one()
        )
        for table in _tables(journal, there, remembered=remembered)
    }
    return Kept(
        {name: number for name, number in rows.items() if number}, tuple(_outputs(row, there))
    )


def purge(journal: Journal, connection: Connection, row: ExecutionRow, *, remembered: bool) -> Kept:
    """Remove an execution that has ended, its steps' rows and images.

    remembered: its own row stays, and what its steps and chunks came to; without values of rows.
    """
    there = _there(journal, connection)
    dropped = tuple(_outputs(row, there))
    outputs.drop(journal, connection, dropped)
    rows = {
        table.name: connection.execute(delete(table).where(table.c.operation_id == row.id)).rowcount
        for table in _tables(journal, there, remembered=remembered)
    }
    if remembered:
        _blank(journal, connection, row.id)
    return Kept({name: number for name, number in rows.items() if number}, dropped)


def _blank(journal: Journal, connection: Connection, execution_id: str) -> None:
    """Of what stays, take out what may hold values of rows."""
    operations, chunks = journal.tables.operations, journal.tables.chunks
    connection.execute(
        update(operations)
        .where(operations.c.operation_id == execution_id)
        .values(purged_at=utc_now(), parameters="{}", checks=null(), message=null())
    )
    bounds = {"lower_bound": null(), "upper_bound": null(), "position": null(), "splits": "[]"}
    connection.execute(update(chunks).where(chunks.c.operation_id == execution_id).values(**bounds))


def _tables(journal: Journal, there: Collection[str], *, remembered: bool) -> Iterable[Table]:
    tables = journal.tables
    stays = (tables.operations, tables.steps, tables.chunks) if remembered else ()
    for table in tables.metadata.sorted_tables:
        if "operation_id" in table.c and table.name in there and table not in stays:
            yield table


def _there(journal: Journal, connection: Connection) -> frozenset[str]:
    """The tables that are there; an operation's own one may have been dropped."""
    return frozenset(inspect(connection).get_table_names(schema=journal.tables.schema))


def _outputs(row: ExecutionRow, there: Collection[str]) -> list[str]:
    own = outputs.outputs_of(row.short_id), images.images_of(row.short_id)
    return sorted(name for name in there if name.startswith(own))
