"""Notifications: what was sent on which channel, and whether it arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal


def add(
    journal: Journal, connection: Connection, execution_id: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Keep what became of some sendings."""
    told = [{"operation_id": execution_id, **row} for row in rows]
    connection.execute(insert(journal.tables.notifications), told)


def was_sent(journal: Journal, connection: Connection, execution_id: str, event: str) -> bool:
    """Whether somebody was told of this event of the execution, or it was tried."""
    table = journal.tables.notifications
    query = select(func.count()).where(table.c.operation_id == execution_id, table.c.event == event)
    return bool(connection.execute(query).scalar())
