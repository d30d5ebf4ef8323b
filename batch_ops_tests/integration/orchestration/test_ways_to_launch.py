"""Each way to launch an operation leaves the same: journal, partitions, checks, metadata."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster import build_schedule_context, build_sensor_context

from batch_ops.engine import Launch
from batch_ops.orchestration.launch import launch_run
from batch_ops.results import Status
from batch_ops_tests.support.things import CHUNKS, DONE, STEPS, Things

if TYPE_CHECKING:
    from pathlib import Path

MODULE = ("-m", "batch_ops.definitions")


def assert_settled(things: Things, via: str) -> None:
    """What every way must leave behind after `settle_things`."""
    result = things.newest()
    assert result.status is Status.COMPLETED
    counts = result.counts.to_dict()
    assert {name: counts[name] for name in DONE} == DONE
    assert things.query("SELECT via FROM batch_operations WHERE operation = 'settle_things'") == [
        (via,)
    ]
    for step, number in CHUNKS.items():
        start = result.execution_id[:8]
        assert things.keys(step) == [f"{start}-{n:05d}" for n in range(1, number + 1)]
        assert things.green(step) == set(things.keys(step))
    assert_told(things, result.execution_id, result.run_id)


def assert_told(things: Things, execution_id: str, run_id: str | None) -> None:
    told = things.metadata()
    assert {name: told[name] for name in DONE} == DONE
    assert told["rejects"] == 0
    assert told["rows_per_second"] > 0
    assert told["batch_ops/execution"] == execution_id
    assert told["batch_ops/run"] == run_id
    plan = told["plan"] if isinstance(told["plan"], list) else told["plan"].records
    assert [record.data["step"] for record in plan] == list(STEPS)
    assert [record.data["chunks"] for record in plan] == list(CHUNKS.values())
    with things.instance() as instance:
        run = instance.get_run_by_id(run_id or "")
    assert run is not None
    assert run.tags["batch_ops/execution"] == execution_id
    assert run.tags["batch_ops/operation"] == "settle_things"
    assert run.tags["batch_ops/status"] == "completed"
    assert_checked(things.checks())


def assert_checked(checks: dict[str, Any]) -> None:
    assert len(checks) == 3
    assert all(check is not None and check.passed for check in checks.values())
    observed = sorted(
        check.metadata["observed_value"].value
        for name, check in checks.items()
        if name != "rejects"
    )
    assert observed == [990, 990]


def test_job_in_process(imported: Things):
    assert imported.execute("settle_things").success
    assert_settled(imported, via="dagster")


@pytest.mark.slow
def test_launch_run_as_the_shell_does(imported: Things):
    result = launch_run(imported.project, "settle_things", launch=Launch(via="shell"))
    assert result.status is Status.COMPLETED
    assert_settled(imported, via="shell")


@pytest.mark.slow
def test_on_postgresql(things: Things, postgresql_url: str, monkeypatch):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    assert things.imported().counts.created == 990
    assert things.execute("settle_things", {"max_workers": 2}).success
    assert_settled(things, via="dagster")


@pytest.mark.slow
def test_job_execute(imported: Things):
    imported.dagster("job", "execute", *MODULE, "-j", "settle_things")
    assert_settled(imported, via="dagster")


@pytest.mark.slow
def test_asset_materialize(imported: Things):
    imported.dagster("asset", "materialize", *MODULE, "--select", "things/settle_things")
    assert_settled(imported, via="dagster")


def test_schedule_tick(imported: Things):
    definitions = imported.definitions()
    schedule = definitions.get_repository_def().get_schedule_def("settle_things_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    moment = datetime.fromisoformat("2026-01-02T03:00:00+00:00")
    with imported.instance() as instance:
        context = build_schedule_context(instance=instance, scheduled_execution_time=moment)
        tick = schedule.evaluate_tick(context)
        [request] = tick.run_requests or []
        assert request.run_key is None, "a key would block the tick's re-run for ever"
        done = imported.job("settle_things").execute_in_process(
            instance=instance,
            run_config=dict(request.run_config),
            tags={**request.tags, "dagster/schedule_name": schedule.name},
        )
    assert done.success
    assert_settled(imported, via="schedule")


def sensor_tick(things: Things, cursor: str | None) -> tuple[list[dg.RunRequest], str | None]:
    repository = things.definitions().get_repository_def()
    sensor = repository.get_sensor_def("import_things_sensor")
    with things.instance() as instance:
        context = build_sensor_context(instance=instance, cursor=cursor)
        tick = sensor.evaluate_tick(context)
    return list(tick.run_requests or []), tick.cursor


def test_sensor_takes_a_file_that_stood_still_for_one_tick(things: Things):
    folder = things.folder / "incoming"
    assert sensor_tick(things, None)[0] == [], "a folder that is not there yet is no error"
    folder.mkdir()
    path: Path = folder / "new.csv"
    path.write_text("id,name,kind\n1,one,")
    requests, cursor = sensor_tick(things, None)
    assert requests == [], "it may still be written"
    path.write_text("id,name,kind\n1,one,y\n")
    requests, cursor = sensor_tick(things, cursor)
    assert requests == [], "it was still written"
    [request], cursor = sensor_tick(things, cursor)
    assert request.run_config == {"source_path": str(path)}
    assert sensor_tick(things, cursor)[0] == [], "once"
    assert things.execute("import_things", dict(request.run_config)).success
    assert things.query("SELECT id, name FROM things") == [(1, "one")]
    path.write_text("id,name,kind\n2,two,y\n")
    _, cursor = sensor_tick(things, cursor)
    [again], _ = sensor_tick(things, cursor)
    assert again.run_config == request.run_config, "a changed file starts again"


@pytest.mark.parametrize("config", [{"word": "gone", "least": 500, "batch_size": 10}])
def test_parameters_of_the_flat_launchpad_reach_the_data(imported: Things, config):
    assert imported.execute("settle_things", config).success
    found = imported.query("SELECT status, COUNT(*), MIN(id) FROM things GROUP BY status")
    assert sorted(found, key=str) == [("gone", 445, 501), (None, 494, 1)]


def test_a_parameter_from_the_environment(imported: Things, monkeypatch):
    monkeypatch.setenv("THE_WORD", "secret")
    assert imported.execute("settle_things", {"word": {"env": "THE_WORD"}}).success
    assert imported.query("SELECT DISTINCT status FROM things") == [("secret",)]


def test_a_typo_in_the_config_names_the_right_keys(imported: Things):
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"wrod.*batch_size"):
        imported.execute("settle_things", {"wrod": "x"})


def test_rejects_leave_the_run_green_with_a_warning_and_a_sample(things: Things):
    assert things.execute("import_things", {"source_path": str(things.csv)}).success
    check = things.checks("import_things")["rejects"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    told = things.metadata("import_things")
    assert (told["created"], told["invalid"], told["rejects"]) == (990, 10, 10)
    sample = things_sample(told["rejects_sample"])
    assert [(r["row"], r["key"], r["code"]) for r in sample][:2] == [
        (7, "id=7", "rule"),
        (107, "id=107", "rule"),
    ]
    assert len(sample) == 10


def things_sample(value: Any) -> list[dict[str, Any]]:
    return [record.data for record in (value if isinstance(value, list) else value.records)]
