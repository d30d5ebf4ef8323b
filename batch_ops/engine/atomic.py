"""Atomic operations: one lane, one transaction over all writing steps, all or nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batch_ops.engine import limits
from batch_ops.engine.batch import new_attempt, rolled_back
from batch_ops.engine.plans import chunk_row, group_of, hold_to_limit, make_output, plan_on
from batch_ops.engine.stops import stopped
from batch_ops.engine.teller import PUBLISH_EVERY_S
from batch_ops.engine.works import work_of
from batch_ops.errors import StoppedError
from batch_ops.events import ChunkCompleted, Progress, StepFinished, StepPlanned
from batch_ops.journal import chunks, executions, ownership, rejects
from batch_ops.journal.chunks import ChunkRow, Claim
from batch_ops.journal.executions import StepRow
from batch_ops.journal.rejects import BatchId
from batch_ops.journal.store import utc_now
from batch_ops.results import Counts, Reject
from batch_ops.spec.model import ErrorHandling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from batch_ops.engine.context import Context
    from batch_ops.engine.work import Outcome
    from batch_ops.spec.model import Step


def run_group(execution: Context, among: Step, must_stop: Callable[[], str | None]) -> None:
    """Do all steps of the transaction, unless they are done.

    Args:
        execution: of an atomic operation.
        among: the step that is asked for; the others of the group are told as finished here.
        must_stop: asked between two batches; the reason, or None.

    Raises:
        StoppedError: a row was refused, or a limit was reached; nothing was written.
    """
    group = group_of(execution.operation)
    known = execution.result()
    if all(known.step(step.name).status == "finished" for step in group):
        return
    for step in group:
        execution.table(step)  # made now where it is missing, in a transaction of its own
    work = _Transaction(execution, group, must_stop)
    try:
        work.do()
    except _Undone:
        raise _told(execution, work.parts) from None
    _tell(execution, work.parts, among)


@dataclass
class _Part:
    """A step within the transaction: its row, its chunks, and what became of their batches."""

    row: StepRow
    chunks: list[ChunkRow]
    counts: dict[int, Counts]
    rejects: list[tuple[BatchId, tuple[Reject, ...]]]


class _Undone(Exception):
    """Rows were refused: the transaction rolls back."""


class _Transaction:
    """All steps, planned and done on one connection."""

    def __init__(
        self, execution: Context, group: Sequence[Step], must_stop: Callable[[], str | None]
    ) -> None:
        self._execution, self._group, self._must_stop = execution, group, must_stop
        self.parts: list[_Part] = []
        self._counts = Counts()
        self._began = self._published = time.monotonic()

    def do(self) -> None:
        execution, journal = self._execution, self._execution.journal
        with execution.database.lane() as connection, execution.waits.writing(connection):
            names = [step.name for step in self._group]
            executions.forget_steps(journal, connection, execution.id, names)
            for step in self._group:
                self._step(connection, step)
            if self._counts.rejects:
                raise _Undone
            self._judge_ours(connection)

    def _judge_ours(self, connection: Connection) -> None:
        """Who takes an execution over strikes its worker out: then nothing is committed."""
        execution = self._execution
        worker = execution.project.worker().name
        if not ownership.beat(execution.journal, connection, execution.id, worker):
            raise chunks.taken_over(execution.id)

    def _step(self, connection: Connection, step: Step) -> None:
        execution, journal = self._execution, self._execution.journal
        part = self._plan(connection, step)
        self.parts.append(part)
        executions.begin_attempt(journal, connection, execution.id, step.name)
        with work_of(execution, step, self._must_stop, part.chunks) as work:
            for chunk in part.chunks:
                claim = Claim(chunk, chunk.token)
                with work.batches(connection, chunk) as batches:
                    for number, batch in enumerate(batches, 1):
                        attempt = new_attempt(execution, claim, work, batch, number)
                        self._hold()
                        self._take(part, chunk, number, attempt.within(connection))
        executions.end_attempt(journal, connection, execution.id, step.name)
        executions.finish_step(journal, connection, execution.id, step.name)

    def _plan(self, connection: Connection, step: Step) -> _Part:
        execution, journal = self._execution, self._execution.journal
        rows, planned = plan_on(execution, step, connection)
        hold_to_limit(execution, step, rows)
        output = make_output(execution, step, connection)
        number = execution.operation.number_of(step)
        row = StepRow(step.name, number, str(step.kind), "planned", rows, output)
        executions.add_step(journal, connection, execution.id, row)
        worker, now = f"{execution.project.worker().name}/1", utc_now()
        found = [
            replace(
                chunk_row(execution, step, chunk),
                token=1,
                worker=worker,
                status=chunks.RUNNING if chunk.upper else chunks.COMPLETED,
                started_at=now,
                completed_at=None if chunk.upper else now,
            )
            for chunk in planned
        ]
        chunks.add_all(journal, connection, execution.id, found)
        return _Part(row, found, {}, [])

    def _take(self, part: _Part, chunk: ChunkRow, number: int, outcome: Outcome) -> None:
        before, self._counts = self._counts, self._counts + outcome.counts
        part.counts[chunk.number] = part.counts.get(chunk.number, Counts()) + outcome.counts
        if outcome.rejects:
            batch = BatchId(chunk.step, chunk.number, number)
            part.rejects.append((batch, outcome.rejects))
            self._judge_rejects()
        self._progress(part.row, asked=self._asked(before))

    def _judge_rejects(self) -> None:
        """All rows are tried, so that every bad one is told; unless that is not wanted."""
        stops = self._execution.operation.error_handling is ErrorHandling.STOP
        if stops or limits.is_over(self._execution, self._counts):
            raise _Undone

    def _hold(self) -> None:
        reason = self._must_stop()
        if reason:
            raise stopped(self._execution, reason)

    def _asked(self, before: Counts) -> bool:
        return self._execution.operation.telling.asks(before.total, self._counts.total)

    def _progress(self, row: StepRow, *, asked: bool) -> None:
        now = time.monotonic()
        if now - self._published < PUBLISH_EVERY_S and not asked:
            return
        self._published = now
        name = self._execution.operation.name
        self._execution.emit(
            Progress(
                self._execution.id,
                name,
                row.name,
                self._counts,
                row.planned_rows,
                now - self._began,
                asked,
            )
        )


def _tell(execution: Context, parts: Sequence[_Part], among: Step) -> None:
    """After the commit: what was planned and done, step by step."""
    name = execution.operation.name
    for part in parts:
        step, rows = part.row.name, part.row.planned_rows
        keys = tuple(chunk.key for chunk in part.chunks)
        execution.emit(StepPlanned(execution.id, name, step, keys, rows))
        for chunk in execution.chunks(step):
            times = chunk.started_at or utc_now(), chunk.completed_at or utc_now()
            execution.emit(
                ChunkCompleted(
                    execution.id, name, step, chunk.key, chunk.counts, chunk.batches, *times
                )
            )
        if step != among.name:
            result = execution.result().step(step)
            execution.emit(StepFinished(execution.id, name, result))


def _told(execution: Context, parts: Sequence[_Part]) -> StoppedError:
    """After the roll back: what is known of the rows, and the error that stops."""
    journal = execution.journal
    with execution.database.writing() as connection:
        names = [part.row.name for part in parts]
        executions.forget_steps(journal, connection, execution.id, names)
        for part in parts:
            executions.add_step(
                journal, connection, execution.id, replace(part.row, output_table=None)
            )
            plain = [replace(c, status=chunks.PLANNED, token=0, worker=None) for c in part.chunks]
            chunks.add_all(journal, connection, execution.id, plain)
            for number, counts in part.counts.items():
                chunks.note_attempt(
                    journal, connection, execution.id, part.row.name, number, rolled_back(counts)
                )
            for batch, found in part.rejects:
                rejects.add(journal, connection, execution.id, batch, found)
    number = sum(len(found) for part in parts for _, found in part.rejects)
    return StoppedError(
        "row_refused",
        f"{number} rows were refused, and the operation is atomic: nothing was written.",
        state="No row of the atomic steps was written.",
        todo=f"See them: batch-ops errors {execution.row.short_id}. Mend them, then:"
        f" batch-ops resume {execution.row.short_id}",
        execution_id=execution.id,
    )
