"""A lane: takes chunks, walks their batches, each one a transaction with its journal row."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.database.connect import ReopenedConnection
from batch_ops.database.faults import Fault, FaultKind
from batch_ops.engine import limits
from batch_ops.engine.batch import new_attempt
from batch_ops.engine.easing import Endurance, Sizes
from batch_ops.engine.pace import wait
from batch_ops.engine.patience import fault_of, patience
from batch_ops.engine.stops import Stop, stopped
from batch_ops.engine.works import work_of
from batch_ops.errors import DatabaseUnreachableError
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import checkpoints, chunks, executions

if TYPE_CHECKING:
    import tenacity
    from sqlalchemy import Connection

    from batch_ops.engine.batch import Attempt
    from batch_ops.engine.context import Context
    from batch_ops.engine.pace import Pace
    from batch_ops.engine.watch import Watch
    from batch_ops.engine.work import Batch, Work
    from batch_ops.journal.chunks import ChunkRow, Claim
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
class BatchFailed:
    """A batch was rolled back and is done again after a wait, with so many rows at most.

    smaller: whether these are fewer than it had.
    """

    chunk_key: str
    number: int
    fault: Fault
    wait_s: float
    rows: int
    smaller: bool


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk was completed."""

    chunk: ChunkRow


Message = BatchDone | BatchFailed | ChunkDone
Report = Callable[[Message], None]


def asked_of(execution: Context) -> Stop | None:
    """Why somebody asked the execution to stop; None: nobody did."""
    with execution.database.reading() as connection:
        asked = executions.control_of(execution.journal, connection, execution.id)
    reason = {"pause": "paused", "cancel": "cancelled"}.get(asked or "")
    return Stop(reason) if reason else None


