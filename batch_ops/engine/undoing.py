"""Undoing an execution: its rows are put back from their images, the last batch first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from sqlalchemy.exc import DBAPIError

from batch_ops.database.connect import ReopenedConnection
from batch_ops.database.faults import FaultKind
from batch_ops.database.restoring import Restoring
from batch_ops.database.savepoints import undone
from batch_ops.database.verdict import LEFT, State
from batch_ops.engine import closing
from batch_ops.engine.isolation import held_up_by_others, isolate
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.patience import patience, steady
from batch_ops.engine.retrying_ground import give_back
from batch_ops.engine.stops import named
from batch_ops.engine.taking import judge_ours
from batch_ops.engine.undoing_ground import Undo, images_there, left_alone, look, open_undo
from batch_ops.errors import ConfirmationError, UsageError
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import images as journaled
from batch_ops.journal import undos
from batch_ops.results import UndoPolicy, UndoResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from batch_ops.database.images import Images
    from batch_ops.engine.project import Project
    from batch_ops.journal.undos import UndoRow
    from batch_ops.spec.model import Step


def undo(
    project: Project,
    execution_id: str,
    *,
    policy: UndoPolicy | None = None,
    dry_run: bool = False,
    options: RunOptions = RunOptions(),
    launch: Launch | None = None,
) -> UndoResult:
    """Put back the rows an execution that has ended changed, from the images its operation kept
    (`undo: true`); again goes on where it broke off, and then takes up the rows that were left
    alone.

    policy: what becomes of rows that somebody changed since; None is `keep_newer`, or that of the
    undo that broke off. dry_run: do it all in one transaction that is rolled back, to tell how many
    rows would be put back or left alone. Of the options `confirm` (needed, save for a dry run) and
    `take_over` have a meaning.

    Raises:
        UnknownNameError: there is none of that id.
        UsageError: it has not ended, has no images, or the undo that broke off has another policy.
        ConfirmationError: nobody said yes.
        RefusedError: somebody works on it, another execution holds a table, a table is another one.
        ExecutionError: it broke off; what was put back stays so.
        KeyboardInterrupt: the batch under way was rolled back.
    """
    seen = look(project, execution_id, options, launch or Launch())
    way = _policy(seen, policy)
    if dry_run:
        with named(seen):
            return _tried(seen, way)
    if not _is_left(seen):
        return UndoResult(seen.result(), way, left=left_alone(seen))
    if not options.confirm:
        raise ConfirmationError(
            f"Undoing execution {seen.row.short_id} of {seen.row.operation} requires a"
            " confirmation.",
            todo=f"See what it would do: batch-ops undo {seen.row.short_id} --dry-run. Then do it"
            " with --yes.",
            execution_id=seen.id,
        )
    execution = open_undo(seen)
    reached(Point.RESUMED)
    try:
        with named(execution):
            return _undone(execution, way)
    finally:
        give_back(execution)


def _policy(execution: Undo, wanted: UndoPolicy | None) -> UndoPolicy:
    """The policy that holds: one undo has one."""
    before = _broken_off(execution)
    if before is None:
        return wanted or UndoPolicy.KEEP_NEWER
    if wanted not in (None, before.policy):
        raise UsageError(
            f"Undo {before.number} of execution {execution.row.short_id} broke off; it began with"
            f" the policy {before.policy}.",
            todo="Go on without a policy. Rows it leaves alone can be put back by another undo.",
            execution_id=execution.id,
        )
    return before.policy


@steady
def _broken_off(execution: Undo) -> UndoRow | None:
    with execution.database.reading() as connection:
        return undos.broken_off(execution.journal, connection, execution.id)


@steady
def _is_left(execution: Undo) -> bool:
    """Whether rows can still be put back, or an undo was not told its end."""
    with execution.database.reading() as connection:
        journal, identifier = execution.journal, execution.id
        known = undos.of_execution(journal, connection, identifier)
        open_ = not known or known[-1].completed_at is None
        return open_ or journaled.any_to_undo(journal, connection, identifier)


def _undone(execution: Undo, policy: UndoPolicy) -> UndoResult:
    before = _broken_off(execution)
    number = before.number if before else _begin(execution, policy)
    reached(Point.BEGUN)
    with _Undoing(execution, policy, number) as undoing:
        for step in reversed(execution.operation.steps):
            undoing.step(step.name)
            reached(Point.BETWEEN_STEPS)
    row = _complete(execution, number)
    reached(Point.CLOSED)
    counts = row.restored, row.as_before, row.kept, row.refused
    return UndoResult(execution.result(), policy, number, *counts, left=left_alone(execution))


@steady
def _begin(execution: Undo, policy: UndoPolicy) -> int:
    launch = execution.launch
    with execution.database.locked() as connection:
        return undos.add(
            execution.journal,
            connection,
            execution.id,
            policy=policy,
            actor=launch.actor,
            via=launch.via,
        )


@steady
def _complete(execution: Undo, number: int) -> UndoRow:
    journal = execution.journal
    with execution.database.locked() as connection:
        judge_ours(execution, connection)
        undos.complete(journal, connection, execution.id, number)
        closing.let_go(execution, connection)
        reached(Point.CLOSING)
        return undos.of_execution(journal, connection, execution.id)[number - 1]


class _Undoing:
    """Takes up batch after batch, each in a transaction of its own."""

    def __init__(self, execution: Undo, policy: UndoPolicy, number: int) -> None:
        self._execution, self._policy, self._number = execution, policy, number
        self._line = ReopenedConnection(execution.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.__exit__()

    def step(self, name: str) -> None:
        """All batches of a step that are to be taken up, the last one first."""
        execution = self._execution
        step = execution.operation.step(name)
        patient = patience(execution.database.dialect, execution.settings(step).retry)
        images: Images | None = None
        while found := patient(self._next, name):
            images = images or patient(self._known, step)
            for image in found:
                patient(self._batch, images, image)
                reached(Point.AFTER_COMMIT)

    def _known(self, step: Step) -> Images:
        images = images_there(self._execution, step)
        with self._line.healthy() as connection, connection.begin():
            images.dialect.analyze(connection, images.name)
        return images

    def _next(self, step: str) -> list[int]:
        journal, execution = self._execution.journal, self._execution
        with self._line.healthy() as connection, connection.begin():
            return journaled.to_undo(journal, connection, execution.id, step, self._number)

    def _batch(self, images: Images, image: int) -> None:
        execution = self._execution
        with self._line.healthy() as connection, execution.waits.writing(connection):
            reached(Point.BEFORE_DATA)
            found = put_back(connection, images, image, self._policy)
            reached(Point.AFTER_DATA)
            self._journal(connection, image, found)
            judge_ours(execution, connection)
            reached(Point.BEFORE_COMMIT)

    def _journal(self, connection: Connection, image: int, found: Mapping[State, int]) -> None:
        journal, execution_id = self._execution.journal, self._execution.id
        left = sum(found[state] for state in LEFT)
        journaled.taken_up(journal, connection, image, self._number, left)
        more = {state.name.lower(): number for state, number in found.items()}
        undos.count(journal, connection, execution_id, self._number, more)


def put_back(
    connection: Connection, images: Images, image: int, policy: UndoPolicy
) -> dict[State, int]:
    """Put back the rows of one batch, those the database refuses aside; how many rows it took up
    now there are in each state.
    """
    dialect = images.dialect
    restoring = Restoring.of(connection, images, image, policy)
    before = restoring.states(connection)
    savepoint = connection.begin_nested()
    try:
        restoring.run(connection, None, None)
        dialect.immediate_constraints(connection)
        savepoint.commit()
    except DBAPIError as error:
        if not undone(savepoint) or dialect.fault(error).kind is not FaultKind.ROW:
            raise
        _isolated(connection, restoring)
    after = restoring.settle(connection)
    return {state: after[state] - before[state] for state in State}


def _isolated(connection: Connection, restoring: Restoring) -> None:
    """Row by row where need be."""
    images, keys = restoring.images, restoring.keys(connection)

    def part(start: int, stop: int) -> None:
        restoring.run(connection, keys[start - 1] if start else None, keys[stop - 1])

    held_up = held_up_by_others(images.target, changes=True)
    _, refused = isolate(connection, part, len(keys), images.dialect, held_up)
    for place, _ in refused:
        restoring.refuse(connection, keys[place])


def _tried(execution: Undo, policy: UndoPolicy) -> UndoResult:
    """All of it in one transaction, which is rolled back."""
    with execution.database.lane() as connection, connection.begin() as transaction:
        execution.database.dialect.begin_write(connection)
        found = _all(execution, connection, policy)
        transaction.rollback()
    return replace(_counted(execution, policy, found), dry_run=True)


def _counted(execution: Undo, policy: UndoPolicy, found: Mapping[State, int]) -> UndoResult:
    restored, as_before, kept, refused = (found[state] for state in State)
    return UndoResult(execution.result(), policy, None, restored, as_before, kept, refused)


def _all(execution: Undo, connection: Connection, policy: UndoPolicy) -> dict[State, int]:
    journal, total = execution.journal, dict.fromkeys(State, 0)
    known = undos.of_execution(journal, connection, execution.id)
    number = len(known) + (not known or known[-1].completed_at is not None)
    for step in reversed(execution.operation.steps):
        while found := journaled.to_undo(journal, connection, execution.id, step.name, number):
            images = images_there(execution, step)
            images.dialect.analyze(connection, images.name)
            for image in found:
                states = put_back(connection, images, image, policy)
                journaled.taken_up(journal, connection, image, number, 0)
                total = {state: total[state] + states[state] for state in State}
    return total
