"""Interrupted, terminated, killed, forgotten: journal and Dagster agree again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from batch_ops.cli.app import execute
from batch_ops.engine import cancel
from batch_ops.errors import OwnershipError, RefusedError, UsageError
from batch_ops.orchestration import processes, reconcile
from batch_ops.orchestration.launch import launch_resume, launch_run
from batch_ops.orchestration.session import Session
from batch_ops.results import Status
from batch_ops_tests.integration.orchestration.test_failed_runs import (
    CHUNKS,
    assert_whole,
    committed,
    missing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops_tests.support.things import Things

WRITTEN_BY_DAGSTER = ("history", "storage", "schedules", "logs", ".nux", ".telemetry")
ENDED = (Status.STOPPED, Status.FAILED)


@contextmanager
def launched(things: Things, what: str, number: int) -> Iterator[subprocess.Popen[str]]:
    """`settle_things` in a process of its own that does something at the n-th chunk."""
    command = [sys.executable, "-m", "batch_ops_tests.support.launching", what, str(number)]
    with subprocess.Popen(
        command, cwd=things.folder, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def runs(things: Things) -> list[dg.DagsterRun]:
    with things.instance() as instance:
        return list(instance.get_runs())


def wait_there(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow
def test_a_signal_ends_the_run_canceled_and_the_execution_stopped(imported: Things, number):
    imported.slow_update()
    with launched(imported, "tell", 2) as process:
        wait_there(process)
        process.send_signal(number)
        assert process.wait(30) == 130
    result = imported.newest()
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "interrupted")
    [run] = runs(imported)
    assert run.status is dg.DagsterRunStatus.CANCELED
    left = len(missing(imported))
    assert 0 < left < 10
    assert launch_resume(imported.project, result.execution_id).status is Status.COMPLETED
    assert_whole(imported)


@pytest.mark.slow
def test_terminated_in_dagster_a_shell_run_ends(imported: Things):
    imported.slow_update(2_400_000)
    with launched(imported, "tell", 2) as process:
        wait_there(process)
        with imported.instance() as instance:
            [run] = instance.get_runs()
            instance.report_run_canceling(run)
        assert process.wait(30) == 4
    assert runs(imported)[0].status is dg.DagsterRunStatus.CANCELED
    result = imported.newest()
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "interrupted")


def test_killed_and_resumed_everything_is_whole_and_no_run_goes_on(imported: Things):
    with launched(imported, "kill", 4) as process:
        assert process.wait(30) == -signal.SIGKILL
    [dead] = runs(imported)
    assert dead.status is dg.DagsterRunStatus.STARTED
    assert len(missing(imported)) == 6, "the lane may be further than what is shown"
    execution_id = imported.newest().execution_id
    assert launch_resume(imported.project, execution_id).status is Status.COMPLETED
    assert assert_whole(imported).execution_id == execution_id
    child, root = runs(imported)
    assert root.status is dg.DagsterRunStatus.FAILURE
    assert child.status is dg.DagsterRunStatus.SUCCESS
    assert child.root_run_id == root.run_id


@pytest.mark.slow
def test_without_everything_dagster_wrote_the_partitions_come_back(imported: Things):
    with launched(imported, "kill", 4) as process:
        process.wait(30)
    forget_dagster(imported.folder)
    assert imported.keys("update") == []
    result = launch_resume(imported.project, imported.newest().execution_id)
    assert result.status is Status.COMPLETED
    assert_whole(imported)
    for step in CHUNKS:
        assert set(imported.keys(step)) == imported.green(step), step


def forget_dagster(folder: Path) -> None:
    for name in WRITTEN_BY_DAGSTER:
        shutil.rmtree(folder / name, ignore_errors=True)


@pytest.mark.slow
def test_the_sensor_closes_dead_runs_and_shows_what_was_committed(imported: Things):
    with launched(imported, "kill", 4) as process:
        process.wait(30)
    repository = imported.definitions().get_repository_def()
    sensor = repository.get_sensor_def("batch_ops_reconcile")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    with imported.instance() as instance:
        instance.wipe_assets([dg.AssetKey(["things", "settle_things", "update"])])
        tick = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    assert tick.skip_message == "1 dead runs were closed."
    assert imported.green("update") == committed(imported)
    assert len(imported.green("update")) >= 4
    assert runs(imported)[0].status is dg.DagsterRunStatus.FAILURE
    assert not imported.newest().status.finished, "resuming is a person's decision"


@pytest.mark.parametrize("dead", [True, False])
@pytest.mark.slow
def test_of_a_cancelled_execution_only_what_was_done_is_shown(imported: Things, dead: bool):
    """Its missing chunks will never be made: they are no partitions any more."""
    imported.slow_update(2_400_000)
    with launched(imported, "kill" if dead else "tell", 4) as process:
        if not dead:
            wait_there(process)
            cancel(imported.project, imported.newest().execution_id)
        assert process.wait(30) == (-signal.SIGKILL if dead else 4)
    if dead:
        assert execute(("cancel", imported.newest().execution_id)) == 0
    assert imported.newest().status is Status.CANCELLED
    assert len(imported.keys("update")) >= 4
    assert set(imported.keys("update")) == imported.green("update") == committed(imported)
    [run] = runs(imported)
    assert run.status is (dg.DagsterRunStatus.STARTED if dead else dg.DagsterRunStatus.FAILURE)


@pytest.mark.slow
def test_a_run_that_works_is_not_called_dead(imported: Things):
    imported.slow_update()
    with launched(imported, "tell", 1) as process:
        wait_there(process)
        with imported.instance() as instance:
            assert reconcile.close_dead_runs(instance) == 0
        with pytest.raises(OwnershipError):
            launch_resume(imported.project, imported.newest().execution_id)
        assert process.wait(60) == 0
    with imported.instance() as instance:
        first = [r for r in instance.get_runs() if r.parent_run_id is None]
    assert [run.status for run in first] == [dg.DagsterRunStatus.SUCCESS]
    assert_whole(imported)


@pytest.mark.slow
def test_partitions_turn_green_while_the_run_goes_on(imported: Things):
    imported.slow_update()
    with launched(imported, "tell", 2) as process:
        wait_there(process)
        seen = set()
        while process.poll() is None:
            seen.add(len(imported.green("update")))
            time.sleep(0.05)
        assert process.returncode == 0
    assert len(seen) > 3, seen


def test_a_paused_queue_refuses_the_shell_in_words(imported: Things):
    with imported.instance() as instance:
        instance.event_log_storage.set_concurrency_slots("batch_ops", 0)
    with pytest.raises(RefusedError, match="queue is paused"):
        launch_run(imported.project, "settle_things")
    assert imported.newest("import_things").status is Status.COMPLETED_WITH_ERRORS
    assert runs(imported) == []
    with imported.instance() as instance:
        instance.event_log_storage.set_concurrency_slots("batch_ops", 1)
    assert launch_run(imported.project, "settle_things").status is Status.COMPLETED


def test_a_broken_instance_is_told_in_words(imported: Things):
    (imported.folder / "dagster.yaml").write_text("run_queue: {max_concurrent_runs: x")
    with pytest.raises(UsageError, match="cannot be opened") as caught:
        launch_run(imported.project, "settle_things")
    assert "--no-dagster" in str(caught.value)
    assert imported.query("SELECT COUNT(*) FROM batch_operations") == [(1,)]


@pytest.mark.slow
def test_a_reexecuted_run_is_not_dead_because_of_its_parents_process(imported: Things):
    with launched(imported, "kill", 4) as process:
        process.wait(30)
    with imported.instance() as instance:
        [dead] = instance.get_runs()
        assert processes.is_dead(dead)
        child = instance.create_run_for_job(
            imported.job("settle_things"), tags=dead.tags, parent_run_id=dead.run_id,
            root_run_id=dead.run_id,
        )  # fmt: skip
        assert not processes.is_dead(child)


@pytest.mark.parametrize(
    ("when", "at"), [("begin_or_join", 1), ("mark", 1), ("ended", 2), ("join", 3)]
)
def test_an_interrupt_at_any_moment_of_an_op_is_told(imported: Things, monkeypatch, when, at):
    """Also while an op opens the execution, or between two of them."""
    original, calls = getattr(Session, when), 0

    def interrupted(self: Session, *args: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt
        return original(self, *args, **more)

    monkeypatch.setattr(Session, when, interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch_run(imported.project, "settle_things")
    monkeypatch.undo()
    result = imported.newest()
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "interrupted")
    assert runs(imported)[0].status is dg.DagsterRunStatus.CANCELED
    assert imported.query("SELECT COUNT(*) FROM batch_operations WHERE status = 'running'") == [
        (0,)
    ]
