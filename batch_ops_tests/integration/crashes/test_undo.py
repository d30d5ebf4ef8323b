"""Killed on its way and undone, or killed while it is undone: every row is as before it began."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import RunOptions, cancel, is_worked_on, result_of, run, undo, undos_of
from batch_ops.engine.doctor.executions import look as look_at_executions
from batch_ops.engine.purge import purge_before
from batch_ops.errors import OwnershipError, TakenOverError, UsageError
from batch_ops.faultpoints import Point
from batch_ops.journal.numbered import unfinished
from batch_ops.results import Status, UndoPolicy
from batch_ops_tests.support import accounts
from batch_ops_tests.support.crash_facts import Seen, data_of
from batch_ops_tests.support.crash_kills import KILLED, child_undo
from batch_ops_tests.support.crashing import CASES
from batch_ops_tests.support.happenings import happening, once_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops_tests.support.crash_facts import Rows
    from batch_ops_tests.support.crash_kills import Kill, World
    from batch_ops_tests.support.forkserver import Child, ForkServer

OPERATION = "with_images"
KINDS = ("sqlite", "postgresql")
CONFIRMED = RunOptions(confirm=True)
RUN_KILLS = [point for point in CASES[OPERATION].points if not point.startswith("resum")]
UNDO_KILLS: tuple[Kill, ...] = (
    (Point.RESUMED, 1),
    (Point.BEGUN, 1),
    (Point.BEFORE_DATA, 2),
    (Point.AFTER_DATA, 1),
    (Point.BEFORE_COMMIT, 3),
    (Point.AFTER_COMMIT, 1),
    (Point.AFTER_COMMIT, 9),
    (Point.BETWEEN_STEPS, 1),
    (Point.BETWEEN_STEPS, 3),
    (Point.CLOSING, 1),
    (Point.CLOSED, 1),
)


def _everywhere(places: list[Point] | tuple[Kill, ...]) -> Iterator[pytest.ParameterSet]:
    """Each place on each database; a third of them is quick."""
    for row, place in enumerate(places):
        for column, kind in enumerate(KINDS):
            marks = [pytest.mark.slow] if (row + column) % 4 else []
            name = place if isinstance(place, Point) else f"{place[0]}-{place[1]}"
            yield pytest.param(place, kind, marks=marks, id=f"{name}-{kind}")


@pytest.fixture
def before(world: World) -> dict[str, Rows]:
    """The rows of all tables before anything is done."""
    return data_of(world.project)


@pytest.mark.parametrize(("point", "kind"), list(_everywhere(RUN_KILLS)))
@pytest.mark.quick("keeping_images", "before_data")
def test_killed_there_resumed_and_undone_nothing_is_left_of_it(
    world: World, before: dict[str, Rows], crash_server: ForkServer, point: Point
):
    """Images are there of exactly the batches that are."""
    hits = world.worlds.undisturbed(OPERATION).hits
    world.killed_run(crash_server, OPERATION, (point, (hits[point] + 1) // 2))
    world.resume()
    assert list(world.differences(OPERATION)) == []
    undo(world.project, Seen(world.project).id, options=CONFIRMED)
    assert data_of(world.project) == before


@pytest.mark.parametrize(("point", "kind"), list(_everywhere(RUN_KILLS[3:10])))
def test_killed_there_cancelled_and_undone_nothing_is_left_of_it(
    world: World, before: dict[str, Rows], crash_server: ForkServer, point: Point
):
    hits = world.worlds.undisturbed(OPERATION).hits
    world.killed_run(crash_server, OPERATION, (point, (hits[point] + 1) // 2))
    execution = Seen(world.project).id
    cancel(world.project, execution)
    undo(world.project, execution, options=CONFIRMED)
    assert data_of(world.project) == before


class Undone:
    """An execution that has ended, undone by processes that die."""

    def __init__(self, world: World, server: ForkServer) -> None:
        self.world, self._server = world, server
        self.result = run(world.project, OPERATION)
        assert self.result.status is Status.COMPLETED_WITH_ERRORS

    def start(self, kill: Kill | None = None) -> Child:
        arguments = (str(self.world.folder), self.world.url, self.result.execution_id, kill)
        return self._server.run(child_undo, *arguments)

    def kill(self, kill: Kill) -> None:
        child = self.start(kill)
        assert child.wait() == KILLED, child.output
        assert not is_worked_on(self.world.project, self.result.execution_id)

    def finish(self) -> None:
        undo(self.world.project, self.result.execution_id, options=CONFIRMED)

    def judge(self, before: dict[str, Rows]) -> None:
        """As if nobody had been killed: all rows are back, each was counted once, nobody holds
        anything, and the execution's own counters are what they were.
        """
        project, execution = self.world.project, self.result.execution_id
        assert data_of(project) == before
        (row,) = undos_of(project, execution)
        changed = sum(step.counts.processed for step in self.result.steps)
        assert (row.restored, row.as_before, row.kept, row.refused) == (changed, 0, 0, 0)
        assert row.completed_at is not None
        now = result_of(project, execution)
        assert (now.status, now.counts) == (self.result.status, self.result.counts)
        assert now.undone_at is not None
        assert list(Seen(project).leftovers()) == []


@pytest.fixture
def ended(world: World, before: dict[str, Rows], crash_server: ForkServer) -> Undone:
    assert before
    return Undone(world, crash_server)


@pytest.mark.parametrize(("kill", "kind"), list(_everywhere(UNDO_KILLS)))
@pytest.mark.quick("after_data-1", "closed")
def test_an_undo_killed_there_is_gone_on_with(ended: Undone, before: dict[str, Rows], kill: Kill):
    ended.kill(kill)
    ended.finish()
    ended.judge(before)


@pytest.mark.parametrize("kind", KINDS)
def test_an_undo_that_broke_off_is_told_kept_and_gone_on_with_as_it_began(
    ended: Undone, before: dict[str, Rows]
):
    """Doctor names it, purge leaves it, and another policy is refused."""
    ended.kill((Point.AFTER_COMMIT, 2))
    project, execution = ended.world.project, ended.result.execution_id
    journal = project.journal()
    with journal.database.reading() as connection:
        assert unfinished(connection, journal.tables.undos.c.undo) == [(execution, 1)]
    told = [finding.what for finding in look_at_executions(project, None)]
    assert f"Undo 1 of execution {execution[:8]} broke off." in told
    (purged,) = purge_before(project, datetime.now(UTC) + timedelta(days=1))
    assert purged.executions == ()
    with pytest.raises(UsageError, match="it began with the policy keep_newer"):
        undo(project, execution, policy=UndoPolicy.FULL_OVERWRITE, options=CONFIRMED)
    assert result_of(project, execution).undone_at is None
    ended.finish()
    ended.judge(before)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_undo_killed_again_and_again_is_gone_on_with(ended: Undone, before: dict[str, Rows]):
    for kill in UNDO_KILLS[:-2]:
        ended.kill(kill)
    ended.finish()
    ended.judge(before)


@pytest.mark.parametrize("kind", KINDS)
def test_of_several_undos_at_once_one_does_it_and_others_are_told(
    ended: Undone, before: dict[str, Rows]
):
    children = [ended.start() for _ in range(3)]
    codes = [child.wait() for child in children]
    assert 0 in codes
    for child, code in zip(children, codes, strict=True):
        assert code == 0 or OwnershipError.__name__ in child.output, child.output
    ended.finish()
    ended.judge(before)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_else_writes_the_tables_while_an_undo_works(ended: Undone, before: dict[str, Rows]):
    """It holds them as an execution does; and a run that holds them lets no undo begin."""
    refused: list[str] = []

    def try_others() -> None:
        for attempt in (lambda: run(ended.world.project, "change"), ended.finish):
            with pytest.raises(OwnershipError) as caught:
                attempt()
            refused.append(caught.value.what)

    with happening(once_at(Point.AFTER_COMMIT, 2, try_others)):
        ended.finish()
    assert len(refused) == 2
    ended.judge(before)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_an_undo_that_was_taken_over_writes_no_more(ended: Undone, before: dict[str, Rows]):
    """Its worker is struck out while it sleeps: the batch under way rolls back."""

    def struck_out() -> None:
        accounts.execute(ended.world.project.database(), ["DELETE FROM batch_workers"])

    with (
        happening(once_at(Point.AFTER_COMMIT, 2, struck_out)),
        pytest.raises(TakenOverError),
    ):
        ended.finish()
    ended.finish()
    ended.judge(before)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_another_shell_takes_an_undo_over_on_a_persons_word_alone(
    ended: Undone, before: dict[str, Rows]
):
    said: list[subprocess.CompletedProcess[str]] = []

    def others() -> None:
        shell = [sys.executable, "-m", "batch_ops", "undo", ended.result.execution_id, "--yes"]
        environment = {**os.environ, "BATCH_OPS_DATABASE_URL": ended.world.url}
        said.extend(
            subprocess.run(
                [*shell, *more],
                cwd=ended.world.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            for more in ([], ["--take-over"])
        )

    with (
        happening(once_at(Point.AFTER_COMMIT, 2, others)),
        pytest.raises(TakenOverError),
    ):
        ended.finish()
    assert [done.returncode for done in said] == [3, 0], [done.stderr for done in said]
    assert "is worked on by" in said[0].stderr
    ended.judge(before)
