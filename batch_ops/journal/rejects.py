"""Rejects: written with their batch, read as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, or_, select

from batch_ops.database.bring_in import Rows
from batch_ops.errors import without_secrets
from batch_ops.journal.store import utc_now
from batch_ops.results import Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from batch_ops.journal.store import Journal

MAX_TEXT = 10_000
"""Longer messages and values are cut in the journal's text columns; the record keeps them whole."""
OPEN, RECOVERED, REFUSED_AGAIN, DISCARDED = "open", "recovered", "refused_again", "discarded"
STATES = (OPEN, RECOVERED, REFUSED_AGAIN, DISCARDED)


@dataclass(frozen=True, slots=True)
class BatchId:
    """Which batch of an execution."""

    step: str
    chunk: int
    number: int


@dataclass(frozen=True, slots=True)
class KeptReject:
    """A reject as the journal keeps it.

    Attributes:
        state: open; or ended: recovered, refused_again (another row has its new reason), discarded.
        retry: the retry that ended it. how: in which way, in words. because: a person's reason.
    """

    id: int
    step: str
    state: str
    reject: Reject
    occurred_at: datetime
    retry: int | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    ended_how: str | None = None
    because: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rejects of an execution are meant.

    Attributes:
        states: in one of these; None: in any.
        reason: of this code, or of this column.
        step: of this step.
        standing: only those whose batch was committed; those of one that was rolled back are
            written anew when it is done again.
    """

    states: Sequence[str] | None = (OPEN,)
    reason: str | None = None
    step: str | None = None
    standing: bool = False

    def conditions(self, journal: Journal, execution_id: str) -> list[ColumnElement[bool]]:
        """The same in SQL."""
        table = journal.tables.errors
        found = [table.c.operation_id == execution_id]
        if self.states is not None:
            found.append(func.coalesce(table.c.state, OPEN).in_(self.states))
        if self.reason is not None:
            found.append(or_(table.c.code == self.reason, table.c.column_name == self.reason))
        if self.step is not None:
            found.append(table.c.step == self.step)
        if self.standing:
            found.append(~_rolled_back(journal))
        return found


def _rolled_back(journal: Journal) -> ColumnElement[bool]:
    """Whether the reject is of a batch that was not committed."""
    errors, parts = journal.tables.errors, journal.tables.chunks
    mine = select(parts.c.chunk).where(
        parts.c.operation_id == errors.c.operation_id,
        parts.c.step == errors.c.step,
        parts.c.chunk == errors.c.chunk,
        parts.c.attempt.is_not(None),
        parts.c.batches < errors.c.batch_number,
    )
    return mine.exists()


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
    told: dict[str, str] = {}
    rows = Rows(at, _COLUMNS, [_values(reject, told) for reject in rejects])
    journal.database.dialect.bring_in(connection, journal.tables.errors, rows)


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


_COLUMNS = (
    "row_number",
    "record_key",
    "outcome",
    "code",
    "column_name",
    "value",
    "error_message",
    "failed_records",
    "damaged",
    "place",
    "retry_of",
)


def _values(reject: Reject, told: dict[str, str]) -> tuple[Any, ...]:
    """What is written of a reject into `_COLUMNS`; told: messages as they were written before."""
    message = told.get(reject.message)
    if message is None:
        message = told[reject.message] = without_secrets(reject.message)[:MAX_TEXT]
    return (
        reject.row,
        _dump(reject.key),
        reject.outcome,
        reject.code,
        reject.column,
        without_secrets(reject.value)[:MAX_TEXT] if reject.value else reject.value,
        message,
        _dump(reject.data),
        _dump(reject.damaged),
        reject.place,
        reject.retry_of,
    )


def _dump(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()


def kept(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    choice: Choice = Choice(),
    limit: int | None = None,
) -> Iterator[KeptReject]:
    """The rejects of an execution in the order they were found, without keeping them."""
    table = journal.tables.errors
    query = select(table).where(*choice.conditions(journal, execution_id))
    # options of the connection would stay, and its next statement would be read as a stream, too
    streamed = query.order_by(table.c.error_id).execution_options(yield_per=1000)
    rows = connection.execute(streamed.limit(limit) if limit is not None else streamed)
    yield from map(_kept, rows)


def stream(
    journal: Journal, connection: Connection, execution_id: str, *, limit: int | None = None
) -> Iterator[Reject]:
    """The open ones alone, as they were met."""
    for found in kept(journal, connection, execution_id, limit=limit):
        yield found.reject


def _kept(row: Row[Any]) -> KeptReject:
    return KeptReject(
        id=row.error_id,
        step=row.step,
        state=row.state or OPEN,
        reject=_reject(row),
        occurred_at=row.occurred_at,
        retry=row.retry,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        ended_how=row.ended_how,
        because=row.because,
    )


def _reject(row: Row[Any]) -> Reject:
    return Reject(
        code=row.code,
        message=row.error_message,
        outcome=row.outcome,
        row=row.row_number,
        key=_loaded(row.record_key),
        column=row.column_name,
        value=row.value,
        data=_loaded(row.failed_records),
        damaged=None if row.damaged is None else tuple(orjson.loads(row.damaged)),
        place=row.place,
        retry_of=row.retry_of,
    )


def _loaded(text: str | None) -> Any:
    return orjson.loads(text) if text else None


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
    journal: Journal,
    connection: Connection,
    execution_id: str,
    choice: Choice = Choice(),
) -> list[tuple[str, str | None, str, int]]:
    """How many rejects there are by code, column and outcome; most frequent first."""
    table = journal.tables.errors
    number = func.count().label("number")
    query = (
        select(table.c.code, table.c.column_name, table.c.outcome, number)
        .where(*choice.conditions(journal, execution_id))
        .group_by(table.c.code, table.c.column_name, table.c.outcome)
        .order_by(number.desc(), table.c.code)
    )
    return [(r.code, r.column_name, r.outcome, int(r.number)) for r in connection.execute(query)]