@dataclass
class Lane:
    """One worker of a step.

    Attributes:
        name: `<process>/<number>`: who holds a chunk.
        report: told of every commit; called in the lane's thread.
        watch: asked between batches; the reason to stop, or None.
        pace: waits before a batch where the operation says how fast it may go.
        among: only chunks of these keys.
    """

    execution: Context
    step: Step
    name: str
    report: Report
    watch: Watch
    pace: Pace
    among: Collection[str] | None = None
    _bad: int = field(default=0, init=False)
    _asked: float = field(default=0.0, init=False)
    _answer: Stop | None = field(default=None, init=False)
    _before: int | None = field(default=None, init=False)
    _sizes: Sizes = field(init=False)
    _endurance: Endurance = field(init=False)
    _attempt: Attempt | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        settings = self.execution.settings(self.step)
        self._sizes = Sizes(settings.batch_size)
        dialect = self.execution.database.dialect
        self._endurance = Endurance(dialect, settings.retry, self._sizes)

    def run(self) -> None:
        """Take chunks until there is none left.

        Raises:
            StoppedError: asked to, a limit, or a refused row with stop_on_error.
            TakenOverError: another process works on the execution now.
        """
        with self.line() as line, self.work() as work:
            while (claim := self._patience()(self._claim, line)) is not None:
                done = self._finish(line, claim, work)
                if done is not None:
                    self.report(ChunkDone(done))

    def line(self) -> ReopenedConnection:
        """Its connection, with the step's bounds."""
        return ReopenedConnection(self.execution.database, self.execution.bounds(self.step))

    def work(self) -> Work:
        """What is done with its batches."""
        return work_of(self.execution, self.step, self.watch)

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

    def _finish(self, line: ReopenedConnection, claim: Claim, work: Work) -> ChunkRow | None:
        """Walk the chunk to its end; after trouble that passes go on from what is committed. None:
        another lane has it by now.
        """
        while True:
            before, self._attempt = claim.chunk.batches, None
            try:
                with line.healthy() as connection:
                    return self._walk(connection, claim, work)
            except (DBAPIError, DatabaseUnreachableError) as error:
                if stop := self.watch():
                    raise stopped(self.execution, stop) from error
                fault = fault_of(self.execution.database.dialect, error)
                if fault.kind is FaultKind.SYSTEMIC:
                    raise
                again = self._patience()(self._again, line, claim)
                if again is None:
                    return None
                claim = again
                progressed = claim.chunk.batches > before
                if not self._eased(fault, claim.chunk, work, progressed=progressed):
                    raise

    def _again(self, line: ReopenedConnection, claim: Claim) -> Claim | None:
        """The chunk as committed, under a new token: a lost answer is looked up, never guessed."""
        execution = self.execution
        with line.healthy() as connection, connection.begin():
            return chunks.retake(execution.journal, connection, execution.id, claim, self.name)

    def _eased(self, fault: Fault, chunk: ChunkRow, work: Work, *, progressed: bool) -> bool:
        """Wait, and do the batch again, perhaps with fewer rows; False: nothing is left to try."""
        rows, size = self._rows_of(chunk), self._sizes.now
        if fault.kind is FaultKind.ROW:  # it shows only at the commit, or ends the transaction
            wait_s = 0.0 if self._sizes.halve(rows) else None
        else:
            wait_s = self._endurance.wait_after(fault, rows, progressed=progressed)
        if wait_s is None:
            return False
        now = self._sizes.now
        work.resize(now)
        number, smaller = chunk.batches + 1, now < size
        self.report(BatchFailed(chunk.key, number, fault, wait_s, now, smaller=smaller))
        wait(time.monotonic() + wait_s, self.watch)
        return True

    def _rows_of(self, chunk: ChunkRow) -> int:
        """How many rows the batch that failed had at most."""
        records = self._attempt.batch.records if self._attempt else None
        return records.total if records else chunk.planned_rows

    def _walk(self, connection: Connection, claim: Claim, work: Work) -> ChunkRow:
        """The chunk's batches from its position on; the chunk as it is then."""
        done = claim.chunk
        while done.status != chunks.COMPLETED:
            done = self._some(connection, claim, work, done)
        return done

    def _some(self, connection: Connection, claim: Claim, work: Work, done: ChunkRow) -> ChunkRow:
        """Batches of one size, to the chunk's end where they do not grow before."""
        with work.batches(connection, done) as batches:
            for batch in batches:
                self.pace(self._before, self._reason)
                self._hold()
                done = self._one(connection, claim, work, batch, done)
                if self._sizes.grew():
                    work.resize(self._sizes.now)
                    return done
        if done.status != chunks.COMPLETED:
            with connection.begin():
                checkpoints.complete(self.execution.journal, connection, self.execution.id, claim)
            done = checkpoints.after_batch(done, None, done.position, last=True)
        return done

    def _one(
        self, connection: Connection, claim: Claim, work: Work, batch: Batch, done: ChunkRow
    ) -> ChunkRow:
        number, began = done.batches + 1, time.monotonic()
        self._attempt = new_attempt(self.execution, claim, work, batch, number)
        counts = self._committed(connection, self._attempt)
        reached(Point.AFTER_COMMIT)
        self.report(BatchDone(done.key, number, counts, time.monotonic() - began))
        self._before = counts.total
        self._judge_own(counts)
        return checkpoints.after_batch(done, counts, batch.end, last=batch.last)

    def _committed(self, connection: Connection, attempt: Attempt) -> Counts:
        """A single row that the database refuses together with its transaction is a reject, too."""
        try:
            return attempt.commit(connection)
        except DBAPIError as error:
            fault = self.execution.database.dialect.fault(error)
            if self._sizes.now > 1 or fault.kind is not FaultKind.ROW:
                raise
            refused = attempt.refuse(connection, fault)
            if refused is None:
                raise
            return refused

    def _judge_own(self, counts: Counts) -> None:
        """This lane's own limit of errors: N are allowed, the next one stops the execution."""
        operation = self.execution.operation
        limit = operation.settings.max_errors_per_worker
        self._bad += limits.counted(operation, counts)
        if limit is not None and self._bad > limit:
            raise stopped(self.execution, Stop("max_errors_per_worker"))

    def _hold(self) -> None:
        """Between two batches: is there a reason to stop?"""
        if stop := self._reason():
            raise stopped(self.execution, stop)

    def _reason(self) -> Stop | None:
        return self.watch() or self._control()

    def _control(self) -> Stop | None:
        now = time.monotonic()
        if now - self._asked >= CONTROL_EVERY_S:
            self._asked, self._answer = now, asked_of(self.execution)
        return self._answer

    def _patience(self) -> tenacity.Retrying:
        retry = self.execution.settings(self.step).retry
        return patience(self.execution.database.dialect, retry, self.watch)
