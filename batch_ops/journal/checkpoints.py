"""The checkpoint of a batch: its log row, and the chunk's new position under its fencing token.

The statements are built once per process: a batch should cost the database's time, not ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, insert, update

from batch_ops.journal.chunks import COMPLETED, RUNNING, taken_over
from batch_ops.journal.store import utc_now
from batch_ops.journal.tables import COUNTERS
from batch_ops.results import Counts

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Update

    from batch_ops.journal.chunks import ChunkRow, Claim
    from batch_ops.journal.store import Journal
    from batch_ops.journal.tables import Tables


@dataclass(frozen=True, slots=True)
class BatchRow:
    """What one batch did: a row of the log."""

    number: int
    counts: Counts
    cursor_from: str | None
    cursor_to: str
    started_at: datetime
    crc: int | None = None


def checkpoint(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    claim: Claim,
    batch: BatchRow,
    *,
    last: bool,
) -> None:
    """The chunk's new position under its token, and the batch's log row: the last statements.

    The token comes first: from then on nobody can take it before the commit, and whoever lost it
    learns that, not that the log has a row of this batch already.

    Raises:
        TakenOverError: the token is no longer ours; the caller rolls back.
    """
    tables, chunk, now = journal.tables, claim.chunk, utc_now()
    at = {"operation_id": execution_id, "step": chunk.step, "chunk": chunk.number}
    values: dict[str, Any] = {
        "new_position": batch.cursor_to,
        "new_status": COMPLETED if last else RUNNING,
        "ended": now if last else None,
    }
    values |= {f"add_{name}": number for name, number in batch.counts.to_dict().items()}
    _fenced(connection, _advance(tables), execution_id, claim, values)
    if chunk.attempted:
        _forget_log(journal, connection, at, batch.number)
    connection.execute(insert(tables.logs), at | _log_values(batch, "committed", now))


@cache
def _advance(tables: Tables) -> Update:
    """A chunk moves on by one batch."""
    table = tables.chunks
    added = {name: table.c[name] + bindparam(f"add_{name}") for name in COUNTERS}
    return _of_mine(tables).values(
        position=bindparam("new_position"),
        batches=table.c.batches + 1,
        attempt=None,
        status=bindparam("new_status"),
        completed_at=bindparam("ended"),
        **added,
    )


@cache
def _of_mine(tables: Tables) -> Update:
    """An update of the chunk as long as its token is ours."""
    table = tables.chunks
    return update(table).where(
        table.c.operation_id == bindparam("of_execution"),
        table.c.step == bindparam("of_step"),
        table.c.chunk == bindparam("of_chunk"),
        table.c.token == bindparam("my_token"),
    )


def after_batch(
    chunk: ChunkRow, counts: Counts | None, position: str | None, *, last: bool
) -> ChunkRow:
    """The chunk as it is after a batch of ours was committed (None: without one)."""
    return replace(
        chunk,
        counts=chunk.committed + (counts or Counts()),
        committed=chunk.committed + (counts or Counts()),
        attempted=False,
        position=position,
        batches=chunk.batches + (counts is not None),
        status=COMPLETED if last else RUNNING,
        started_at=chunk.started_at or utc_now(),
        completed_at=utc_now() if last else None,
    )


def complete(journal: Journal, connection: Connection, execution_id: str, claim: Claim) -> None:
    """A chunk without a (further) batch is done."""
    statement = _of_mine(journal.tables).values(status=COMPLETED, completed_at=utc_now())
    _fenced(connection, statement, execution_id, claim, {})


def record_attempt(
    journal: Journal, connection: Connection, execution_id: str, claim: Claim, batch: BatchRow
) -> None:
    """A batch that was rolled back because a row was bad: its counts, until it is done again."""
    at = {"operation_id": execution_id, "step": claim.chunk.step, "chunk": claim.chunk.number}
    _forget_log(journal, connection, at, batch.number)
    told = at | _log_values(batch, "rolled_back", utc_now())
    connection.execute(insert(journal.tables.logs), told)
    attempt = orjson.dumps(batch.counts.to_dict()).decode()
    statement = _of_mine(journal.tables).values(attempt=attempt)
    _fenced(connection, statement, execution_id, claim, {})


def _forget_log(journal: Journal, connection: Connection, at: dict[str, Any], number: int) -> None:
    """The log row of an attempt that is replaced now."""
    logs = journal.tables.logs
    connection.execute(
        delete(logs).where(
            *(logs.c[name] == value for name, value in at.items()),
            logs.c.batch_number == number,
        )
    )


def _fenced(
    connection: Connection,
    statement: Update,
    execution_id: str,
    claim: Claim,
    values: dict[str, Any],
) -> None:
    mine = {
        "of_execution": execution_id,
        "of_step": claim.chunk.step,
        "of_chunk": claim.chunk.number,
        "my_token": claim.token,
    }
    if connection.execute(statement, mine | values).rowcount != 1:
        raise taken_over(execution_id)


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
