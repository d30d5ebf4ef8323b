"""Rejects: written with their batch, read as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, insert, select

from batch_ops.journal.store import utc_now
from batch_ops.results import Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal

MAX_TEXT = 10_000
"""Longer messages and values are cut in the journal's text columns; the record keeps them whole."""


@dataclass(frozen=True, slots=True)
class BatchId:
    """Which batch of an execution."""

    step: str
    chunk: int
    number: int


def add(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    batch: BatchId,
    rejects: Sequence[Reject],
) -> None:
    """Write the rejects of one batch."""
    if not rejects:
        return
    at = {
        "operation_id": execution_id,
        "step": batch.step,
        "chunk": batch.chunk,
        "batch_number": batch.number,
        "occurred_at": utc_now(),
    }
    rows = [at | _values(reject) for reject in rejects]
    connection.execute(insert(journal.tables.errors), rows)


def clear(journal: Journal, connection: Connection, execution_id: str, batch: BatchId) -> None:
    """Forget the rejects of a batch that is told anew."""
    table = journal.tables.errors
    connection.execute(
        delete(table).where(
            table.c.operation_id == execution_id,
            table.c.step == batch.step,
            table.c.chunk == batch.chunk,
            table.c.batch_number == batch.number,
        )
    )


def _values(reject: Reject) -> dict[str, Any]:
    return {
        "row_number": reject.row,
        "record_key": _dump(reject.key),
        "outcome": reject.outcome,
        "code": reject.code,
        "column_name": reject.column,
        "value": reject.value[:MAX_TEXT] if reject.value else reject.value,
        "error_message": reject.message[:MAX_TEXT],
        "failed_records": _dump(reject.data),
    }


def _dump(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


def stream(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    *,
    step: str | None = None,
    limit: int | None = None,
) -> Iterator[Reject]:
    """The rejects of an execution in the order they were found, without keeping them."""
    table = journal.tables.errors
    query = select(table).where(table.c.operation_id == execution_id).order_by(table.c.error_id)
    if step is not None:
        query = query.where(table.c.step == step)
    rows = connection.execution_options(yield_per=1000).execute(
        query.limit(limit) if limit is not None else query
    )
    for row in rows:
        yield Reject(
            code=row.code,
            message=row.error_message,
            outcome=row.outcome,
            row=row.row_number,
            key=orjson.loads(row.record_key) if row.record_key else None,
            column=row.column_name,
            value=row.value,
            data=orjson.loads(row.failed_records) if row.failed_records else None,
        )


def of_chunk(
    journal: Journal, connection: Connection, execution_id: str, step: str, chunk: int
) -> set[str]:
    """The signs of the rejects a chunk has."""
    table = journal.tables.errors
    query = select(table.c.row_number, table.c.record_key, table.c.failed_records).where(
        table.c.operation_id == execution_id, table.c.step == step, table.c.chunk == chunk
    )
    return {_sign(*row) for row in connection.execute(query)}


def sign(reject: Reject) -> str:
    """What tells a rejected row from others: its number, else its key, else all of it."""
    return _sign(reject.row, _dump(reject.key), _dump(reject.data))


def _sign(row: int | None, key: str | None, data: str | None) -> str:
    return str(row) if row is not None else key or data or ""


def by_reason(
    journal: Journal, connection: Connection, execution_id: str
) -> list[tuple[str, str | None, str, int]]:
    """How many rejects there are by code, column and outcome; most frequent first."""
    table = journal.tables.errors
    number = func.count().label("number")
    query = (
        select(table.c.code, table.c.column_name, table.c.outcome, number)
        .where(table.c.operation_id == execution_id)
        .group_by(table.c.code, table.c.column_name, table.c.outcome)
        .order_by(number.desc(), table.c.code)
    )
    return [(r.code, r.column_name, r.outcome, int(r.number)) for r in connection.execute(query)]
