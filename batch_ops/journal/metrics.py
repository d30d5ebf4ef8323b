"""Metrics: what was measured of an execution and of its steps; the newest figures alone."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from batch_ops.journal.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal


def store(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    step: str | None,
    values: Mapping[str, float],
) -> None:
    """Keep the figures of a step (None: of the whole), in the place of those before them."""
    table, now = journal.tables.metrics, utc_now()
    at = {"operation_id": execution_id, "step": step}
    mine = table.c.step.is_(None) if step is None else table.c.step == step
    connection.execute(delete(table).where(table.c.operation_id == execution_id, mine))
    rows = [
        {**at, "metric_name": name, "metric_value": value, "recorded_at": now}
        for name, value in values.items()
    ]
    connection.execute(insert(table), rows)


def known(
    journal: Journal, connection: Connection, execution_id: str
) -> dict[tuple[str | None, str], float]:
    """The figures kept of an execution, by step (None: the whole) and name."""
    table = journal.tables.metrics
    rows = connection.execute(select(table).where(table.c.operation_id == execution_id))
    return {(row.step, row.metric_name): float(row.metric_value) for row in rows}


def batch_seconds(
    journal: Journal, connection: Connection, execution_id: str, step: str | None
) -> array[float]:
    """How long each committed batch of a step (None: of all) took, shortest first."""
    table = journal.tables.logs
    query = select(table.c.started_at, table.c.completed_at).where(
        table.c.operation_id == execution_id, table.c.status == "committed"
    )
    if step is not None:
        query = query.where(table.c.step == step)
    rows = connection.execute(query.execution_options(yield_per=1000))
    seconds = ((row.completed_at - row.started_at).total_seconds() for row in rows)
    return array("d", sorted(array("d", seconds)))
