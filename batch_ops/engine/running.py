"""Running a step: lanes as threads, events in the calling thread."""

from __future__ import annotations

import queue
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.engine import limits, metrics
from batch_ops.engine.atomic import run_group
from batch_ops.engine.lane import BatchDone, ChunkDone, Lane, asked_of
from batch_ops.engine.pace import Pace
from batch_ops.engine.patience import steady
from batch_ops.engine.plans import group_of, plan_step
from batch_ops.engine.stops import named
from batch_ops.engine.teller import Teller
from batch_ops.errors import DatabaseUnfitError, StoppedError
from batch_ops.events import StepFinished
from batch_ops.journal import chunks, executions
from batch_ops.journal.store import utc_now
from batch_ops.spec.model import OnConflict, StepKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from batch_ops.engine.context import Context
    from batch_ops.results import StepResult
    from batch_ops.spec.model import Step

_LAST_WINS = (OnConflict.UPDATE, OnConflict.REPLACE)
"""Of records with one key the last one is written: they must be met in their order."""


def run_step(
    execution: Context, step: Step, chunk_keys: Collection[str] | None = None
) -> StepResult:
    """Do the step's chunks that are not done. See Execution.run_step."""
    with named(execution):
        if step in group_of(execution.operation):
            _run_group(execution, step)
            return step_result(execution, step)
        plan_step(execution, step)
        _begin_attempt(execution, step)
        try:
            with _measured(execution):
                _Crew(execution, step, chunk_keys).work()
        finally:
            _end_attempt(execution, step)
            metrics.record(execution, step.name)
            execution.notices.settle(share=0.5)
    return step_result(execution, step)


def _run_group(execution: Context, step: Step) -> None:
    try:
        with _measured(execution):
            run_group(execution, step, _Watch(execution))
    finally:
        for each in group_of(execution.operation):
            metrics.record(execution, each.name)


def _measured(execution: Context) -> AbstractContextManager[None]:
    return execution.waits.watched() if execution.operation.telling.metrics else nullcontext()


@steady
def _begin_attempt(execution: Context, step: Step) -> None:
    with execution.database.writing() as connection:
        executions.begin_attempt(execution.journal, connection, execution.id, step.name)


def _end_attempt(execution: Context, step: Step) -> None:
    """Where the database is gone, the next attempt finds out when this one ended."""
    with suppress(DBAPIError, DatabaseUnfitError), execution.database.writing() as connection:
        executions.end_attempt(execution.journal, connection, execution.id, step.name)


def finish_step(execution: Context, step: Step) -> StepResult:
    """Mark the step as finished. See Execution.finish_step."""
    known = execution.result()
    result = known.step(step.name)
    missing = result.chunks.total - result.chunks.completed
    if missing or not result.chunks.total:
        raise StoppedError(
            "chunks_missing",
            f"{missing} chunks of step {step.name!r} are not done.",
            todo=f"Go on: batch-ops resume {execution.row.short_id}",
            execution_id=execution.id,
        )
    limits.check_share(execution, known.counts)
    if result.status != "finished":
        with named(execution):
            _mark_finished(execution, step)
        result = step_result(execution, step)
    execution.emit(StepFinished(execution.id, execution.operation.name, result))
    return result


@steady
def _mark_finished(execution: Context, step: Step) -> None:
    with execution.database.writing() as connection:
        executions.finish_step(execution.journal, connection, execution.id, step.name)


def step_result(execution: Context, step: Step) -> StepResult:
    """The step as the journal knows it now."""
    return execution.result().step(step.name)


class _Watch:
    """Whether an execution must stop, where one transaction is all there is."""

    def __init__(self, execution: Context) -> None:
        self._execution = execution

    def __call__(self) -> str | None:
        if self._execution.lost:
            raise chunks.taken_over(self._execution.id)
        return "timeout" if out_of_time(self._execution) else asked_of(self._execution)


def out_of_time(execution: Context) -> bool:
    """Whether the operation's time is over."""
    timeout = execution.options.settings(execution.operation.settings).timeout
    return timeout is not None and utc_now() - execution.opened_at > timeout


