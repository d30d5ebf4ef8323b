"""Who was frozen and taken over cannot write when it wakes; a second one is told of the first."""

from __future__ import annotations

import json
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from sqlalchemy import text

from batch_ops import faultpoints
from batch_ops.cli.app import execute
from batch_ops.database.postgresql import PostgreSQL as Dialect
from batch_ops.engine import RunOptions, history, newest_unfinished, resume, run
from batch_ops.errors import OwnershipError
from batch_ops.faultpoints import Point
from batch_ops_tests.support.crash_kills import KillAt, child_run_at_once
from batch_ops_tests.support.waiting import one_waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops_tests.support.crash_kills import Kill, World
    from batch_ops_tests.support.forkserver import Child, ForkServer

TAKE_OVER = RunOptions(take_over=True)
TAKEN_OVER, REFUSED = 4, 70
"""Exit codes: of the shell, and of a child that ends with an error of the engine."""


def _slow(value: str) -> Any:
    return pytest.param(value, marks=pytest.mark.slow)


def child_shell(operation: str, frozen: Kill | None) -> int:
    """`batch-ops run` in the folder and on the database of the environment: one lane, for another
    one would be frozen anywhere, with rows locked.
    """
    if frozen is not None:
        faultpoints.install(KillAt(*frozen, signal.SIGSTOP))
    return execute(["run", operation, "--no-dagster", "--json", "--max-workers", "1"])


def shell(world: World, server: ForkServer, operation: str, frozen: Kill | None = None) -> Child:
    """The operation, begun from the shell by a process that freezes itself there."""
    environment = {"BATCH_OPS_DATABASE_URL": world.url}
    return server.run(child_shell, operation, frozen, env=environment, cwd=world.folder)


def wait_until(fulfilled: Callable[[], Any], child: Child) -> None:
    """Until it is so, while the child lives."""
    deadline = time.monotonic() + 30
    while not fulfilled():
        assert child.poll() is None, child.output
        assert time.monotonic() < deadline, child.output
        time.sleep(0.005)


def is_frozen(child: Child) -> bool:
    return psutil.Process(child.pid).status() == psutil.STATUS_STOPPED


@contextmanager
def held(world: World, statement: str) -> Iterator[None]:
    """Somebody's transaction that has done this and is not committed; rolled back at the end."""
    with world.project.database().engine.connect() as connection:
        connection.execute(text(statement))
        yield
        connection.rollback()


def wakes_in_vain(child: Child) -> dict[str, Any]:
    """It goes on, ends, and says that it was taken over."""
    child.kill(signal.SIGCONT)
    assert child.wait() == TAKEN_OVER, child.output
    told: dict[str, Any] = json.loads(child.output[child.output.index("{") :].splitlines()[0])
    assert told["stopped_reason"] == "taken_over"
    return told


BLOCKED = {
    "an UPDATE": ("change", "UPDATE stock SET touched_at = touched_at WHERE id = 57"),
    "a COPY": ("import_file", "INSERT INTO arrivals VALUES (57, 'rival', 1, NULL)"),
    "a DELETE": ("remove", "UPDATE stock SET touched_at = touched_at WHERE id = 57"),
}


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("what", ["an UPDATE", "a COPY", _slow("a DELETE")])
def test_frozen_in_the_middle_of_a_statement_and_taken_over(
    world: World, crash_server: ForkServer, what: str
):
    """The statement waits for a rival's row when the process is frozen; its session is ended."""
    operation, statement = BLOCKED[what]
    with held(world, statement):
        child = shell(world, crash_server, operation)
        wait_until(lambda: one_waits(world.project.database()), child)
        child.kill(signal.SIGSTOP)
        with pytest.raises(OwnershipError, match=f"process {child.pid}.*") as caught:
            world.resume()
        assert "--take-over" in caught.value.todo
    world.resume(TAKE_OVER)
    wakes_in_vain(child)
    assert list(world.differences(operation)) == []


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("operation", ["change", _slow("import_file"), _slow("three_steps")])
def test_frozen_when_all_but_the_commit_is_done_and_taken_over(
    world: World, crash_server: ForkServer, operation: str
):
    child = shell(world, crash_server, operation, (Point.BEFORE_COMMIT, 6))
    wait_until(lambda: is_frozen(child), child)
    world.resume(TAKE_OVER)
    wakes_in_vain(child)
    assert list(world.differences(operation)) == []


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("operation", [_slow("change"), _slow("import_file"), "ask"])
def test_the_token_alone_keeps_it_from_writing_where_its_session_lives_on(
    world: World, crash_server: ForkServer, operation: str, monkeypatch: pytest.MonkeyPatch
):
    """Whoever takes over may not be allowed to end others' sessions. The one that wakes does its
    batch once more, finds another token at its end, and rolls back.
    """
    child = shell(world, crash_server, operation, (Point.BEFORE_DATA, 6))
    wait_until(lambda: is_frozen(child), child)
    monkeypatch.setattr(Dialect, "end_sessions", lambda *_: 0)
    world.resume(TAKE_OVER)
    wakes_in_vain(child)
    assert list(world.differences(operation)) == []


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize(
    "point", [_slow(Point.BEFORE_DATA), Point.AFTER_DATA, _slow(Point.AFTER_COMMIT)]
)
def test_on_one_writers_database_the_second_is_refused_at_once_and_told_the_holder(
    world: World, crash_server: ForkServer, point: Point
):
    """A transaction of the frozen one keeps everybody from writing; nobody waits for it."""
    child = shell(world, crash_server, "change", (point, 6))
    wait_until(lambda: is_frozen(child), child)
    unfinished, began = newest_unfinished(world.project), time.monotonic()
    assert unfinished is not None
    for attempt in (
        lambda: resume(world.project, unfinished, options=TAKE_OVER),
        lambda: run(world.project, "remove"),
    ):
        with pytest.raises(OwnershipError, match=f"process {child.pid}"):
            attempt()
    assert time.monotonic() - began < 3
    child.kill(signal.SIGCONT)
    assert child.wait() == 1, child.output
    assert list(world.differences("change")) == []


ROUNDS = 50


def starts_at_once(world: World, server: ForkServer, place: Path) -> list[Child]:
    """Two processes that begin the same operation in the same instant."""
    start = place / "start"
    arguments = (str(world.folder), world.url, "remove", str(start))
    children = [server.run(child_run_at_once, *arguments) for _ in range(2)]
    while len(list(place.glob("start.*"))) < len(children):
        assert all(child.poll() is None for child in children), [c.output for c in children]
        time.sleep(0.0005)
    start.touch()
    return children


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.slow
def test_of_two_that_start_in_the_same_instant_one_runs_and_the_other_is_told_of_it(
    world: World, crash_server: ForkServer, tmp_path: Path
):
    """Every other time there is no journal yet, which both want to make."""
    for number in range(ROUNDS):
        (place := tmp_path / str(number)).mkdir()
        here = world.worlds.new()
        if number % 2:
            here.project.journal().ensure()
        children = starts_at_once(here, crash_server, place)
        codes = sorted(child.wait() for child in children)
        assert codes == [1, REFUSED], [child.output for child in children]
        (only,) = history(here.project)
        (refused,) = [child.output for child in children if child.wait() == REFUSED]
        assert "UnfinishedExecutionError" in refused
        assert only.execution_id[:8] in refused
        assert list(here.differences("remove")) == []
        here.close()
