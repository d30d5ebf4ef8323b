"""Atomic operations: one lane, one transaction over all writing steps, all or nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batch_ops.database.connect import ReopenedConnection
from batch_ops.engine.batch import new_attempt, rolled_back
from batch_ops.engine.imaging import make_images
from batch_ops.engine.lane import asked_of
from batch_ops.engine.patience import patience
from batch_ops.engine.plans import (
    chunk_row,
    group_of,
    hold_to_limit,
    make_output,
    plan_on,
    step_row,
)
from batch_ops.engine.stops import Stop, stopped
from batch_ops.engine.taking import judge_ours
from batch_ops.engine.teller import PUBLISH_EVERY_S
from batch_ops.engine.watch import Watch
from batch_ops.engine.works import work_of
from batch_ops.errors import StoppedError
from batch_ops.events import ChunkCompleted, Progress, StepFinished, StepPlanned
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import chunks, executions, rejects
from batch_ops.journal.chunks import ChunkRow, Claim
from batch_ops.journal.rejects import BatchId
from batch_ops.journal.store import utc_now
from batch_ops.results import Counts, Reject
from batch_ops.spec.model import ErrorHandling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.engine.context import Context
    from batch_ops.engine.work import Outcome
    from batch_ops.journal.executions import StepRow
    from batch_ops.spec.model import Step


def run_group(execution: Context, among: Step) -> None:
    """Do all steps of the transaction, unless they are done.

    Args:
        execution: of an atomic operation.
        among: the step that is asked for; the others of the group are told as finished here.

    Raises:
        StoppedError: a row was refused, or a limit was reached; nothing was written.
    """
    group = group_of(execution.operation)
    if _are_done(execution, group):
        return
    for step in group:
        execution.table(step)  # made now where it is missing, in a transaction of its own
    parts = _done(execution, group)
    reached(Point.AFTER_COMMIT)
    _tell(execution, parts, among)


def _are_done(execution: Context, group: Sequence[Step]) -> bool:
    known = execution.result()
    return all(known.step(step.name).status == "finished" for step in group)


def _done(execution: Context, group: Sequence[Step]) -> list[_Part]:
    """The steps, done; again as a whole after trouble that passes, unless an answer was lost and
    they are committed.
    """
    settings = execution.settings(group[0])
    tried: list[_Transaction] = []

    def once() -> None:
        with line.healthy() as connection:
            if tried and _came_through(execution, group, connection):
                return
            tried.append(_Transaction(execution, group))
            tried[-1].do(connection)

    with ReopenedConnection(execution.database, execution.bounds(group[0])) as line:
        try:
            patience(execution.database.dialect, settings.retry)(once)
        except _Undone:
            raise _told(execution, tried[-1].parts, tried[-1].watch()) from None
    return tried[-1].parts


def _came_through(execution: Context, group: Sequence[Step], connection: Connection) -> bool:
    """Whether a commit was done whose answer was lost; a transaction that still may is waited for,
    since our worker's row is the last thing it writes.
    """
    with connection.begin():
        judge_ours(execution, connection)
    return _are_done(execution, group)


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

    def __init__(self, execution: Context, group: Sequence[Step]) -> None:
        self._execution, self._group = execution, group
        self.watch = Watch(execution, Counts())
        self.parts: list[_Part] = []
        self._counts = Counts()
        self._began = self._published = time.monotonic()

    def do(self, connection: Connection) -> None:
        execution, journal = self._execution, self._execution.journal
        with execution.waits.writing(connection):
            names = [step.name for step in self._group]
            executions.forget_steps(journal, connection, execution.id, names)
            for step in self._group:
                self._step(connection, step)
            if self._counts.rejects:
                raise _Undone
            judge_ours(execution, connection)

    def _step(self, connection: Connection, step: Step) -> None:
        execution, journal = self._execution, self._execution.journal
        part = self._plan(connection, step)
        self.parts.append(part)
        executions.begin_attempt(journal, connection, execution.id, step.name)
        with work_of(execution, step, self.watch, part.chunks) as work:
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
        plan = plan_on(execution, step, connection)
        hold_to_limit(execution, step, plan.rows)
        output = make_output(execution, step, connection)
        make_images(execution, step, connection)
        row = step_row(execution, step, plan, output)
        executions.add_step(journal, connection, execution.id, row)
        reached(Point.STORING_PLAN)
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
            for chunk in plan.chunks
        ]
        chunks.add_all(journal, connection, execution.id, found)
        return _Part(row, found, {}, [])

    def _take(self, part: _Part, chunk: ChunkRow, number: int, outcome: Outcome) -> None:
        before, self._counts = self._counts, self._counts + outcome.counts
        self.watch.took(outcome.counts)
        part.counts[chunk.number] = part.counts.get(chunk.number, Counts()) + outcome.counts
        if outcome.rejects:
            batch = BatchId(chunk.step, chunk.number, number)
            part.rejects.append((batch, outcome.rejects))
            self._judge_rejects()
        self._progress(part.row, asked=self._asked(before))

    def _judge_rejects(self) -> None:
        """All rows are tried, so that every bad one is told; unless that is not wanted."""
        stops = self._execution.operation.error_handling is ErrorHandling.STOP
        if stops or self.watch() is not None:
            raise _Undone

    def _hold(self) -> None:
        if stop := self.watch() or asked_of(self._execution):
            raise stopped(self._execution, stop)

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


def _told(execution: Context, parts: Sequence[_Part], stop: Stop | None) -> StoppedError:
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
        reached(Point.TELLING_REJECTS)
    number = sum(len(found) for part in parts for _, found in part.rejects)
    opened = stop is not None and stop.reason == "circuit_breaker"
    saw = f" {stop.saw}" if stop is not None and opened else ""
    return StoppedError(
        "circuit_breaker" if opened else "row_refused",
        f"{number} rows were refused, and the operation is atomic: nothing was written.{saw}",
        state="No row of the atomic steps was written.",
        todo=f"See them: batch-ops errors {execution.row.short_id}. Mend them, then:"
        f" batch-ops resume {execution.row.short_id}",
        execution_id=execution.id,
    )
