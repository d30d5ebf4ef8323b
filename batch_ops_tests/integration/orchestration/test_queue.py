"""What waits in Dagster's queue is seen in its order, started earlier, taken out, and held back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster._core.run_coordinator.base import SubmitRunContext

from batch_ops.cli.app import execute
from batch_ops.errors import UnknownNameError, UsageError
from batch_ops.orchestration import dagster_internals, queue
from batch_ops.orchestration.names import OPERATION_TAG, POOL
from batch_ops.orchestration.queue import PRIORITY_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops_tests.support.things import Things

DAEMON = (str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", "workspace.yaml")
PRIORITIES = (1, 5, 5, 20)


def waits(
    things: Things, instance: dg.DagsterInstance, priority: int, run_id: str | None = None
) -> str:
    """Put a run of `settle_things` into the queue; its id."""
    tags = {OPERATION_TAG: "settle_things", PRIORITY_TAG: str(priority)}
    job, folder = things.job("settle_things"), str(things.folder)
    made = dagster_internals.create_run(
        instance, job, run_id or str(uuid.uuid4()), {}, tags, "batch_ops", folder, None
    )
    workspace: Any = None  # a queue only keeps the run
    instance.run_coordinator.submit_run(SubmitRunContext(made, workspace))
    return made.run_id


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert execute(("queue", *arguments, "--json")) == 0
    return json.loads(capsys.readouterr().out)


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_what_waits_is_told_in_the_order_in_which_it_starts(
    things: Things, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "list") == []
    with things.instance() as instance:
        low, first, second, high = (waits(things, instance, each) for each in PRIORITIES)
        order = [each.run_id for each in queue.waiting(instance)]
    assert order == [high, first, second, low]
    found = told(capsys, "list")
    assert [(each["run_id"], each["priority"]) for each in found] == [
        (high, 20),
        (first, 5),
        (second, 5),
        (low, 1),
    ]
    assert execute(("queue", "list")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[2:]] == [
        [run_id[:8], "settle_things", str(priority)]
        for run_id, priority in ((high, 20), (first, 5), (second, 5), (low, 1))
    ]


def test_one_that_is_boosted_starts_next_or_where_it_is_said(
    things: Things, capsys: pytest.CaptureFixture[str]
) -> None:
    with things.instance() as instance:
        low, first, second, high = (waits(things, instance, each) for each in PRIORITIES)
        assert told(capsys, "boost", low[:8])["priority"] == 21
        assert told(capsys, "boost", second, "--priority", "-3")["priority"] == -3
        order = [each.run_id for each in queue.waiting(instance)]
    assert order == [low, high, first, second]


def test_one_that_is_cancelled_is_out_of_the_queue(
    things: Things, capsys: pytest.CaptureFixture[str]
) -> None:
    with things.instance() as instance:
        one, other = waits(things, instance, 1), waits(things, instance, 2)
        assert told(capsys, "cancel", other)["run_id"] == other
        assert status(instance, other) is dg.DagsterRunStatus.CANCELED
        assert [each.run_id for each in queue.waiting(instance)] == [one]
        with pytest.raises(UnknownNameError, match="no waiting run"):
            queue.cancel(instance, other)


@pytest.mark.slow
def test_a_start_of_an_id_that_several_have_is_refused(things: Things) -> None:
    with things.instance() as instance:
        for end in ("1", "2"):
            waits(things, instance, 1, f"aaaaaaaa-0000-4000-8000-00000000000{end}")
        with pytest.raises(UsageError, match="Several waiting runs"):
            queue.find(instance, "aaaa")


@pytest.mark.parametrize("slots", [pytest.param(None, marks=pytest.mark.slow), 3])
def test_the_queue_is_held_back_and_gets_its_slots_again(
    things: Things, capsys: pytest.CaptureFixture[str], slots: int | None
) -> None:
    """Also when it is told twice, and by another process."""
    with things.instance() as instance:
        if slots is not None:
            instance.event_log_storage.set_concurrency_slots(POOL, slots)
        waits(things, instance, 1)
    for _ in range(2):
        assert told(capsys, "pause") == {"paused": True, "waiting": 1}
    assert told(capsys, "stats")["paused"] is True
    for _ in range(2):
        assert told(capsys, "resume") == {"paused": False, "waiting": 1}
    with things.instance() as instance:
        limits = {each.name: each.limit for each in instance.event_log_storage.get_pool_limits()}
    assert limits.get(POOL) == slots


@pytest.mark.slow
def test_figures_are_of_operations_alone(
    things: Things, capsys: pytest.CaptureFixture[str]
) -> None:
    things.execute("import_things", {"source_path": str(things.csv)})
    things.execute("settle_things", {"least": 10_000})
    with things.instance() as instance:
        waits(things, instance, 1)

        @dg.job
        def somebody_elses() -> None:
            """Nothing of ours."""

        assert somebody_elses.execute_in_process(instance=instance).success
        ended = [run for run in instance.get_runs() if run.is_finished]
        ours = [run for run in ended if OPERATION_TAG in run.tags]
    found = told(capsys, "stats")
    assert len(ours) == 2
    assert (found["waiting"], found["running"], found["cancelled"]) == (1, 0, 0)
    assert found["completed"] + found["failed"] == 2
    assert 0 < found["mean_s"] < 60


@contextmanager
def daemon(things: Things) -> Iterator[None]:
    environment = {**os.environ, "DAGSTER_HOME": str(things.folder)}
    with subprocess.Popen(
        DAEMON,
        cwd=things.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)


def until(what: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.5)
    return False


@pytest.mark.slow
def test_a_held_queue_starts_nothing_over_a_restart_and_then_the_highest_first(
    imported: Things,
) -> None:
    settings = (imported.folder / "dagster.yaml").read_text()
    one_at_a_time = settings.replace("max_concurrent_runs: 4", "max_concurrent_runs: 1")
    (imported.folder / "dagster.yaml").write_text(one_at_a_time)
    with imported.instance() as instance:
        queue.pause(instance)
        low, high = waits(imported, instance, 1), waits(imported, instance, 20)
        gone = waits(imported, instance, 30)
        for _ in range(2):
            with daemon(imported):
                time.sleep(8)
            assert {status(instance, run) for run in (low, high)} == {dg.DagsterRunStatus.QUEUED}
        queue.cancel(instance, gone)
        queue.resume(instance)
        with daemon(imported):
            ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
            both = (low, high)
            assert until(lambda: all(status(instance, run) in ended for run in both), 90)
        records = {record.dagster_run.run_id: record for record in instance.get_run_records()}
        assert (records[high].start_time or 0) < (records[low].start_time or 0)
        assert status(instance, high) is dg.DagsterRunStatus.SUCCESS
        assert records[gone].start_time is None
