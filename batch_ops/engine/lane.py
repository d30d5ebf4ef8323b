"""A lane: takes chunks, walks their batches, each one a transaction with its journal row."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING

import stamina
from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import Fault, FaultKind
from batch_ops.engine.work import Batch, Outcome, Work, work_of
from batch_ops.errors import EngineFault, StoppedError
from batch_ops.journal import chunks, executions, rejects
from batch_ops.journal.chunks import BatchRow, ChunkRow, Claim
from batch_ops.journal.store import utc_now
from batch_ops.results import Counts
from batch_ops.spec.model import ErrorHandling

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.engine.execution import Execution
    from batch_ops.spec.model import Step

CONTROL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class BatchDone:
    """A batch was committed (or, with stop_on_error, rolled back and told)."""

    counts: Counts


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk was completed."""

    chunk: ChunkRow


Report = Callable[["BatchDone | ChunkDone"], None]


class StoppedByRow(Exception):  # noqa: N818  (a signal within the engine, never shown)
    """A row was refused and the operation says stop_on_error: the batch rolls back."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__()


@dataclass
class Lane:
    """One worker of a step.

    Attributes:
        name: `<process>/<number>`: who holds a chunk.
        report: told of every commit; called in the lane's thread.
        must_stop: asked between batches; the reason, or None.
        among: only chunks of these keys.
    """

    execution: Execution
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
            with self.execution.database.reading() as connection:
                done = self._chunk(connection, claim)
            self.report(ChunkDone(done))

    def _claim(self) -> Claim | None:
        journal = self.execution.journal
        for attempt in self._attempts():
            with attempt, journal.database.writing() as connection:
                journal.database.dialect.begin_write(connection)
                return chunks.claim_next(
                    journal,
                    connection,
                    self.execution.id,
                    self.step.name,
                    self.name,
                    among=self.among,
                )
        raise EngineFault("Retrying ended without a result.")

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
            except DBAPIError as error:
                fault = self._fault(error)
                if fault.kind is not FaultKind.TRANSIENT:
                    raise
                claim = self._again(claim)
                failures = 1 if claim.chunk.batches > before else failures + 1
                if failures > retry.max_retries:
                    raise
                delay = retry.initial_delay * retry.backoff_factor ** (failures - 1)
                time.sleep(min(delay, retry.max_delay))

    def _again(self, claim: Claim) -> Claim:
        """The claim with the chunk as it is committed: a lost answer is looked up, never guessed."""
        for attempt in self._attempts():
            with attempt, self.execution.database.reading() as connection:
                chunk = self._chunk(connection, claim)
                if chunk.token != claim.token:
                    raise chunks.taken_over(self.execution.id)
                return Claim(chunk, claim.token)
        raise EngineFault("Retrying ended without a result.")

    def _chunk(self, connection: Connection, claim: Claim) -> ChunkRow:
        execution, number = self.execution, claim.chunk.number
        return chunks.get(execution.journal, connection, execution.id, self.step.name, number)

    def _walk(self, connection: Connection, claim: Claim, work: Work) -> None:
        if claim.chunk.status == chunks.COMPLETED:
            return
        number, finished = claim.chunk.batches, False
        with work.batches(connection, claim.chunk) as batches:
            for batch in batches:
                self._hold(connection)
                number += 1
                self._commit(connection, claim, work, batch, number)
                finished = batch.last
        if not finished:
            with connection.begin():
                chunks.complete(self.execution.journal, connection, self.execution.id, claim)

    def _commit(
        self, connection: Connection, claim: Claim, work: Work, batch: Batch, number: int
    ) -> None:
        """One batch: as a whole, and row by row when the database refuses a row of it."""
        started = utc_now()
        try:
            outcome = self._transaction(connection, claim, work, batch, number, started, False)
        except DBAPIError as error:
            if self._fault(error).kind is not FaultKind.ROW:
                raise
            outcome = self._isolating(connection, claim, work, batch, number, started)
        except StoppedByRow as stop:
            raise self._told(connection, claim, batch, number, started, stop.outcome) from None
        self.report(BatchDone(outcome.counts))

    def _isolating(
        self,
        connection: Connection,
        claim: Claim,
        work: Work,
        batch: Batch,
        number: int,
        started: datetime,
    ) -> Outcome:
        try:
            return self._transaction(connection, claim, work, batch, number, started, True)
        except StoppedByRow as stop:
            raise self._told(connection, claim, batch, number, started, stop.outcome) from None

    def _transaction(
        self,
        connection: Connection,
        claim: Claim,
        work: Work,
        batch: Batch,
        number: int,
        started: datetime,
        isolating: bool,
    ) -> Outcome:
        """Data, rejects, journal row and checkpoint, together or not at all."""
        execution = self.execution
        with connection.begin():
            execution.database.dialect.begin_write(connection)
            outcome = work.write(connection, batch, isolating=isolating)
            self._judge(outcome)
            execution.database.dialect.immediate_constraints(connection)
            self._journal(connection, claim, batch, number, started, outcome)
        return outcome

    def _judge(self, outcome: Outcome) -> None:
        if not outcome.counts.reconciled:
            raise EngineFault(
                f"The counters of a batch of step {self.step.name!r} do not add up:"
                f" {outcome.counts}.",
                execution_id=self.execution.id,
            )
        if outcome.rejects and self.execution.operation.error_handling is ErrorHandling.STOP:
            raise StoppedByRow(outcome)

    def _journal(
        self,
        connection: Connection,
        claim: Claim,
        batch: Batch,
        number: int,
        started: datetime,
        outcome: Outcome,
    ) -> None:
        execution = self.execution
        at = {"step": self.step.name, "chunk": claim.chunk.number, "batch": number}
        if claim.chunk.attempted:
            rejects.clear(execution.journal, connection, execution.id, **at)
        rejects.add(execution.journal, connection, execution.id, rejects=outcome.rejects, **at)
        row = self._row(batch, number, started, outcome.counts)
        chunks.checkpoint(
            execution.journal, connection, execution.id, claim, row, last=batch.last
        )

    def _row(self, batch: Batch, number: int, started: datetime, counts: Counts) -> BatchRow:
        crc = batch.records.crc if batch.records else None
        return BatchRow(number, counts, batch.start, batch.end, started, crc)

    def _told(
        self,
        connection: Connection,
        claim: Claim,
        batch: Batch,
        number: int,
        started: datetime,
        outcome: Outcome,
    ) -> StoppedError:
        """After the roll back: what is known of the batch's rows, and the error that stops."""
        counts = outcome.counts
        bad = counts.invalid + counts.failed
        told = Counts(
            total=counts.total,
            invalid=counts.invalid,
            failed=counts.failed,
            skipped=counts.total - bad,
        )
        execution = self.execution
        with connection.begin():
            at = {"step": self.step.name, "chunk": claim.chunk.number, "batch": number}
            rejects.clear(execution.journal, connection, execution.id, **at)
            rejects.add(
                execution.journal, connection, execution.id, rejects=outcome.rejects, **at
            )
            row = self._row(batch, number, started, told)
            chunks.record_attempt(execution.journal, connection, execution.id, claim, row)
        self.report(BatchDone(told))
        first = outcome.rejects[0]
        return StoppedError(
            "row_refused",
            f"A row was refused ({first.code}: {first.message}) and the operation says"
            " stop_on_error.",
            todo=f"Mend it, then: batch-ops resume {execution.row.short_id}",
            execution_id=execution.id,
        )

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

    def _fault(self, error: BaseException) -> Fault:
        return self.execution.database.dialect.fault(error)

    def _attempts(self) -> Iterator[stamina.Attempt]:
        retry = self.execution.settings(self.step).retry

        def passing(error: Exception) -> bool:
            return isinstance(error, DBAPIError) and self._fault(error).kind is FaultKind.TRANSIENT

        return stamina.retry_context(
            on=passing,
            attempts=retry.max_retries + 1,
            timeout=None,
            wait_initial=retry.initial_delay,
            wait_max=retry.max_delay,
            wait_exp_base=retry.backoff_factor,
            wait_jitter=0.0,
        )


def stopped(execution: Execution, reason: str) -> StoppedError:
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
def named(execution: Execution) -> Iterator[None]:
    """Errors of a database that end an execution say so in our words."""
    from batch_ops.errors import ExecutionError

    try:
        yield
    except DBAPIError as error:
        fault = execution.database.dialect.fault(error)
        raise ExecutionError(
            f"The database refused to go on ({fault.code}): {fault.message}",
            todo=f"Mend it, then: batch-ops resume {execution.row.short_id}",
            execution_id=execution.id,
        ) from error
