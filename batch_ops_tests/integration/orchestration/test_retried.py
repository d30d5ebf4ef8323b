"""Dagster shows what became of rejects that were retried or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.cli.app import execute
from batch_ops.orchestration.launch import launch_run

if TYPE_CHECKING:
    from batch_ops_tests.support.things import Things


def test_recovered_and_discarded_rejects_are_shown_with_their_check(things: Things) -> None:
    """The check `rejects` warns as long as some are open; the retry's chunk is a partition."""
    result = launch_run(things.project, "import_things", {"source_path": str(things.csv)})
    assert result.counts.invalid == 10
    check = things.checks("import_things")["rejects"]
    assert (check.passed, check.metadata["rejects"].value) == (False, 10)
    step = result.steps[0].name
    before = things.green(step, "import_things")
    file = things.folder / "corrected.csv"
    file.write_text("kind,reject_row\n" + "".join(f"y,{n}07\n" for n in range(1, 7)))
    assert execute(["retry", result.execution_id, "--from", str(file), "--quiet"]) == 0
    check = things.checks("import_things")["rejects"]
    assert (check.passed, check.metadata["rejects"].value) == (False, 4)
    assert len(things.green(step, "import_things")) == len(before) + 1
    because = ("--because", "never had a kind", "--quiet")
    assert execute(["errors", result.execution_id, "--discard", *because]) == 0
    check = things.checks("import_things")["rejects"]
    assert (check.passed, check.metadata["discarded"].value) == (True, 4)
