"""A lane: takes chunks, walks their batches, each one a transaction with its journal row."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.database.connect import ReopenedConnection
from batch_ops.engine import limits
from batch_ops.engine.batch import new_attempt
from batch_ops.engine.patience import passes, patience
from batch_ops.engine.stops import stopped
from batch_ops.engine.works import work_of
from batch_ops.errors import DatabaseUnreachableError
from batch_ops.journal import checkpoints, chunks, executions
from batch_ops.journal.chunks import ChunkRow, Claim

if TYPE_CHECKING:
    import tenacity
    from sqlalchemy import Connection

    from batch_ops.engine.context import Context
    from batch_ops.engine.work import Work
    from batch_ops.results import Counts
    from batch_ops.spec.model import Step

CONTROL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class BatchDone:
    """A batch was committed."""

    chunk_key: str
    number: int
    counts: Counts
    seconds: float


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk was completed."""

    chunk: ChunkRow


Report = Callable[["BatchDone | ChunkDone"], None]


def asked_of(execution: Context) -> str | None:
    """Why somebody asked the execution to stop; None: nobody did."""
    with execution.database.reading() as connection:
        asked = executions.control_of(execution.journal, connection, execution.id)
    return {"pause": "paused", "cancel": "cancelled"}.get(asked or "")


@dataclass
class Lane:
    """One worker of a step.

    Attributes:
        name: `<process>/<number>`: who holds a chunk.
        report: told of every commit; called in the lane's thread.
        must_stop: asked between batches; the reason, or None.
        among: only chunks of these keys.
        pace: called between two batches; waits where the operation says how fast it may go.
    """

    execution: Context
    step: Step
    name: str
    report: Report
    must_stop: Callable[[], str | None]
    among: Collection[str] | None = None
    pace: Callable[[Counts], None] = lambda _counts: None
    _bad: int = field(default=0, init=False)
    _asked: float = field(default=0.0, init=False)

    def run(self) -> None:
        """Take chunks until there is none left.

        Raises:
            StoppedError: asked to, a limit, or a refused row with stop_on_error.
            TakenOverError: another process works on the execution now.
        """
        with (
            ReopenedConnection(self.execution.database) as line,
            work_of(self.execution, self.step, self.must_stop) as work,
        ):
            while (claim := self._patience()(self._claim, line)) is not None:
                self.report(ChunkDone(self._finish(line, claim, work)))

    def _claim(self, line: ReopenedConnection) -> Claim | None:
        journal = self.execution.journal
        with line.healthy() as connection, self.execution.waits.writing(connection):
            return chunks.claim_next(
                journal,
                connection,
                self.execution.id,
                self.step.name,
                self.name,
                among=self.among,
            )

    def _finish(self, line: ReopenedConnection, claim: Claim, work: Work) -> ChunkRow:
        """Walk the chunk to its end; after a transient error go on from what is committed."""
        retry = self.execution.settings(self.step).retry
        failures = 0
        while True:
            before = claim.chunk.batches
            try:
                with line.healthy() as connection:
                    return self._walk(connection, claim, work)
            except (DBAPIError, DatabaseUnreachableError) as error:
                if not passes(self.execution.database.dialect, error):
                    raise
                claim = self._patience()(self._again, line, claim)
                failures = 1 if claim.chunk.batches > before else failures + 1
                if failures > retry.max_retries:
                    raise
                time.sleep(retry.delay(failures))

    def _again(self, line: ReopenedConnection, claim: Claim) -> Claim:
        """The claim with the chunk as committed: a lost answer is looked up, never guessed."""
        execution, number = self.execution, claim.chunk.number
        with line.healthy() as connection, connection.begin():
            chunk = chunks.get(execution.journal, connection, execution.id, self.step.name, number)
        if chunk.token != claim.token:
            raise chunks.taken_over(self.execution.id)
        return Claim(chunk, claim.token)

    def _walk(self, connection: Connection, claim: Claim, work: Work) -> ChunkRow:
        """The chunk's batches from its position on; the chunk as it is then."""
        done = claim.chunk
        if done.status == chunks.COMPLETED:
            return done
        with work.batches(connection, done) as batches:
            for batch in batches:
                self._hold()
                number, began = done.batches + 1, time.monotonic()
                attempt = new_attempt(self.execution, claim, work, batch, number)
                counts = attempt.commit(connection)
                done = checkpoints.after_batch(done, counts, last=batch.last)
                self.report(BatchDone(done.key, number, counts, time.monotonic() - began))
                self._judge_own(counts)
                if not batch.last:
                    self.pace(counts)
        if done.status != chunks.COMPLETED:
            with connection.begin():
                checkpoints.complete(self.execution.journal, connection, self.execution.id, claim)
            done = checkpoints.after_batch(done, None, last=True)
        return done

    def _judge_own(self, counts: Counts) -> None:
        """This lane's own limit of errors: N are allowed, the next one stops the execution."""
        operation = self.execution.operation
        limit = operation.settings.max_errors_per_worker
        self._bad += limits.counted(operation, counts)
        if limit is not None and self._bad > limit:
            raise stopped(self.execution, "max_errors_per_worker")

    def _hold(self) -> None:
        """Between two batches: is there a reason to stop?"""
        reason = self.must_stop() or self._control()
        if reason:
            raise stopped(self.execution, reason)

    def _control(self) -> str | None:
        now = time.monotonic()
        if now - self._asked < CONTROL_EVERY_S:
            return None
        self._asked = now
        return asked_of(self.execution)

    def _patience(self) -> tenacity.Retrying:
        return patience(self.execution.database.dialect, self.execution.settings(self.step).retry)
