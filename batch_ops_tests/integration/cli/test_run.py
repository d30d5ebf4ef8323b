"""`run` and `resume` with the engine alone."""

from __future__ import annotations

import pytest

from batch_ops.results import Result

ALONE = "--no-dagster"
RESULT = {
    "execution_id", "operation", "status", "stopped_reason", "message", "counts",
    "processed_records", "discarded_rejects", "steps", "chunks", "checks", "started_at",
    "completed_at", "duration_s", "rows_per_s", "run_id", "undone_at",
}  # fmt: skip


def renamed(shell) -> int:
    return shell.query("SELECT COUNT(*) FROM people WHERE status = 'renamed'")[0][0]


def test_done_is_exit_code_0_and_one_paragraph_with_what_was_done(shell):
    said = shell("run", "rename", ALONE)
    assert said.code == 0
    assert said.out.startswith("rename completed in ")
    assert "400 updated." in said.out
    assert said.err == ""
    assert renamed(shell) == 400


def test_done_with_rejects_is_exit_code_1_and_shows_them_by_reason_with_the_command(shell):
    said = shell("run", "retire", ALONE, "-p", "min_age=0")
    assert said.code == 1
    assert "400 selected, 396 updated, 4 failed." in said.out
    assert "23514" in said.out
    assert "id=77" in said.out
    execution = shell("status", "--json").json["executions"][0]["execution_id"]
    assert f"batch-ops errors {execution[:8]}" in said.out
    assert "exit code 1" in said.out


def test_a_failed_precondition_is_exit_code_3_with_the_observed_value_and_no_row_written(shell):
    shell("run", "rename", ALONE)
    said = shell("run", "retire", ALONE, "-p", "min_age=0")
    assert said.code == 3
    assert "0" in said.error
    assert "No row was written." in said.err
    assert renamed(shell) == 400


def test_json_is_one_object_with_exactly_the_stable_keys(shell):
    said = shell("run", "retire", ALONE, "-p", "min_age=0", "--json")
    assert set(said.json) == RESULT
    assert said.json["counts"]["failed"] == 4
    assert [step["name"] for step in said.json["steps"]] == ["validate", "update"]
    assert said.code == 1


def test_json_of_a_refusal_is_the_error(shell):
    said = shell("run", "retire", ALONE, "--json")
    assert said.code == 2
    assert set(said.json) == {
        "error", "what", "state", "todo", "file", "line", "column", "execution_id",
    }  # fmt: skip
    assert said.json["error"] == "ParameterError"
    assert "min_age" in said.error


