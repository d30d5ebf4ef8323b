"""Chunks: the stored plan, and claims with a fencing token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, bindparam, exists, func, insert, or_, select, update

from batch_ops.errors import TakenOverError
from batch_ops.journal.store import utc_now
from batch_ops.journal.tables import COUNTERS
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Exists, Row, Select, Table, Update

    from batch_ops.journal.store import Journal
    from batch_ops.journal.tables import Tables

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
        retry: the number of the retry that added it; None: it was planned with its step.
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
    retry: int | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one chunk, until somebody else claims it."""

    chunk: ChunkRow
    token: int


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
            "token": chunk.token,
            "worker": chunk.worker,
            "started_at": chunk.started_at,
            "completed_at": chunk.completed_at,
            "retry": chunk.retry,
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
        retry=row.retry,
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


def retake(
    journal: Journal, connection: Connection, execution_id: str, claim: Claim, worker: str
) -> Claim | None:
    """The same chunk with a new token, as it is committed; None when another worker has it by now.

    Waits for the transaction of a session that was lost: whether it comes through is decided then,
    and it cannot write any more. A server that crashed may have taken our claim back, and with it
    all that we did.

    Raises:
        TakenOverError: this process is no longer registered for the execution.
    """
    table, chunk = journal.tables.chunks, claim.chunk
    here = and_(
        table.c.operation_id == execution_id,
        table.c.step == chunk.step,
        table.c.chunk == chunk.number,
    )
    found = connection.execute(select(table).where(here).with_for_update()).one()
    _require_registered(journal, connection, execution_id, worker)
    if found.worker != worker and found.token >= claim.token:
        return None
    token = max(found.token, claim.token) + 1
    status = found.status if found.status == COMPLETED else RUNNING
    taken = update(table).where(here).values(token=token, worker=worker, status=status)
    connection.execute(taken)
    return Claim(get(journal, connection, execution_id, chunk.step, chunk.number), token)


def _require_registered(
    journal: Journal, connection: Connection, execution_id: str, worker: str
) -> None:
    mine = {"of_execution": execution_id, "my_process": worker.partition("/")[0]}
    if not connection.execute(select(_registered(journal.tables)), mine).scalar():
        raise taken_over(execution_id)


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
    process never share a chunk: a lane's worker name is its own, and a chunk that it still holds is
    one whose end a server that crashed has forgotten.

    Raises:
        TakenOverError: this process is no longer registered for the execution.
    """
    process = worker.partition("/")[0]
    mine = {"of_execution": execution_id, "my_process": process}
    query = _free(journal.tables)
    if among is not None:
        query = query.where(journal.tables.chunks.c.chunk_key.in_(list(among)))
    for row in connection.execute(query, mine | {"of_step": step, "myself": worker}).all():
        values = {
            "of_step": step,
            "of_chunk": row.chunk,
            "old_token": row.token,
            "new_token": row.token + 1,
            "new_worker": worker,
            "now": utc_now(),
        }
        if connection.execute(_take(journal.tables), mine | values).rowcount == 1:
            return Claim(_row(row), row.token + 1)
    _require_registered(journal, connection, execution_id, worker)
    return None


def _registered(tables: Tables) -> Exists:
    """Whether this process is a worker of the execution."""
    workers = tables.workers
    return exists().where(
        workers.c.operation_id == bindparam("of_execution"),
        workers.c.worker == bindparam("my_process"),
    )


@cache
def _free(tables: Tables) -> Select[Any]:
    """The first chunks of a step that nobody living holds."""
    table, workers = tables.chunks, tables.workers
    holder_lives = exists().where(
        workers.c.operation_id == bindparam("of_execution"),
        table.c.worker.startswith(workers.c.worker + "/"),
    )
    held = and_(holder_lives, table.c.worker != bindparam("myself"))
    free = or_(table.c.status == PLANNED, and_(table.c.status == RUNNING, ~held))
    return (
        select(table)
        .where(
            table.c.operation_id == bindparam("of_execution"),
            table.c.step == bindparam("of_step"),
            free,
        )
        .order_by(table.c.chunk)
        .limit(4)
    )


@cache
def _take(tables: Tables) -> Update:
    """Take a chunk with a new token, unless somebody was quicker or we are struck out."""
    table = tables.chunks
    return (
        update(table)
        .where(
            table.c.operation_id == bindparam("of_execution"),
            table.c.step == bindparam("of_step"),
            table.c.chunk == bindparam("of_chunk"),
            table.c.token == bindparam("old_token"),
            _registered(tables),
        )
        .values(
            status=RUNNING,
            worker=bindparam("new_worker"),
            token=bindparam("new_token"),
            started_at=func.coalesce(
                table.c.started_at, bindparam("now", type_=table.c.started_at.type)
            ),
        )
    )


def note_attempt(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    step: str,
    number: int,
    told: Counts,
) -> None:
    """What a chunk came to in an attempt that was rolled back, until it is done again."""
    table = journal.tables.chunks
    mine = (table.c.operation_id == execution_id, table.c.step == step, table.c.chunk == number)
    attempt = orjson.dumps(told.to_dict()).decode()
    connection.execute(update(table).where(*mine).values(attempt=attempt))


def _held_by(table: Table, worker: str) -> ColumnElement[bool]:
    """Whether a lane of this process has the chunk."""
    return table.c.worker.startswith(worker + "/", autoescape=True)


def release(journal: Journal, connection: Connection, execution_id: str, worker: str) -> None:
    """Give back the chunks this process's lanes hold and have not completed."""
    table = journal.tables.chunks
    connection.execute(
        update(table)
        .where(
            table.c.operation_id == execution_id,
            table.c.status == RUNNING,
            _held_by(table, worker),
        )
        .values(status=PLANNED, worker=None)
    )


def left_open(
    journal: Journal, connection: Connection, execution_id: str, step: str, worker: str
) -> set[str]:
    """The keys of chunks that are not completed, and held by nobody or by this process's lanes."""
    table = journal.tables.chunks
    query = select(table.c.chunk_key).where(
        table.c.operation_id == execution_id,
        table.c.step == step,
        table.c.status != COMPLETED,
        or_(table.c.worker.is_(None), _held_by(table, worker)),
    )
    return set(connection.execute(query).scalars())


def close_retried(journal: Journal, connection: Connection, execution_id: str, retry: int) -> None:
    """The chunks in which a retry tried rejects are over: what is left in them is chosen anew."""
    table = journal.tables.chunks
    connection.execute(
        update(table)
        .where(
            table.c.operation_id == execution_id,
            table.c.retry == retry,
            table.c.upper_bound.is_(None),
            table.c.status != COMPLETED,
        )
        .values(status=COMPLETED, worker=None, completed_at=utc_now(), token=table.c.token + 1)
    )


def fence(journal: Journal, connection: Connection, execution_id: str, worker: str) -> None:
    """Take the chunks of a worker away: its tokens are void from now on."""
    table = journal.tables.chunks
    connection.execute(
        update(table)
        .where(
            table.c.operation_id == execution_id,
            table.c.status == RUNNING,
            _held_by(table, worker),
        )
        .values(status=PLANNED, worker=None, token=table.c.token + 1)
    )


def taken_over(execution_id: str) -> TakenOverError:
    """The error of a worker that lost its execution."""
    return TakenOverError(
        f"Another process took over execution {execution_id}.",
        todo=f"See how it goes on: batch-ops status {execution_id[:8]}",
        execution_id=execution_id,
    )