class _Crew:
    """The lanes of one step in this process, and what they tell."""

    def __init__(self, execution: Context, step: Step, chunk_keys: Collection[str] | None) -> None:
        self._execution, self._step, self._keys = execution, step, chunk_keys
        self._settings = execution.settings(step)
        self._told: queue.SimpleQueue[BatchDone | ChunkDone | BaseException | None]
        self._told = queue.SimpleQueue()
        self._reason: str | None = None
        known = execution.result()
        self._total = known.counts
        self._teller = Teller(execution, step, known)
        self._lock = threading.Lock()
        self._pace = Pace(self._settings.throttle, lambda: self._reason)

    def work(self) -> None:
        """Start the lanes, hand on what they tell until all have ended, raise what stopped them."""
        self._limit()
        lanes = [self._thread(number) for number in range(1, self._lanes() + 1)]
        for thread in lanes:
            thread.start()
        errors: list[BaseException] = []
        try:
            self._listen(len(lanes), errors)
        except BaseException:
            self._stop("interrupted")
            for thread in lanes:
                thread.join()
            self._drain(errors)
            raise
        self._teller.progress()
        if errors:
            raise _first_cause(errors)

    def _lanes(self) -> int:
        step = self._step
        ordered = step.stream is not None and self._settings.parallel is not True
        one_lane = ordered or step.kind is StepKind.UPSERT or step.on_conflict in _LAST_WINS
        open_chunks = sum(
            not info.completed and (self._keys is None or info.key in self._keys)
            for info in self._execution.chunks(self._step.name)
        )
        return max(1, min(1 if one_lane else self._settings.max_workers, open_chunks))

    def _thread(self, number: int) -> threading.Thread:
        worker = self._execution.project.worker().name
        lane = Lane(
            execution=self._execution,
            step=self._step,
            name=f"{worker}/{number}",
            report=self._report,
            must_stop=self._must_stop,
            among=self._keys,
            pace=self._pace,
        )
        return threading.Thread(target=self._run, args=(lane,), name=f"lane-{number}", daemon=True)

    def _run(self, lane: Lane) -> None:
        try:
            lane.run()
        except BaseException as error:
            self._stop("another_lane_failed")
            self._told.put(error)
        finally:
            self._told.put(None)

    # called in the lanes' threads

    def _report(self, message: BatchDone | ChunkDone) -> None:
        if isinstance(message, BatchDone):
            with self._lock:
                self._total += message.counts
            self._limit()
        self._told.put(message)

    def _limit(self) -> None:
        if limits.is_over(self._execution, self._total):
            self._stop("max_errors")

    def _must_stop(self) -> str | None:
        if self._execution.lost:
            raise chunks.taken_over(self._execution.id)
        if self._reason is None and out_of_time(self._execution):
            self._stop("timeout")
        return self._reason

    def _stop(self, reason: str) -> None:
        with self._lock:
            self._reason = self._reason or reason

    # called in the caller's thread

    def _listen(self, running: int, errors: list[BaseException]) -> None:
        while running:
            try:
                message = self._told.get(timeout=0.2)
            except queue.Empty:
                self._teller.tick()
                continue
            if message is None:
                running -= 1
            else:
                self._hand_on(message, errors)
                self._teller.tick()

    def _drain(self, errors: list[BaseException]) -> None:
        while not self._told.empty():
            message = self._told.get_nowait()
            if message is not None:
                self._hand_on(message, errors)

    def _hand_on(
        self, message: BatchDone | ChunkDone | BaseException, errors: list[BaseException]
    ) -> None:
        if isinstance(message, BaseException):
            errors.append(message)
        elif isinstance(message, BatchDone):
            self._teller.committed(message)
        else:
            self._teller.completed(message)


def _first_cause(errors: list[BaseException]) -> BaseException:
    """What stopped the step; not a lane that ended because another one did."""
    for error in errors:
        if not (isinstance(error, StoppedError) and error.reason == "another_lane_failed"):
            return error
    return errors[0]
