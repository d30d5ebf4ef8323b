"""Running a step: lanes as threads, events in the calling thread."""

from __future__ import annotations

import queue
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.engine import limits, metrics
from batch_ops.engine.atomic import run_group
from batch_ops.engine.discretion import discreet, hides
from batch_ops.engine.imaging import keeps_images
from batch_ops.engine.lane import BatchDone, BatchFailed, Lane, Message
from batch_ops.engine.pace import LOOK_EVERY_S, Pace
from batch_ops.engine.patience import steady
from batch_ops.engine.plans import group_of, plan_step
from batch_ops.engine.stops import named
from batch_ops.engine.teller import Teller
from batch_ops.engine.watch import Watch
from batch_ops.errors import DatabaseUnfitError, StoppedError
from batch_ops.events import StepFinished
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import chunks, executions
from batch_ops.spec.model import OnConflict, StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from batch_ops.engine.context import Context
    from batch_ops.results import StepResult
    from batch_ops.spec.model import Step

_LAST_WINS = (OnConflict.UPDATE, OnConflict.REPLACE)
"""Of records with one key the last one is written: they must be met in their order."""
LEFT_BEHIND_S = 2.0
"""How long lanes have to end once their statements were broken off."""


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
                Crew(execution, step, chunk_keys).work()
        finally:
            _end_attempt(execution, step)
            metrics.record(execution, step.name)
            execution.notices.settle(share=0.5)
    return step_result(execution, step)


def _run_group(execution: Context, step: Step) -> None:
    try:
        with _measured(execution):
            run_group(execution, step)
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
        reached(Point.BETWEEN_STEPS)
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


@steady
def _given_back(execution: Context, step: Step) -> set[str]:
    """The keys of the step's chunks that are not completed and that no other process holds; none of
    them is held any more.
    """
    journal, worker = execution.journal, execution.project.worker().name
    with execution.database.reading() as connection:
        left = chunks.left_open(journal, connection, execution.id, step.name, worker)
    if left:
        with execution.database.writing() as connection:
            chunks.release(journal, connection, execution.id, worker)
    return left


class Crew:
    """The lanes of one step in this process, and what they tell.

    lane: what a lane is.
    """

    def __init__(
        self,
        execution: Context,
        step: Step,
        chunk_keys: Collection[str] | None,
        lane: Callable[..., Lane] = Lane,
    ) -> None:
        self._execution, self._step, self._keys = execution, step, chunk_keys
        self._lane = lane
        self._settings = execution.settings(step)
        self._told: queue.SimpleQueue[Message | BaseException | None] = queue.SimpleQueue()
        known = execution.result()
        self._watch = Watch(execution, known.counts)
        self._teller = Teller(execution, step, known)
        self._pace = Pace(self._settings.throttle, self._at_work)

    def work(self) -> None:
        """Start the lanes, hand on what they tell until all have ended, raise what stopped them.

        A server that crashes forgets its last commits, also those of a lane that has ended by then:
        what it had done is done again.
        """
        before, left = None, self._round()
        while left and left != before:
            before, left = left, self._round()

    def _round(self) -> set[str]:
        """Run lanes to their ends; the keys of the chunks that this process could still do."""
        lanes = [self._thread(number) for number in range(1, self._lanes() + 1)]
        for thread in lanes:
            thread.start()
        errors: list[BaseException] = []
        try:
            self._listen(len(lanes), errors)
        except BaseException:
            self._watch.stop("interrupted")
            self._await(lanes)
            self._drain(errors)
            raise
        self._teller.progress()
        if errors:
            raise _first_cause(errors)
        left = _given_back(self._execution, self._step)
        return left if self._keys is None else left.intersection(self._keys)

    def _await(self, lanes: Sequence[threading.Thread]) -> None:
        """Until they have ended. Once all was broken off, not long: what still is at work is no
        statement. A lane that is left behind commits nothing, for its token is void by then.
        """
        broken_off, left = self._execution.project.broken_off, LEFT_BEHIND_S
        for lane in lanes:
            while lane.is_alive() and left > 0:
                lane.join(LOOK_EVERY_S)
                left -= LOOK_EVERY_S if broken_off.is_set() else 0.0

    def _lanes(self) -> int:
        step = self._step
        ordered = step.stream is not None and self._settings.parallel is not True
        one_lane = ordered or step.kind is StepKind.UPSERT or step.on_conflict in _LAST_WINS
        one_lane = one_lane or self._needs_order()
        left = sum(
            not info.completed and (self._keys is None or info.key in self._keys)
            for info in self._execution.chunks(self._step.name)
        )
        return max(1, min(1 if one_lane else self._settings.max_workers, left))

    def _needs_order(self) -> bool:
        """Whether batches are undone in the order in which they were done: rows that refer to each
        other.
        """
        execution, step = self._execution, self._step
        return keeps_images(execution, step) and execution.table(step).refers_to_itself

    def _thread(self, number: int) -> threading.Thread:
        worker = self._execution.project.worker().name
        lane = self._lane(
            execution=self._execution,
            step=self._step,
            name=f"{worker}/{number}",
            report=self._report,
            watch=self._watch,
            pace=self._pace,
            among=self._keys,
        )
        return threading.Thread(target=self._run, args=(lane,), name=f"lane-{number}", daemon=True)

    def _run(self, lane: Lane) -> None:
        try:
            lane.run()
        except BaseException as error:
            self._watch.stop("another_lane_failed")
            self._told.put(error)
        finally:
            self._told.put(None)

    # called in the lanes' threads

    def _at_work(self) -> int:
        database = self._execution.database
        with database.reading() as connection:
            return database.dialect.at_work(connection)

    def _report(self, message: Message) -> None:
        if isinstance(message, BatchDone):
            self._watch.took(message.counts)
        elif isinstance(message, BatchFailed) and not message.smaller:
            hidden = hides(self._execution.entities.values())
            fault = discreet(message.fault, hidden=hidden)
            self._watch.failed(f"{fault.code}: {fault.message}")
        self._told.put(message)

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

    def _hand_on(self, message: Message | BaseException, errors: list[BaseException]) -> None:
        if isinstance(message, BaseException):
            errors.append(message)
        elif isinstance(message, BatchDone):
            self._teller.committed(message)
        elif isinstance(message, BatchFailed):
            self._teller.failed(message)
        else:
            self._teller.completed(message)


def _first_cause(errors: list[BaseException]) -> BaseException:
    """What stopped the step; not a lane that ended because another one did."""
    for error in errors:
        if not (isinstance(error, StoppedError) and error.reason == "another_lane_failed"):
            return error
    return errors[0]
