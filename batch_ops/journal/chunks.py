"""Chunks: the stored plan, claims with a fencing token, and the checkpoint of each batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, delete, exists, func, insert, or_, select, update

from batch_ops.errors import TakenOverError
from batch_ops.journal.store import utc_now
from batch_ops.journal.tables import COUNTERS
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, Row

    from batch_ops.journal.store import Journal

PLANNED, RUNNING, COMPLETED = "planned", "running", "completed"


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk as the journal has it.

    Attributes:
        lower, upper: its bounds as encoded cursors; lower is exclusive, None is open.
        splits: encoded cursors found when it was planned, at most `spacing` rows apart.
        position: the cursor behind the last committed batch; None before the first.
        counts: what its committed batches came to, and a stopped batch's attempt with them.
        committed: the same without that attempt.
    """

    step: str
    number: int
    key: str
    planned_rows: int
    lower: str | None
    upper: str | None
    splits: tuple[str, ...]
    spacing: int
    position: str | None = None
    status: str = PLANNED
    token: int = 0
    worker: str | None = None
    batches: int = 0
    counts: Counts = Counts()
    committed: Counts = Counts()
    attempted: bool = False
    started_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one chunk, until somebody else claims it."""

    chunk: ChunkRow
    token: int


@dataclass(frozen=True, slots=True)
class BatchRow:
    """What one batch did: a row of the log."""

    number: int
    counts: Counts
    cursor_from: str | None
    cursor_to: str
    started_at: datetime
    crc: int | None = None


def add_all(
    journal: Journal, connection: Connection, execution_id: str, chunks: Sequence[ChunkRow]
) -> None:
    """Write a step's plan."""
    rows = [
        {
            "operation_id": execution_id,
            "step": chunk.step,
            "chunk": chunk.number,
            "chunk_key": chunk.key,
            "planned_rows": chunk.planned_rows,
            "lower_bound": chunk.lower,
            "upper_bound": chunk.upper,
            "splits": orjson.dumps(chunk.splits).decode(),
            "spacing": chunk.spacing,
            "status": chunk.status,
            "token": 0,
            "batches": 0,
            **dict.fromkeys(COUNTERS, 0),
        }
        for chunk in chunks
    ]
    connection.execute(insert(journal.tables.chunks), rows)


def _row(row: Row[Any]) -> ChunkRow:
    counts = Counts(*(getattr(row, name) for name in COUNTERS))
    attempt = Counts(**orjson.loads(row.attempt)) if row.attempt else Counts()
    return ChunkRow(
        step=row.step,
        number=row.chunk,
        key=row.chunk_key,
        planned_rows=row.planned_rows,
        lower=row.lower_bound,
        upper=row.upper_bound,
        splits=tuple(orjson.loads(row.splits)),
        spacing=row.spacing,
        position=row.position,
        status=row.status,
        token=row.token,
        worker=row.worker,
        batches=row.batches,
        counts=counts + attempt,
        committed=counts,
        attempted=row.attempt is not None,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )


def of_step(
    journal: Journal, connection: Connection, execution_id: str, step: str | None = None
) -> list[ChunkRow]:
    """The chunks of a step (None: of all), in plan order."""
    table = journal.tables.chunks
    query = select(table).where(table.c.operation_id == execution_id).order_by(table.c.chunk)
    if step is not None:
        query = query.where(table.c.step == step)
    return [_row(row) for row in connection.execute(query)]


def get(
    journal: Journal, connection: Connection, execution_id: str, step: str, number: int
) -> ChunkRow:
    """One chunk as it is now."""
    table = journal.tables.chunks
    query = select(table).where(
        table.c.operation_id == execution_id, table.c.step == step, table.c.chunk == number
    )
    return _row(connection.execute(query).one())


def claim_next(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    step: str,
    worker: str,
    *,
    among: Collection[str] | None = None,
) -> Claim | None:
    """Claim the first chunk nobody living holds; None when there is none left.

    A chunk that is running belongs to its worker as long as that one is registered. Lanes of one
    process never share a chunk: a lane's worker name is its own.

    Raises:
        TakenOverError: this process is no longer registered for the execution.
    """
    table, workers = journal.tables.chunks, journal.tables.workers
    process = worker.partition("/")[0]
    registered = exists().where(workers.c.operation_id == execution_id, workers.c.worker == process)
    holder_lives = exists().where(
        workers.c.operation_id == execution_id,
        table.c.worker.startswith(workers.c.worker + "/"),
    )
    free = or_(table.c.status == PLANNED, and_(table.c.status == RUNNING, ~holder_lives))
    query = select(table).where(table.c.operation_id == execution_id, table.c.step == step, free)
    if among is not None:
        query = query.where(table.c.chunk_key.in_(list(among)))
    for row in connection.execute(query.order_by(table.c.chunk).limit(4)).all():
        statement = (
            update(table)
            .where(
                table.c.operation_id == execution_id,
                table.c.step == step,
                table.c.chunk == row.chunk,
                table.c.token == row.token,
                registered,
            )
            .values(
                status=RUNNING,
                worker=worker,
                token=row.token + 1,
                started_at=func.coalesce(table.c.started_at, utc_now()),
            )
        )
        if connection.execute(statement).rowcount == 1:
            return Claim(_row(row), row.token + 1)
    if not connection.execute(select(registered)).scalar():
        raise taken_over(execution_id)
    return None


