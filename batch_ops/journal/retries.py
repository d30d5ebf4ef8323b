"""Retries of an execution's rejects: one row each, so that one that broke off is found again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import insert, select, update

from batch_ops.journal.numbered import next_number
from batch_ops.journal.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal


@dataclass(frozen=True, slots=True)
class RetryRow:
    """A retry as the journal has it. `how`: in words; `completed_at`: None while it is under way,
    and when it broke off.
    """

    number: int
    how: str
    actor: str | None
    started_at: datetime
    completed_at: datetime | None


def add(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    *,
    how: str,
    actor: str,
    via: str,
    options: Mapping[str, Any],
) -> int:
    """Begin a retry; its number, from 1."""
    table = journal.tables.retries
    number = next_number(connection, table.c.retry, execution_id)
    connection.execute(
        insert(table).values(
            operation_id=execution_id,
            retry=number,
            how=how,
            options=orjson.dumps(options, default=str).decode(),
            actor=actor,
            via=via,
            started_at=utc_now(),
        )
    )
    return number


def of_execution(journal: Journal, connection: Connection, execution_id: str) -> list[RetryRow]:
    """The retries of an execution, in order."""
    table = journal.tables.retries
    query = select(table).where(table.c.operation_id == execution_id).order_by(table.c.retry)
    return [
        RetryRow(row.retry, row.how, row.actor, row.started_at, row.completed_at)
        for row in connection.execute(query)
    ]


def broken_off(journal: Journal, connection: Connection, execution_id: str) -> int | None:
    """The retry that is not completed."""
    rows = of_execution(journal, connection, execution_id)
    return next((row.number for row in rows if row.completed_at is None), None)


def complete(journal: Journal, connection: Connection, execution_id: str, number: int) -> None:
    """A retry has reached its end."""
    table = journal.tables.retries
    connection.execute(
        update(table)
        .where(table.c.operation_id == execution_id, table.c.retry == number)
        .values(completed_at=utc_now())
    )
