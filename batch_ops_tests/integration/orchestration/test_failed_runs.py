"""A run that did not reach its end: what is shown, and how it is gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from batch_ops.engine import Project, history
from batch_ops.errors import PreconditionFailedError
from batch_ops.orchestration.launch import launch_resume, launch_run
from batch_ops.results import Status
from batch_ops_tests.support.things import CHUNKS, DONE, Things

if TYPE_CHECKING:
    from batch_ops.results import Result

UPDATE = ["things", "settle_things", "update"]
MODULE = ("-m", "batch_ops.definitions")


@pytest.fixture
def failed(imported: Things) -> Things:
    """`settle_things` stopped in the middle of its update: half of its chunks are missing."""
    imported.break_update()
    done = imported.execute("settle_things")
    assert not done.success
    imported.mend()
    return imported


def missing(things: Things, step: str = "update") -> list[str]:
    green = things.green(step)
    return [key for key in things.keys(step) if key not in green]


def assert_whole(things: Things) -> Result:
    """As after an undisturbed run."""
    result = things.newest()
    counts = result.counts.to_dict()
    assert result.status is Status.COMPLETED
    assert {name: counts[name] for name in DONE} == DONE
    assert {step: len(things.green(step)) for step in CHUNKS} == CHUNKS
    left = things.query("SELECT status, COUNT(*) FROM things GROUP BY status")
    assert left == [("done", 890)]
    assert things.metadata()["updated"] == 990
    assert all(check is not None for check in things.checks().values())
    return result


def test_a_failed_run_leaves_exactly_the_unfinished_chunks_missing(failed: Things):
    result = failed.newest()
    assert result.status in (Status.FAILED, Status.STOPPED)
    assert missing(failed, "validate") == []
    assert len(missing(failed)) == 5
    assert failed.keys("cleanup") == []
    run = newest_run(failed)
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert run.tags["batch_ops/status"] == str(result.status)
    assert run.tags["batch_ops/execution"] == result.execution_id


def newest_run(things: Things) -> dg.DagsterRun:
    with things.instance() as instance:
        return instance.get_runs(limit=1)[0]


def test_a_failed_precondition_is_shown_with_its_observed_value(imported: Things):
    imported.change("UPDATE things SET settled_at = '2020-01-01 00:00:00'")
    before = len(history(imported.project))
    done = imported.execute("settle_things")
    assert not done.success
    [failure] = done.get_failed_step_keys()
    assert failure == "things__settle_things.preconditions"
    told = failure_metadata(done)
    assert "(observed: 0)" in told["what"].value
    assert "observed count_filter_where_settled_at_is_null_gt_0" in told
    checks = imported.checks()
    assert [name for name, check in checks.items() if check and not check.passed] == [
        "count_filter_where_settled_at_is_null_gt_0"
    ]
    [failed] = [check for check in checks.values() if check and not check.passed]
    assert failed.metadata["observed_value"].value == 0
    assert failed.severity is dg.AssetCheckSeverity.ERROR
    result = imported.newest()
    assert result.status is Status.REFUSED
    assert len(history(imported.project)) == before + 1
    assert imported.keys("validate") == []


def failure_metadata(done: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [event] = [event for event in done.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return dict(data.metadata)


def test_the_shell_meets_the_engines_own_error(imported: Things):
    imported.change("UPDATE things SET settled_at = '2020-01-01 00:00:00'")
    with pytest.raises(PreconditionFailedError, match=r"observed: 0") as caught:
        launch_run(imported.project, "settle_things")
    assert caught.value.exit_code == 3


@pytest.mark.slow
def test_resume_goes_on_as_a_child_of_the_run(failed: Things):
    root = newest_run(failed)
    result = launch_resume(failed.project, failed.newest().execution_id)
    assert result.status is Status.COMPLETED
    assert_whole(failed)
    child = newest_run(failed)
    assert (child.root_run_id, child.parent_run_id) == (root.run_id, root.run_id)
    assert result.run_id == root.run_id, "the journal keeps the root"
    assert child.remote_job_origin is not None, "else the UI cannot re-execute it"


def test_reexecution_from_failure_starts_in_the_middle_and_shows_the_checks(failed: Things):
    root, execution_id = newest_run(failed), failed.newest().execution_id
    with failed.instance() as instance:
        options = dg.ReexecutionOptions.from_failure(root.run_id, instance)
        with dg.execute_job(
            dg.reconstructable(settle_job),
            instance=instance,
            reexecution_options=options,
            raise_on_error=True,
        ) as done:
            steps = {e.step_key for e in done.all_events if e.is_step_success}
    assert "things__settle_things.preconditions" not in steps
    assert "things__settle_things.plan_update" not in steps
    assert "things__settle_things.run_update" in steps
    assert assert_whole(failed).execution_id == execution_id


def settle_job() -> dg.JobDefinition:
    from batch_ops.engine import Project
    from batch_ops.orchestration.code_location import definitions_from

    return definitions_from(Project.find()).resolve_job_def("settle_things")


@pytest.mark.slow
def test_reexecution_of_all_steps_resumes_what_is_unfinished(failed: Things):
    root, execution_id = newest_run(failed), failed.newest().execution_id
    assert reexecuted(failed, root).success
    assert assert_whole(failed).execution_id == execution_id


@pytest.mark.slow
def test_reexecution_of_all_steps_begins_anew_when_it_has_ended(failed: Things):
    root, first = newest_run(failed), failed.newest().execution_id
    launch_resume(failed.project, first)
    failed.change("UPDATE things SET settled_at = NULL")
    assert reexecuted(failed, root).success
    second = failed.newest()
    assert second.execution_id != first
    assert (second.status, second.run_id) == (Status.COMPLETED, root.run_id)


def reexecuted(things: Things, root: dg.DagsterRun) -> dg.JobExecutionResult:
    with things.instance() as instance:
        options = dg.ReexecutionOptions(root.run_id)
        job = dg.reconstructable(settle_job)
        with dg.execute_job(job, instance=instance, reexecution_options=options) as done:
            return done


def materialize(things: Things, keys: list[str], step: str = "update") -> bool:
    """A run of the step asset over a contiguous range of chunks, as the UI launches it."""
    with things.instance() as instance:
        job = things.definitions().resolve_implicit_global_asset_job_def()
        tags = {
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[-1],
        }
        selection = [dg.AssetKey(["things", "settle_things", step])]
        done = job.execute_in_process(
            instance=instance, asset_selection=selection, tags=tags, raise_on_error=False
        )
    return done.success


def committed(things: Things, step: str = "update") -> set[str]:
    from batch_ops.orchestration.reconcile import chunks_of

    chunks = chunks_of(things.project, things.newest().execution_id, step)
    return {chunk.key for chunk in chunks if chunk.completed}


@pytest.mark.slow
def test_chosen_chunks_are_repaired_and_no_others(failed: Things):
    keys = missing(failed)
    assert materialize(failed, keys[1:3])
    assert committed(failed) - set(keys) | set(keys[1:3]) == committed(failed)
    assert missing(failed) == [keys[0], *keys[3:]]
    assert not failed.newest().status.finished
    assert launch_resume(failed.project, failed.newest().execution_id).status.finished
    assert_whole(failed)


@pytest.mark.slow
def test_a_partition_range_from_the_command_line_repairs_exactly_these(failed: Things):
    keys = missing(failed)
    failed.dagster(
        "asset",
        "materialize",
        *MODULE,
        "--select",
        "things/settle_things/update",
        "--partition-range",
        f"{keys[0]}...{keys[3]}",
    )
    assert missing(failed) == [keys[4]]
    failed.dagster(
        "asset",
        "materialize",
        *MODULE,
        "--select",
        "things/settle_things/update",
        "--partition",
        keys[4],
    )
    assert missing(failed) == []
    assert not failed.newest().status.finished, "the last step is not planned yet"
    launch_resume(failed.project, failed.newest().execution_id)
    assert_whole(failed)


def test_a_committed_chunk_is_shown_again_and_not_done_again(failed: Things):
    [first, *_] = failed.keys("update")
    written = failed.query("SELECT COUNT(*) FROM batch_operation_logs")
    with failed.instance() as instance:
        instance.wipe_assets([dg.AssetKey(["things", "settle_things", "update"])])
    assert materialize(failed, [first])
    assert failed.green("update") == {first}
    assert failed.query("SELECT COUNT(*) FROM batch_operation_logs") == written


@pytest.mark.slow
def test_who_does_the_last_chunk_of_the_last_step_ends_the_execution(imported: Things):
    imported.change(
        "CREATE TRIGGER refuse BEFORE DELETE ON things WHEN OLD.id = 550 "
        "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    )
    assert not imported.execute("settle_things").success
    imported.mend()
    assert materialize(imported, missing(imported, "cleanup"), "cleanup")
    assert_whole(imported)


def test_a_repair_that_fails_shows_what_it_committed(imported: Things):
    imported.break_update(155)
    assert not imported.execute("settle_things").success
    imported.mend()
    imported.break_update(555)
    keys = missing(imported)
    assert not materialize(imported, keys)
    left = missing(imported)
    assert left == keys[-len(left) :]
    assert committed(imported) == imported.green("update")
    assert len(left) == 5


@pytest.mark.slow
def test_one_run_takes_keys_of_several_executions(failed: Things):
    first = failed.newest().execution_id
    launch_resume(failed.project, first)
    failed.change("UPDATE things SET settled_at = NULL")
    failed.break_update(555)
    assert not failed.execute("settle_things").success
    failed.mend()
    keys = failed.keys("update")
    assert len({key[:8] for key in keys}) == 2
    assert materialize(failed, keys)
    assert failed.green("update") == set(keys)


def test_a_chunk_of_a_step_that_is_not_planned_is_refused_in_words(failed: Things):
    key = failed.keys("update")[0]
    with failed.instance() as instance:
        instance.add_dynamic_partitions("things/settle_things/cleanup", [key])
    assert not materialize(failed, [key], "cleanup")
    assert failed.green("cleanup") == set()
    with failed.instance() as instance:
        run = instance.get_runs(limit=1)[0]
        failures = [
            e.dagster_event.step_failure_data
            for e in instance.all_logs(run.run_id)
            if e.dagster_event and e.dagster_event.is_step_failure
        ]
    assert "has no chunks yet: it is planned after update" in str(failures[0].error)
    assert not failed.newest().status.finished


@pytest.mark.slow
def test_the_operation_selected_together_with_its_chunks_harms_nothing(failed: Things):
    """Materialize all on the page starts both; the unfinished execution is not begun twice."""
    key = missing(failed)[0]
    with failed.instance() as instance:
        job = failed.definitions().resolve_implicit_global_asset_job_def()
        selection = [dg.AssetKey(["things", "settle_things"]), dg.AssetKey(UPDATE)]
        done = job.execute_in_process(
            instance=instance, asset_selection=selection, partition_key=key, raise_on_error=False
        )
    assert not done.success
    assert done.get_failed_step_keys() == {"things__settle_things.preconditions"}
    assert len([r for r in history(failed.project) if r.operation == "settle_things"]) == 1
    launch_resume(failed.project, failed.newest().execution_id)
    assert_whole(failed)


@pytest.mark.slow
def test_a_resume_does_the_steps_it_began_with_though_the_declaration_has_changed(failed: Things):
    file = failed.folder / "defs" / "things.yaml"
    file.write_text(file.read_text().replace("name: cleanup", "name: tidy"))
    failed.project.dispose()
    failed.project = Project.find()
    result = launch_resume(failed.project, failed.newest().execution_id)
    assert result.status is Status.COMPLETED
    assert [step.name for step in result.steps] == ["validate", "update", "cleanup"]
    assert result.counts.deleted == 100
    assert missing(failed) == []
