"""Ctrl-C once ends the batch at work, twice rolls it back at once, whatever the database is at; and
`resume` comes to the same as if nobody had interrupted it.
"""

from __future__ import annotations

import signal
import subprocess
import time
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from sqlalchemy import text

from batch_ops.results import Counts, Status
from batch_ops_tests.support.interrupting import (
    BATCH,
    ROWS,
    Interrupting,
    interrupt,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE_S = 3.0
"""Two seconds, and what a process of a busy machine needs to end."""
ALONE = "--no-dagster"
STOPPED = (Status.STOPPED, "interrupted")


@pytest.fixture
def world(tmp_path, database_url, fork_server) -> Iterator[Interrupting]:
    made = Interrupting.made(tmp_path, database_url, fork_server)
    yield made
    made.close()


@pytest.fixture
def on_postgresql(tmp_path, postgresql_url, fork_server) -> Iterator[Interrupting]:
    made = Interrupting.made(tmp_path, postgresql_url, fork_server)
    yield made
    made.close()


@pytest.fixture
def on_mariadb(tmp_path, mariadb_url, fork_server) -> Iterator[Interrupting]:
    made = Interrupting.made(tmp_path, mariadb_url, fork_server)
    yield made
    made.close()


def assert_stopped(world: Interrupting, *, updated: int) -> None:
    """The journal says so, agrees with itself and with the rows."""
    result = world.newest()
    assert (result.status, result.stopped_reason) == STOPPED
    assert result.counts.updated == world.count() == updated
    assert world.verified()


def assert_resumed(world: Interrupting) -> None:
    """To the same state, and the same counters, as a run that nobody disturbed."""
    result = world.resumed()
    assert result.status is Status.COMPLETED
    assert result.counts == Counts(total=ROWS, updated=ROWS)
    assert world.count() == ROWS
    assert world.verified()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
@pytest.mark.quick("sqlite-2")
def test_once_the_batch_at_work_is_ended(world, number):
    """However long its statement takes; SIGTERM, which comes once, does the same."""
    world.slow(seconds=2)
    child = world.start("run", "touch_items", ALONE)
    wait_until(world.lasts)
    code, _ = interrupt(child, 1, number)
    assert code == 130
    assert "the batch at work is ended first" in child.output
    assert_stopped(world, updated=2 * BATCH)
    world.quick()
    assert_resumed(world)


@pytest.mark.quick("postgresql")
def test_twice_a_long_statement_is_broken_off_and_its_batch_rolled_back(world):
    world.slow()
    child = world.start("run", "touch_items", ALONE)
    wait_until(world.lasts)
    code, seconds = interrupt(child, 2)
    assert code == 130
    assert seconds < AT_ONCE_S, child.output
    assert "The batch at work is rolled back." in child.output
    assert f"batch-ops resume {world.newest().execution_id[:8]}" in child.output
    assert "Traceback" not in child.output
    assert_stopped(world, updated=BATCH)
    world.quick()
    code, said = world.do("resume", ALONE)
    assert code == 0, said
    assert world.newest().counts == Counts(total=ROWS, updated=ROWS)
    assert (world.count(), world.verified()) == (ROWS, True)


def test_a_server_is_at_nothing_any_more(on_postgresql):
    world = on_postgresql
    world.slow()
    child = world.start("run", "touch_items", ALONE)
    wait_until(world.lasts)
    interrupt(child, 2)
    assert world.at_work() == 0


@pytest.mark.slow
def test_on_mariadb_a_long_statement_is_broken_off(on_mariadb):
    world = on_mariadb
    with world.engine.connect() as holder:
        holder.execute(text("SELECT id FROM items WHERE id = 1500 FOR UPDATE"))
        child = world.start("run", "touch_items", ALONE)
        wait_until(lambda: world.count() == BATCH)
        time.sleep(0.5)
        code, seconds = interrupt(child, 2)
        assert code == 130
        assert seconds < AT_ONCE_S, child.output
    assert_stopped(world, updated=BATCH)
    assert_resumed(world)


@pytest.mark.slow
def test_all_lanes_are_broken_off(on_postgresql):
    """Each of them in a statement of its own."""
    world = on_postgresql
    world.slow(after=0)
    child = world.start("run", "touch_items", ALONE, "--max-workers", "3")
    wait_until(lambda: world.lasts() and world.at_work() >= 3)
    code, seconds = interrupt(child, 2)
    assert (code, world.at_work()) == (130, 0)
    assert seconds < AT_ONCE_S, child.output
    assert_stopped(world, updated=0)
    world.quick()
    assert_resumed(world)


def test_who_waits_for_somebodys_lock_waits_no_longer(on_postgresql):
    world = on_postgresql
    with world.engine.connect() as holder:
        holder.execute(text("SELECT id FROM items WHERE id = 1500 FOR UPDATE"))
        child = world.start("run", "touch_items", ALONE)
        wait_until(world.lasts)
        code, seconds = interrupt(child, 2)
        assert code == 130
        assert seconds < AT_ONCE_S, child.output
        assert_stopped(world, updated=BATCH)
    assert_resumed(world)


@pytest.mark.slow
def test_a_plan_is_broken_off(world):
    """On SQLite Python is within its library; on a server the first Ctrl-C is enough."""
    world.add(ROWS + 1, 30_000)
    child = world.start("run", "compare_items", ALONE)
    wait_until(world.begun)
    time.sleep(1)
    code, seconds = interrupt(child, 2 if world.kind == "sqlite" else 1)
    assert code == 130
    assert seconds < AT_ONCE_S, child.output
    assert_stopped(world, updated=0)
    world.change("DELETE FROM items WHERE id > 3000")
    assert_resumed(world)


@pytest.mark.slow
def test_an_atomic_operation_is_rolled_back_as_a_whole(world):
    world.slow()
    child = world.start("run", "touch_at_once", ALONE)
    wait_until(world.lasts)
    code, seconds = interrupt(child, 2)
    assert code == 130
    assert seconds < AT_ONCE_S, child.output
    assert_stopped(world, updated=0)
    world.quick()
    assert_resumed(world)


@pytest.mark.slow
def test_an_import_is_broken_off(world):
    """In the midst of what a bulk load hands over at once."""
    world.slow("INSERT ON copies")
    child = world.start("run", "import_items", ALONE)
    wait_until(world.lasts)
    code, seconds = interrupt(child, 2)
    assert code == 130
    assert seconds < AT_ONCE_S, child.output
    result = world.newest()
    assert (result.status, result.stopped_reason) == STOPPED
    assert result.counts.created == world.count("state = 'new'", "copies") == BATCH
    assert result.open_rejects == 0
    assert world.verified()
    world.quick()
    assert world.resumed().counts.created == world.count("state = 'new'", "copies") == ROWS
    assert world.verified()


@pytest.mark.slow
def test_what_is_no_statement_is_not_waited_for(world):
    """A function of Python's cannot be broken off; it is left behind, and commits nothing."""
    child = world.start("run", "ask_about_items", ALONE)
    wait_until((world.folder / "asked").exists)
    code, seconds = interrupt(child, 2)
    assert code == 130
    assert seconds < AT_ONCE_S + 2, child.output
    result = world.newest()
    assert (result.status, result.stopped_reason) == STOPPED
    assert world.verified()


@pytest.mark.slow
def test_with_dagster_it_is_the_same(world):
    world.slow()
    child = world.start("run", "touch_items")
    wait_until(world.lasts, 60)
    code, seconds = interrupt(child, 2)
    assert code == 130
    assert seconds < AT_ONCE_S + 2, child.output
    assert "Traceback" not in child.output
    assert_stopped(world, updated=BATCH)
    world.quick()
    assert_resumed(world)


@pytest.mark.slow
def test_forced_to_end_in_dagster_a_long_statement_is_broken_off(world):
    """To terminate a run there ends the batch at work first, as a single Ctrl-C does."""
    world.slow()
    with world.in_dagster("touch_items") as process:
        wait_until(world.lasts, 60)
        with world.instance() as instance:
            [run] = instance.get_runs()
            instance.report_run_canceling(run)
            process.send_signal(signal.SIGINT)  # as Dagster's own launcher does
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(2)
            instance.report_run_canceled(run)
            assert process.wait(AT_ONCE_S + 3) != 0
            assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELED
    assert_stopped(world, updated=BATCH)
    world.quick()
    assert_resumed(world)


@pytest.mark.slow
def test_terminated_in_dagster_an_atomic_operation_leaves_the_server_at_nothing(on_postgresql):
    """Its statement is waited for by the very thread that is interrupted."""
    world = on_postgresql
    world.slow()
    with world.in_dagster("touch_at_once") as process:
        wait_until(world.lasts, 60)
        process.send_signal(signal.SIGINT)
        process.wait(20)
    wait_until(lambda: world.at_work() == 0, 2)
    assert_stopped(world, updated=0)
    world.quick()
    assert_resumed(world)


@pytest.mark.slow
def test_forced_to_end_in_dagster_a_run_of_the_shell_is_broken_off(world):
    """Which Dagster cannot tell anything."""
    world.slow()
    child = world.start("run", "touch_items")
    wait_until(world.lasts, 60)
    with world.instance() as instance:
        [run] = instance.get_runs()
        instance.report_run_canceled(run)
        assert child.wait(AT_ONCE_S + 3) == 4
    assert_stopped(world, updated=BATCH)
    world.quick()
    assert_resumed(world)