def test_quiet_says_nothing_when_all_is_well_and_still_tells_an_error(shell):
    said = shell("run", "rename", ALONE, "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert "retir" in shell("run", "retir", ALONE, "--quiet").error


def test_debug_logs_the_events_as_lines_on_stderr(shell):
    said = shell("run", "rename", ALONE, "--debug")
    assert "execution_finished" in said.err
    assert "status=completed" in said.err
    assert "execution_finished" not in said.out


def test_parameters_reach_the_operation_with_their_types(shell):
    said = shell("run", "retire", ALONE, "-p", "min_age=80", "--json")
    expected = shell.query("SELECT COUNT(*) FROM people WHERE age >= 80")[0][0]
    assert said.json["counts"]["selected"] == expected


def test_a_list_is_read_from_a_file(shell):
    (shell.folder / "ids.csv").write_text("ids\n7\n8\n9\n")
    said = shell("run", "mark", ALONE, "--parameter", "ids=@ids.csv")
    assert said.code == 0
    assert shell.query("SELECT id FROM people WHERE status = 'marked'") == [(7,), (8,), (9,)]


def test_batch_size_decides_how_many_rows_one_transaction_has(shell):
    small = shell("run", "rename", ALONE, "--batch-size", "5", "--json").json["execution_id"]
    batches = shell.query(
        f"SELECT COUNT(*) FROM batch_operation_logs WHERE operation_id = '{small}'"
    )
    assert batches == [(80,)]


def test_max_records_refuses_what_plans_more_rows(shell):
    said = shell("run", "rename", ALONE, "--max-records", "399")
    assert said.code == 3
    assert "399" in said.error
    assert renamed(shell) == 0


def test_max_errors_stops_and_the_way_on_is_named(shell):
    said = shell("run", "retire", ALONE, "-p", "min_age=0", "--batch-size", "100",
                 "--max-errors", "1")  # fmt: skip
    assert said.code == 4
    execution = shell("status", "--json").json["executions"][0]
    assert execution["stopped_reason"] == "max_errors"
    assert said.error
    assert "What was committed stays" in said.err
    assert f"batch-ops resume {execution['execution_id'][:8]}" in said.err


def test_max_errors_may_be_a_share(shell):
    retire = ("run", "retire", ALONE, "-p", "min_age=0")
    assert shell(*retire, "--max-errors", "0.1%").code == 4
    assert shell("resume", ALONE, "--max-errors", "50%").code == 1


def test_timeout_stops_a_run_that_can_be_resumed(shell):
    said = shell("run", "rename", ALONE, "--timeout", "1 ms")
    assert said.code == 4
    assert shell("status", "--json").json["executions"][0]["stopped_reason"] == "timeout"
    assert shell("resume", ALONE, "--timeout", "1 hour").code == 0
    assert renamed(shell) == 400


def test_max_workers_reaches_the_execution(shell):
    shell("run", "rename", ALONE, "--max-workers", "3")
    (options,) = shell.query("SELECT options FROM batch_operations")[0]
    assert '"max_workers":3' in options.replace(" ", "")


def test_what_was_completed_runs_again_only_with_again(empty):
    empty.fill(0)
    (empty.folder / "people.csv").write_text("id,name,age,password,status\n1,ann,5,pw,\n")
    assert empty("run", "import_people", ALONE).code == 0
    said = empty("run", "import_people", ALONE)
    assert said.code == 3
    assert "--again" in said.err
    assert empty("run", "import_people", ALONE, "--again").code == 1


def stopped(shell) -> str:
    shell("run", "rename", ALONE, "--timeout", "1 ms")
    return shell("status", "--json").json["executions"][0]["execution_id"]


def test_resume_takes_an_id_or_its_start_or_the_newest_unfinished(shell):
    execution = stopped(shell)
    assert shell("resume", execution, ALONE, "--timeout", "1 ms").code == 4
    assert shell("resume", execution[:8], ALONE, "--timeout", "1 ms").code == 4
    said = shell("resume", ALONE, "--timeout", "1 hour", "--json")
    assert said.json["execution_id"] == execution
    assert said.code == 0
    assert renamed(shell) == 400


def test_resume_without_anything_unfinished_is_exit_code_2(shell):
    said = shell("resume", ALONE)
    assert said.code == 2
    assert said.error == "No execution is unfinished."


def test_resume_of_an_unknown_execution_is_exit_code_2(shell):
    stopped(shell)
    assert shell("resume", "ffffffff", ALONE).code == 2


def test_a_run_of_what_is_unfinished_is_refused_and_names_resume(shell):
    execution = stopped(shell)
    said = shell("run", "rename", ALONE)
    assert said.code == 3
    assert f"batch-ops resume {execution[:8]}" in said.err


def test_use_new_takes_the_sizes_of_todays_declaration(shell):
    execution = stopped(shell)
    file = shell.folder / "defs" / "people.yaml"
    file.write_text(file.read_text().replace("batch_size: 10", "batch_size: 40"))
    assert shell("resume", execution, ALONE, "--use-new", "--timeout", "1 hour").code == 0
    rows = f"SELECT COUNT(*) FROM batch_operation_logs WHERE operation_id = '{execution}'"
    assert shell.query(rows)[0][0] < 30


def test_source_tells_where_the_file_stands_now(empty):
    empty.fill(0)
    csv = empty.folder / "people.csv"
    csv.write_text(
        "id,name,age,password,status\n" + "".join(f"{n},x,5,pw,\n" for n in range(1, 99))
    )
    slow = ("--batch-size", "10", "--timeout", "1 ms")
    assert empty("run", "import_people", ALONE, *slow).code == 4
    csv.rename(empty.folder / "moved.csv")
    assert empty("resume", ALONE, "--timeout", "1 hour").code in {2, 3}
    said = empty("resume", ALONE, "--source", "moved.csv", "--timeout", "1 hour")
    assert said.code == 0, said.err
    assert empty.query("SELECT COUNT(*) FROM people") == [(98,)]


@pytest.mark.parametrize("door", ["run_alone", "dagster"])
def test_the_engine_is_used_alone_only_with_no_dagster(shell, monkeypatch, door):
    """Which of both ways is taken is seen from what is started."""
    from batch_ops.cli import run

    taken = []
    real = run._run_with

    def watched(*, dagster: bool):
        taken.append(dagster)
        return real(dagster=False)

    monkeypatch.setattr(run, "_run_with", watched)
    shell("run", "rename", *([ALONE] if door == "run_alone" else []))
    assert taken == [door == "dagster"]


def test_the_journal_knows_that_the_shell_started_it(shell, monkeypatch):
    monkeypatch.setenv("BATCH_OPS_ACTOR", "ann")
    shell("run", "rename", ALONE)
    assert shell.query("SELECT actor, via FROM batch_operations") == [("ann", "shell")]


def test_the_result_is_a_result():
    """The keys above are those of Result.to_dict()."""
    from batch_ops.results import Counts, Status

    assert set(Result("e", "o", Status.COMPLETED, Counts()).to_dict()) == RESULT
