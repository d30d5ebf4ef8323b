"""Postconditions and confirmations as Dagster shows and takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from batch_ops.engine import Project
from batch_ops.results import Status

if TYPE_CHECKING:
    from batch_ops_tests.support.things import Things

MORE = """
  - name: batch_operations
    operation: rename_things
    requires_confirmation: true
    operation_type: update
    update_data: {name: renamed}
    where_condition: "id > :after"
    parameters: {after: {type: integer, default: 0}}
    preconditions: ["COUNT(*) > 0"]
    postconditions:
      - {row: "name = 'renamed'", name: all_renamed}
"""


@pytest.fixture
def renaming(imported: Things) -> Things:
    file = imported.folder / "defs" / "things.yaml"
    file.write_text(file.read_text() + MORE)
    imported.project.dispose()
    imported.project = Project.find()
    return imported


def test_a_postcondition_that_holds_is_a_check_that_passed(renaming: Things) -> None:
    done = renaming.execute("rename_things", {"confirm": True})
    assert done.success
    checks = renaming.checks("rename_things")
    assert {name: check.passed for name, check in checks.items()} == {
        "count_gt_0": True,
        "all_renamed": True,
        "rejects": True,
    }


def test_a_postcondition_that_does_not_hold_fails_the_run_and_the_data_stays(
    renaming: Things,
) -> None:
    done = renaming.execute("rename_things", {"confirm": True, "after": 500})
    assert not done.success
    check = renaming.checks("rename_things")["all_renamed"]
    assert not check.passed
    assert check.metadata["unexpected_count"].value == 495
    assert renaming.newest("rename_things").status is Status.COMPLETED_WITH_FAILED_CHECKS
    assert renaming.query("SELECT count(*) FROM things WHERE name = 'renamed'") == [(495,)]
    with renaming.instance() as instance:
        (run,) = instance.get_runs(filters=dg.RunsFilter(job_name="rename_things"))
        assert run.tags["batch_ops/status"] == "completed_with_failed_checks"
    assert renaming.green("update", "rename_things")


@pytest.mark.option("requires_confirmation")
def test_a_launch_without_a_yes_is_refused_in_words(renaming: Things) -> None:
    done = renaming.execute("rename_things")
    assert not done.success
    failure = next(e for e in done.all_events if e.is_step_failure)
    assert "requires a confirmation" in str(failure.event_specific_data.error.message)
    assert renaming.query("SELECT count(*) FROM things WHERE name = 'renamed'") == [(0,)]
