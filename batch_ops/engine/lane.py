"""A lane: takes chunks, walks their batches, each one a transaction with its journal row."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.engine.batch import new_attempt
from batch_ops.engine.patience import passes, patience
from batch_ops.engine.work import Work, work_of
from batch_ops.errors import (
    DatabaseUnreachableError,
    ExecutionError,
    StoppedError,
)
from batch_ops.journal import chunks, executions
from batch_ops.journal.chunks import ChunkRow, Claim

if TYPE_CHECKING:
    import tenacity
    from sqlalchemy import Connection

    from batch_ops.engine.context import Context
    from batch_ops.results import Counts
    from batch_ops.spec.model import Step

CONTROL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class BatchDone:
    """A batch was committed."""

    counts: Counts


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk was completed."""

    chunk: ChunkRow


Report = Callable[["BatchDone | ChunkDone"], None]


@dataclass
class Lane:
    """One worker of a step.

    Attributes:
        name: `<process>/<number>`: who holds a chunk.
        report: told of every commit; called in the lane's thread.
        must_stop: asked between batches; the reason, or None.
        among: only chunks of these keys.
    """

    execution: Context
    step: Step
    name: str
    report: Report
    must_stop: Callable[[], str | None]
    among: Collection[str] | None = None
    _asked: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Take chunks until there is none left.

        Raises:
            StoppedError: asked to, a limit, or a refused row with stop_on_error.
            TakenOverError: another process works on the execution now.
        """
        work = work_of(self.execution, self.step)
        while (claim := self._claim()) is not None:
            self._finish(claim, work)
            self.report(ChunkDone(self._patience()(self._chunk, claim)))

    def _claim(self) -> Claim | None:
        return self._patience()(self._claim_once)

    def _claim_once(self) -> Claim | None:
        journal = self.execution.journal
        with journal.database.writing() as connection:
            journal.database.dialect.begin_write(connection)
            return chunks.claim_next(
                journal,
                connection,
                self.execution.id,
                self.step.name,
                self.name,
                among=self.among,
            )

    def _finish(self, claim: Claim, work: Work) -> None:
        """Walk the chunk to its end; after a transient error go on from what is committed."""
        retry = self.execution.settings(self.step).retry
        failures = 0
        while True:
            before = claim.chunk.batches
            try:
                with self.execution.database.lane() as connection:
                    self._walk(connection, claim, work)
                return
            except (DBAPIError, DatabaseUnreachableError) as error:
                if not passes(self.execution.database.dialect, error):
                    raise
                claim = self._again(claim)
                failures = 1 if claim.chunk.batches > before else failures + 1
                if failures > retry.max_retries:
                    raise
                delay = retry.initial_delay * retry.backoff_factor ** (failures - 1)
                time.sleep(min(delay, retry.max_delay))

    def _again(self, claim: Claim) -> Claim:
        """The claim with the chunk as committed: a lost answer is looked up, never guessed."""
        chunk = self._patience()(self._chunk, claim)
        if chunk.token != claim.token:
            raise chunks.taken_over(self.execution.id)
        return Claim(chunk, claim.token)

    def _chunk(self, claim: Claim) -> ChunkRow:
        execution, number = self.execution, claim.chunk.number
        with execution.database.reading() as connection:
            return chunks.get(execution.journal, connection, execution.id, self.step.name, number)

    def _walk(self, connection: Connection, claim: Claim, work: Work) -> None:
        if claim.chunk.status == chunks.COMPLETED:
            return
        number, finished = claim.chunk.batches, False
        with work.batches(connection, claim.chunk) as batches:
            for batch in batches:
                self._hold(connection)
                number += 1
                attempt = new_attempt(self.execution, claim, work, batch, number)
                self.report(BatchDone(attempt.commit(connection)))
                finished = batch.last
        if not finished:
            with connection.begin():
                chunks.complete(self.execution.journal, connection, self.execution.id, claim)

    def _hold(self, connection: Connection) -> None:
        """Between two batches: is there a reason to stop?"""
        reason = self.must_stop() or self._control(connection)
        if reason:
            raise stopped(self.execution, reason)

    def _control(self, connection: Connection) -> str | None:
        now = time.monotonic()
        if now - self._asked < CONTROL_EVERY_S:
            return None
        self._asked = now
        with self.execution.database.reading() as other:
            asked = executions.control_of(self.execution.journal, other, self.execution.id)
        return {"pause": "paused", "cancel": "cancelled"}.get(asked or "")

    def _patience(self) -> tenacity.Retrying:
        return patience(self.execution.database.dialect, self.execution.settings(self.step).retry)


def stopped(execution: Context, reason: str) -> StoppedError:
    """The error of an execution that stops between two batches."""
    texts = {
        "interrupted": "It was interrupted.",
        "timeout": "Its time is over.",
        "max_errors": "More rows were refused than max_errors allows.",
        "paused": "It was paused.",
        "cancelled": "It was cancelled.",
    }
    return StoppedError(
        reason,
        texts.get(reason, f"It was stopped: {reason}."),
        todo=f"Go on: batch-ops resume {execution.row.short_id}",
        execution_id=execution.id,
    )


@contextmanager
def named(execution: Context) -> Iterator[None]:
    """Errors of a database that end an execution say so in our words."""
    try:
        yield
    except (DBAPIError, DatabaseUnreachableError) as error:
        what = (
            str(error.what)
            if isinstance(error, DatabaseUnreachableError)
            else _told(execution, error)
        )
        raise ExecutionError(
            what,
            todo=f"Mend it, then: batch-ops resume {execution.row.short_id}",
            execution_id=execution.id,
        ) from error


def _told(execution: Context, error: BaseException) -> str:
    fault = execution.database.dialect.fault(error)
    return f"The database refused to go on ({fault.code}): {fault.message}"
