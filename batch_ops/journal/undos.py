"""Undos of executions: one row each, so that one that broke off is gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from batch_ops.journal.numbered import next_number
from batch_ops.journal.store import utc_now
from batch_ops.journal.tables import UNDO_COUNTERS
from batch_ops.results import UndoPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal


@dataclass(frozen=True, slots=True)
class UndoRow:
    """An undo as the journal has it. `completed_at`: None while it is under way, and when it broke
    off.
    """

    number: int
    policy: UndoPolicy
    actor: str | None
    started_at: datetime
    completed_at: datetime | None
    restored: int
    as_before: int
    kept: int
    refused: int


def add(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    *,
    policy: UndoPolicy,
    actor: str,
    via: str,
) -> int:
    """Begin an undo; its number, from 1."""
    table = journal.tables.undos
    number = next_number(connection, table.c.undo, execution_id)
    connection.execute(
        insert(table).values(
            operation_id=execution_id,
            undo=number,
            policy=str(policy),
            actor=actor,
            via=via,
            started_at=utc_now(),
        )
    )
    return number


def of_execution(journal: Journal, connection: Connection, execution_id: str) -> list[UndoRow]:
    """The undos of an execution, in order."""
    table = journal.tables.undos
    query = select(table).where(table.c.operation_id == execution_id).order_by(table.c.undo)
    return [
        UndoRow(
            *(row.undo, UndoPolicy(row.policy), row.actor, row.started_at, row.completed_at),
            *(int(getattr(row, name)) for name in UNDO_COUNTERS),
        )
        for row in connection.execute(query)
    ]


def broken_off(journal: Journal, connection: Connection, execution_id: str) -> UndoRow | None:
    """The undo that has not come to its end."""
    rows = of_execution(journal, connection, execution_id)
    return next((row for row in rows if row.completed_at is None), None)


def count(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    number: int,
    more: Mapping[str, int],
) -> None:
    """An undo took another batch up: what became of its rows."""
    table = journal.tables.undos
    values = {name: table.c[name] + more[name] for name in UNDO_COUNTERS}
    connection.execute(
        update(table)
        .where(table.c.operation_id == execution_id, table.c.undo == number)
        .values(values)
    )


def complete(journal: Journal, connection: Connection, execution_id: str, number: int) -> None:
    """An undo has come to its end: the execution is undone."""
    table, operations, now = journal.tables.undos, journal.tables.operations, utc_now()
    connection.execute(
        update(table)
        .where(table.c.operation_id == execution_id, table.c.undo == number)
        .values(completed_at=now)
    )
    connection.execute(
        update(operations).where(operations.c.operation_id == execution_id).values(undone_at=now)
    )
