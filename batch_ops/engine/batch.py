"""A batch: one transaction with its data, rejects, journal row and checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import FaultKind
from batch_ops.database.savepoints import undone
from batch_ops.engine.reading import hidden_columns, masked
from batch_ops.errors import EngineFault, StoppedError
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import checkpoints, rejects
from batch_ops.journal.checkpoints import BatchRow
from batch_ops.journal.rejects import BatchId
from batch_ops.journal.store import utc_now
from batch_ops.results import Counts
from batch_ops.spec.model import ErrorHandling

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from batch_ops.database.faults import Fault
    from batch_ops.engine.context import Context
    from batch_ops.engine.work import Batch, Outcome, Work
    from batch_ops.journal.chunks import Claim


class _StoppedByRow(Exception):
    """A row was refused and the operation says stop_on_error: the batch rolls back."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__()


@dataclass(frozen=True)
class Attempt:
    """One attempt at one batch.

    Attributes:
        number: the batch's number within its chunk, from 1.
        started: when the attempt began.
    """

    execution: Context
    claim: Claim
    work: Work
    batch: Batch
    number: int
    started: datetime

    def commit(self, connection: Connection) -> Counts:
        """Do the batch as a whole; row by row when the database refuses a row of it.

        Raises:
            StoppedError: a row was refused and the operation says stop_on_error; what is known of
                the batch's rows is told in a transaction after the roll back.
            TakenOverError: the chunk's token is another one; the batch was rolled back.
        """
        self.work.prepare(connection, self.batch)
        try:
            return self._whole_or_isolated(connection).counts
        except _StoppedByRow as stop:
            raise self._told(connection, stop.outcome) from None

    def _whole_or_isolated(self, connection: Connection) -> Outcome:
        try:
            return self._transaction(connection, isolating=False)
        except DBAPIError as error:
            if self.execution.database.dialect.fault(error).kind is not FaultKind.ROW:
                raise
        return self._transaction(connection, isolating=True)

    def refuse(self, connection: Connection, fault: Fault) -> Counts | None:
        """The batch's one row is a reject: with it in it no transaction can be committed; None:
        nobody knows which row it is.

        Raises:
            StoppedError: the operation says stop_on_error.
        """
        try:
            with self.execution.waits.writing(connection):
                outcome = self.work.refused(connection, self.batch, fault)
                if outcome is None:
                    return None
                return self._kept(connection, outcome, stops=self._stops).counts
        except _StoppedByRow as stop:
            raise self._told(connection, stop.outcome) from None

    def _transaction(self, connection: Connection, *, isolating: bool) -> Outcome:
        """Data, rejects, journal row and checkpoint, together or not at all."""
        with self.execution.waits.writing(connection):
            return self._write(connection, isolating=isolating, stops=self._stops)

    def within(self, connection: Connection) -> Outcome:
        """Do the batch inside a larger transaction; refused rows are left to whoever began it."""
        savepoint = connection.begin_nested()
        try:
            outcome = self._write(connection, isolating=False, stops=False)
            savepoint.commit()
            return outcome
        except DBAPIError as error:
            fault = self.execution.database.dialect.fault(error)
            if not undone(savepoint) or fault.kind is not FaultKind.ROW:
                raise
        with connection.begin_nested():
            return self._write(connection, isolating=True, stops=False)

    def _stopping(self, connection: Connection, outcome: Outcome) -> bool:
        """Whether a row was refused that is to stop the execution: with `skip_rejects` one that
        was not rejected before.
        """
        if not outcome.rejects or not self.execution.options.skip_rejects:
            return bool(outcome.rejects)
        chunk = self.claim.chunk
        known = rejects.of_chunk(
            self.execution.journal, connection, self.execution.id, chunk.step, chunk.number
        )
        return any(rejects.sign(reject) not in known for reject in outcome.rejects)

    @property
    def _stops(self) -> bool:
        return self.execution.operation.error_handling is ErrorHandling.STOP

    def _write(self, connection: Connection, *, isolating: bool, stops: bool) -> Outcome:
        reached(Point.BEFORE_DATA)
        outcome = self.work.write(connection, self.batch, isolating=isolating)
        reached(Point.AFTER_DATA)
        return self._kept(connection, outcome, stops=stops)

    def _kept(self, connection: Connection, outcome: Outcome, *, stops: bool) -> Outcome:
        """The outcome in the journal, unless a row of it stops the execution."""
        self._judge(outcome)
        if stops and self._stopping(connection, outcome):
            raise _StoppedByRow(outcome)
        self.execution.database.dialect.immediate_constraints(connection)
        self._journal(connection, outcome)
        reached(Point.BEFORE_COMMIT)
        return outcome

    def _judge(self, outcome: Outcome) -> None:
        if not outcome.counts.reconciled:
            raise EngineFault(
                f"The counters of a batch of step {self.claim.chunk.step!r} do not add up:"
                f" {outcome.counts}.",
                execution_id=self.execution.id,
            )

    def _journal(self, connection: Connection, outcome: Outcome) -> None:
        journal, execution_id = self.execution.journal, self.execution.id
        if self.claim.chunk.attempted:
            rejects.clear(journal, connection, execution_id, self._id)
        rejects.add(journal, connection, execution_id, self._id, outcome.rejects)
        row = self._row(outcome.counts)
        checkpoints.checkpoint(
            journal, connection, execution_id, self.claim, row, last=self.batch.last
        )

    @property
    def _id(self) -> BatchId:
        return BatchId(self.claim.chunk.step, self.claim.chunk.number, self.number)

    def _row(self, counts: Counts) -> BatchRow:
        crc = self.batch.records.crc if self.batch.records else None
        return BatchRow(self.number, counts, self.batch.start, self.batch.end, self.started, crc)

    def _told(self, connection: Connection, outcome: Outcome) -> StoppedError:
        """After the roll back: what is known of the batch's rows, and the error that stops."""
        journal, execution_id = self.execution.journal, self.execution.id
        with connection.begin():
            rejects.clear(journal, connection, execution_id, self._id)
            rejects.add(journal, connection, execution_id, self._id, outcome.rejects)
            row = self._row(rolled_back(outcome.counts))
            checkpoints.record_attempt(journal, connection, execution_id, self.claim, row)
            reached(Point.TELLING_REJECTS)
        first = masked(outcome.rejects[0], hidden_columns(self.execution.row))
        return StoppedError(
            "row_refused",
            f"A row was refused ({first.code}: {first.message}) and the operation says"
            " stop_on_error.",
            todo=f"Mend it, then: batch-ops resume {self.execution.row.short_id}"
            " (or pass over it: --skip-rejects)",
            execution_id=execution_id,
        )


def rolled_back(counts: Counts) -> Counts:
    """The counters of a batch of which nothing was written: its good rows were skipped."""
    return Counts(
        total=counts.total,
        invalid=counts.invalid,
        failed=counts.failed,
        skipped=counts.total - counts.rejects,
    )


def new_attempt(execution: Context, claim: Claim, work: Work, batch: Batch, number: int) -> Attempt:
    """An attempt that begins now."""
    return Attempt(execution, claim, work, batch, number, utc_now())
