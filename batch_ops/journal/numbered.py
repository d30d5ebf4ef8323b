"""What is done to an execution after its end, retries and undos: numbered from 1, one row each, so
that one that broke off is found again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection


def next_number(connection: Connection, number: Column[int], execution_id: str) -> int:
    """The number of the next one of an execution. number: the column of its table that counts."""
    table = number.table
    query = select(func.max(number)).where(table.c.operation_id == execution_id)
    return int(connection.execute(query).scalar() or 0) + 1


def unfinished(connection: Connection, number: Column[int]) -> list[tuple[str, int]]:
    """Those of all executions that have not come to their end: execution and number."""
    table = number.table
    query = select(table.c.operation_id, number).where(table.c.completed_at.is_(None))
    rows = connection.execute(query.order_by(table.c.started_at))
    return [(str(execution_id), count) for execution_id, count in rows]