def checkpoint(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    claim: Claim,
    batch: BatchRow,
    *,
    last: bool,
) -> None:
    """The batch's log row and, as the last statement, the chunk's new position under its token.

    Raises:
        TakenOverError: the token is no longer ours; the caller rolls back.
    """
    tables, chunk = journal.tables, claim.chunk
    at = {"operation_id": execution_id, "step": chunk.step, "chunk": chunk.number}
    now = utc_now()
    if chunk.attempted:
        _forget_log(journal, connection, at, batch.number)
    connection.execute(insert(tables.logs).values(**at, **_log_values(batch, "committed", now)))
    table = tables.chunks
    values: dict[str, Any] = {name: table.c[name] + value for name, value in _deltas(batch.counts)}
    values |= {"position": batch.cursor_to, "batches": table.c.batches + 1, "attempt": None}
    if last:
        values |= {"status": COMPLETED, "completed_at": now}
    _fenced(journal, connection, execution_id, claim, values)


def after_batch(chunk: ChunkRow, counts: Counts | None, *, last: bool) -> ChunkRow:
    """The chunk as it is after a batch of ours was committed (None: without one)."""
    return replace(
        chunk,
        counts=chunk.committed + (counts or Counts()),
        committed=chunk.committed + (counts or Counts()),
        attempted=False,
        batches=chunk.batches + (counts is not None),
        status=COMPLETED if last else RUNNING,
        started_at=chunk.started_at or utc_now(),
        completed_at=utc_now() if last else None,
    )


def complete(journal: Journal, connection: Connection, execution_id: str, claim: Claim) -> None:
    """A chunk without a (further) batch is done."""
    values = {"status": COMPLETED, "completed_at": utc_now()}
    _fenced(journal, connection, execution_id, claim, values)


def record_attempt(
    journal: Journal, connection: Connection, execution_id: str, claim: Claim, batch: BatchRow
) -> None:
    """A batch that was rolled back because a row was bad: its counts, until it is done again."""
    at = {"operation_id": execution_id, "step": claim.chunk.step, "chunk": claim.chunk.number}
    _forget_log(journal, connection, at, batch.number)
    connection.execute(
        insert(journal.tables.logs).values(**at, **_log_values(batch, "rolled_back", utc_now()))
    )
    values = {"attempt": orjson.dumps(batch.counts.to_dict()).decode()}
    _fenced(journal, connection, execution_id, claim, values)


def _forget_log(journal: Journal, connection: Connection, at: dict[str, Any], number: int) -> None:
    """The log row of an attempt that is replaced now."""
    logs = journal.tables.logs
    connection.execute(
        delete(logs).where(
            *(logs.c[name] == value for name, value in at.items()),
            logs.c.batch_number == number,
        )
    )


def release(journal: Journal, connection: Connection, execution_id: str, worker: str) -> None:
    """Give back the chunks this process's lanes hold and have not completed."""
    table = journal.tables.chunks
    connection.execute(
        update(table)
        .where(
            table.c.operation_id == execution_id,
            table.c.status == RUNNING,
            table.c.worker.startswith(worker + "/", autoescape=True),
        )
        .values(status=PLANNED, worker=None)
    )


def fence(journal: Journal, connection: Connection, execution_id: str, worker: str) -> None:
    """Take the chunks of a worker away: its tokens are void from now on."""
    table = journal.tables.chunks
    connection.execute(
        update(table)
        .where(
            table.c.operation_id == execution_id,
            table.c.status == RUNNING,
            table.c.worker.startswith(worker + "/", autoescape=True),
        )
        .values(status=PLANNED, worker=None, token=table.c.token + 1)
    )


def _fenced(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    claim: Claim,
    values: dict[str, Any],
) -> None:
    table = journal.tables.chunks
    statement = (
        update(table)
        .where(
            table.c.operation_id == execution_id,
            table.c.step == claim.chunk.step,
            table.c.chunk == claim.chunk.number,
            table.c.token == claim.token,
        )
        .values(values)
    )
    if connection.execute(statement).rowcount != 1:
        raise taken_over(execution_id)


def taken_over(execution_id: str) -> TakenOverError:
    """The error of a worker that lost its execution."""
    return TakenOverError(
        f"Another process took over execution {execution_id}.",
        todo=f"See how it goes on: batch-ops status {execution_id[:8]}",
        execution_id=execution_id,
    )


def _deltas(counts: Counts) -> list[tuple[str, int]]:
    return [(name, value) for name, value in counts.to_dict().items() if value]


def _log_values(batch: BatchRow, status: str, now: datetime) -> dict[str, Any]:
    counts = batch.counts
    return {
        "batch_number": batch.number,
        "records_processed": counts.processed + counts.selected,
        **counts.to_dict(),
        "cursor_from": batch.cursor_from,
        "cursor_to": batch.cursor_to,
        "crc": batch.crc,
        "started_at": batch.started_at,
        "completed_at": now,
        "status": status,
    }
