"""`list`, `check`, `plan`, `status` and `errors`: they show, and create nothing."""

from __future__ import annotations

import csv
import io
import sqlite3

import pytest

ALONE = "--no-dagster"


def retired(shell) -> str:
    """Make an execution with four rejects; its id."""
    return shell("run", "retire", ALONE, "-p", "min_age=0", "--json").json["execution_id"]


# list


def test_list_shows_entity_steps_parameters_and_description(empty):
    said = empty("list")
    assert said.code == 0
    for word in ("retire", "people", "validate (select) → update", "Old people are retired.",
                 "-p min_age"):  # fmt: skip
        assert word in said.out


def test_list_as_json_has_stable_keys(empty):
    operations = {each["operation"]: each for each in empty("list", "--json").json["operations"]}
    assert list(operations) == ["import_people", "mark", "rename", "retire"]
    assert operations["retire"] == {
        "operation": "retire",
        "entity": "people",
        "table": "people",
        "steps": [{"name": "validate", "kind": "select"}, {"name": "update", "kind": "update"}],
        "parameters": [
            {"name": "min_age", "type": "integer", "many": False, "required": True,
             "default": None, "description": "", "env": None}
        ],
        "description": "Old people are retired.",
    }  # fmt: skip


def test_list_without_any_operation_says_where_they_are_looked_for(empty):
    empty.declare("name: people\nfields: {id: integer}\n")
    said = empty("list")
    assert said.code == 0
    assert "BATCH_OPS_DEFS" in said.err


def test_quiet_leaves_the_answer_and_takes_the_notes_away(shell):
    assert "retire" in shell("list", "--quiet").out
    assert shell("check", "--quiet").err == ""
    assert shell("check").err != ""


# check


def test_check_prints_each_binding_and_ends_well(shell):
    said = shell("check")
    assert said.code == 0
    assert ":old_ids → step validate" in said.out
    assert ":min_age → parameter" in said.out
    assert "1 file, 4 operations: all right." in said.out


def test_check_as_json_has_stable_keys(shell):
    told = shell("check", "--json").json
    assert set(told) == {"files", "operations", "errors", "refused", "not_asked", "warnings"}
    retire = next(each for each in told["operations"] if each["operation"] == "retire")
    assert set(retire) == {
        "operation", "entity", "steps", "parameters", "preconditions", "postconditions",
        "schedule", "sensor",
    }  # fmt: skip
    assert retire["steps"][1]["bindings"] == {"old_ids": "step validate"}


def test_check_tells_every_wrong_file_with_line_and_column_and_exits_2(shell):
    wrong = shell.declare("name: a\nfields: {id: integer}\nkye: [id]\n", "a.yaml")
    other = shell.declare("name: b\nfields: {id: intger}\n", "b.yaml")
    said = shell("check")
    assert said.code == 2
    assert f"{wrong}:3:1" in said.err
    assert f"{other}:2:14" in said.err
    assert "Did you mean 'key'?" in said.err
    assert "2 of 3 files wrong." in said.err
    assert len(shell("check", "--json").json["errors"]) == 2


def test_check_does_not_blame_a_file_for_another_one_that_is_wrong(shell):
    shell.declare("name: pets\nfields: {id: integer}\nkye: [id]\n", "pets.yaml")
    shell.declare(
        "name: toys\nfields: {id: integer, pet: {type: integer, references: pets.id}}\n",
        "toys.yaml",
    )
    errors = shell("check", "--json").json["errors"]
    assert [error["file"].rsplit("/", maxsplit=1)[-1] for error in errors] == ["pets.yaml"]


def test_check_of_a_file_judges_that_file_alone(shell):
    shell.declare("name: a\nfields: {id: integer}\nkye: [id]\n", "a.yaml")
    said = shell("check", "defs/people.yaml")
    assert said.code == 0
    assert "1 file, 4 operations" in said.out
    assert "a.yaml was not to be checked and is wrong" in " ".join(said.err.split())
    assert shell("check", "defs/a.yaml").code == 2


def test_check_of_a_file_that_is_not_there_is_exit_code_2(shell):
    said = shell("check", "defs/peple.yaml")
    assert said.code == 2
    assert "peple.yaml" in said.err


def test_check_says_what_the_database_lacks_and_creates_nothing(shell):
    shell.declare("name: pets\nfields: {id: integer}\n", "pets.yaml")
    shell.declare(
        "name: folk\ntable: people\nfields: {id: integer, shoe_size: integer}\n", "folk.yaml"
    )
    said = shell("check")
    warnings = shell("check", "--json").json["warnings"]
    assert said.code == 0
    assert any("'pets'" in warning and "is not there" in warning for warning in warnings)
    assert any("shoe_size" in warning for warning in warnings)
    assert "warning: " in said.err
    assert shell.tables() == {"people"}


def test_check_without_a_database_still_judges_the_declarations(empty):
    said = empty("check")
    assert said.code == 0
    assert "is not there yet" in " ".join(said.err.split())
    assert not empty.database.exists()


def test_check_warns_of_a_source_file_that_is_not_there(shell):
    warnings = shell("check", "--json").json["warnings"]
    assert warnings == ["The file people.csv that import_people reads is not there."]


# plan


def test_plan_shows_rows_chunks_and_batches_and_creates_nothing(shell):
    said = shell("plan", "rename")
    assert said.code == 0
    assert "nothing was written" in said.out
    line = next(line for line in said.out.splitlines() if "update people" in line)
    assert line.split()[-3:] == ["400", "8", "40"]
    assert shell.tables() == {"people"}


def test_plan_marks_estimates_and_tells_the_verdict_of_conditions(shell):
    said = shell("plan", "retire", "-p", "min_age=80")
    assert said.code == 0
    assert "COUNT(*) FILTER (WHERE status IS NULL) > 0, observed 400" in said.out
    assert "holds" in said.out


def test_plan_says_when_a_run_would_be_refused(shell):
    shell("run", "rename", ALONE)
    assert shell("run", "retire", ALONE, "-p", "min_age=80").code == 3
    said = shell("plan", "retire", "-p", "min_age=80")
    assert said.code == 0
    assert "fails" in said.out
    assert "A run would be refused" in said.err


def test_plan_sql_is_the_sql_and_nothing_else_on_stdout(shell):
    said = shell("plan", "rename", "--sql")
    assert said.code == 0
    assert said.out.startswith("-- ")
    assert "UPDATE" in said.out.upper()
    assert said.out.rstrip().endswith(";")


def test_plan_as_json_has_stable_keys(shell):
    told = shell("plan", "rename", "--json").json
    assert set(told) == {"operation", "steps", "checks", "bindings", "notes"}
    assert set(told["steps"][0]) == {
        "name", "kind", "entity", "rows", "chunks", "batches", "sql", "estimate", "sample",
    }  # fmt: skip


def test_plan_never_shows_a_hidden_column(shell):
    for form in ((), ("--json",), ("--sql",)):
        assert "s3cret" not in shell("plan", "rename", *form).out


def test_plan_refuses_two_forms_at_once(shell):
    assert shell("plan", "rename", "--json", "--sql").code == 2


# status


def test_status_without_executions_creates_nothing(empty):
    said = empty("status")
    assert said.code == 0
    assert "no execution yet" in said.out
    assert empty("status", "--json").json == {"executions": [], "unreachable": []}
    assert not empty.database.exists()


def test_status_lists_executions_newest_first(shell):
    shell("run", "rename", ALONE, "--timeout", "1 ms")
    shell("run", "mark", ALONE, "-p", "ids=5")
    said = shell("status")
    assert said.out.index("mark") < said.out.index("rename")
    assert "stopped" in said.out
    assert [each["operation"] for each in shell("status", "--json").json["executions"]] == [
        "mark",
        "rename",
    ]


def test_status_limit_cuts_the_list(shell):
    for number in range(3):
        shell("run", "mark", ALONE, "-p", f"ids={number + 1}")
    assert len(shell("status", "--json").json["executions"]) == 3
    assert len(shell("status", "--json", "--limit", "2").json["executions"]) == 2
    assert shell("status", "--limit", "2").out.count("mark") == 2


def test_status_of_one_shows_steps_checks_rejects_and_the_next_command(shell):
    execution = retired(shell)
    said = shell("status", execution[:8])
    for part in (execution, "validate", "400 selected", "396 updated, 4 failed", "holds",
                 "23514", f"batch-ops errors {execution[:8]}"):  # fmt: skip
        assert part in said.out, part
    assert shell("status", execution, "--json").json["counts"]["failed"] == 4


def test_status_of_what_stopped_tells_why_and_how_to_go_on(shell):
    shell("run", "rename", ALONE, "--timeout", "1 ms")
    execution = shell("status", "--json").json["executions"][0]["execution_id"]
    said = shell("status", execution)
    assert "Stopped: timeout" in said.out
    assert f"batch-ops resume {execution[:8]}" in said.out


def test_status_of_a_running_execution_without_a_process_says_so_and_names_resume(shell):
    execution = retired(shell)
    with sqlite3.connect(shell.database) as connection:
        connection.execute("UPDATE batch_operations SET status = 'running'")
    said = shell("status", execution)
    assert "its process is gone" in said.out
    assert f"batch-ops resume {execution[:8]}" in said.out
    assert "gone" in shell("status").out


def test_status_watch_ends_when_the_execution_has_ended(shell):
    said = shell("status", retired(shell), "--watch")
    assert said.code == 0
    assert said.out.count("396 updated") == 2  # in the sentence and in its step: shown once
    assert shell("status", "--watch", "--json").code == 2


def test_status_of_an_unknown_execution_is_exit_code_2(shell):
    retired(shell)
    said = shell("status", "ffff")
    assert said.code == 2
    assert said.error == "There is no execution 'ffff'."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--verify"], "--verify needs an execution."),
        (["abc", "--verify", "--watch"], "--watch and --verify exclude each other."),
        (["abc", "--verify"], "There is no execution 'abc'."),
    ],
    ids=["none", "watch", "unknown"],
)
def test_status_verify_of_what_cannot_be_counted_is_exit_code_2(shell, arguments, told):
    said = shell("status", *arguments)
    assert (said.code, said.error) == (2, told)


# errors


@pytest.fixture
def imported(empty) -> tuple[object, str]:
    """An import with three rejects of three kinds; the shell and the execution's id."""
    empty.fill(0)
    (empty.folder / "people.csv").write_text(
        "id,name,age,password,status\n"
        "1,ann,5,s3cretA,\n"
        "2,bob,-1,s3cretB,\n"
        "3,,5,s3cretC,\n"
        '1,"d, e",5,s3cretD,\n'
    )
    said = empty("run", "import_people", ALONE, "--json")
    assert said.json["counts"]["created"] == 1
    return empty, said.json["execution_id"]


def test_errors_shows_reasons_and_rows(imported):
    shell, execution = imported
    said = shell("errors", execution[:8])
    assert said.code == 0
    assert "rule" in said.out
    assert [line.split()[:2] for line in said.out.splitlines() if "id=" in line] == [
        ["2", "id=2"],
        ["3", "id=3"],
        ["4", "id=1"],
    ]


def test_errors_as_json_is_one_object_with_every_reject(imported):
    shell, execution = imported
    told = shell("errors", execution, "--json").json
    assert set(told) == {"execution_id", "operation", "total", "states", "reasons", "rejects"}
    assert told["total"] == 3
    assert sorted(reject["row"] for reject in told["rejects"]) == [2, 3, 4]
    assert set(told["rejects"][0]) == {
        "code", "message", "outcome", "row", "key", "column", "value", "data", "step", "state",
    }  # fmt: skip
    assert sum(reason["rows"] for reason in told["reasons"]) == 3


def test_errors_as_csv_has_the_original_columns_then_why(imported):
    shell, execution = imported
    rows = list(csv.DictReader(io.StringIO(shell("errors", execution, "--csv").out)))
    assert list(rows[0])[:4] == ["id", "name", "age", "status"]
    assert list(rows[0])[4:] == ["reject_row", "reject_code", "reject_column", "reject_message"]
    assert {row["reject_row"]: row["name"] for row in rows} == {"2": "bob", "3": "", "4": "d, e"}


def test_errors_never_shows_a_hidden_column(imported):
    shell, execution = imported
    for form in ((), ("--json",), ("--csv",)):
        said = shell("errors", execution, *form)
        assert said.code == 0
        assert "s3cret" not in said.out + said.err


def test_errors_limit_cuts_every_form_and_says_so(imported):
    shell, execution = imported
    assert len(shell("errors", execution, "--json", "--limit", "1").json["rejects"]) == 1
    assert len(shell("errors", execution, "--csv", "--limit", "1").out.splitlines()) == 2
    assert "1 of 3" in shell("errors", execution, "--limit", "1").err


def test_errors_reason_chooses_by_code_and_an_unknown_one_is_refused(imported):
    shell, execution = imported
    chosen = shell("errors", execution, "--json", "--reason", "rule").json
    assert [reject["row"] for reject in chosen["rejects"]] == [2]
    assert chosen["total"] == 1
    said = shell("errors", execution, "--reason", "ruel")
    assert said.code == 2
    assert "Did you mean 'rule'?" in said.err


def test_errors_of_what_had_none_says_so(shell):
    execution = shell("run", "rename", ALONE, "--json").json["execution_id"]
    said = shell("errors", execution)
    assert said.code == 0
    assert said.out == "No row was rejected.\n"
    assert shell("errors", execution, "--json").json["rejects"] == []


def test_errors_refuses_two_forms_at_once(imported):
    shell, execution = imported
    assert shell("errors", execution, "--json", "--csv").code == 2


@pytest.fixture
def archived(shell, monkeypatch):
    """An execution here, and a named connection whose server does not answer."""
    url = "postgresql://me:s3cretpass@127.0.0.1:1/old"
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL_ARCHIVE", url)
    shell.declare("name: old\nkey: [id]\nconnection: archive\nfields: {id: integer}\n", "old.yaml")
    shell.execution = shell("run", "rename", ALONE, "--json").json["execution_id"]
    return shell


def test_a_database_that_cannot_be_asked_is_named_and_the_others_are_told(archived):
    """On stderr, without its password; the exit code says that something is missing."""
    said = archived("status")
    assert said.code == 3
    assert archived.execution[:8] in said.out
    (line,) = [line for line in said.err.splitlines() if "could not be asked" in line]
    assert line.startswith("The connection 'archive' could not be asked: The database postgresql:")
    assert "cannot be reached" in line
    assert "s3cretpass" not in said.err
    told = archived("status", "--json")
    assert told.code == 3
    assert [each["execution_id"] for each in told.json["executions"]] == [archived.execution]
    (missed,) = told.json["unreachable"]
    assert missed["connection"] == "archive"
    assert "s3cretpass" not in told.out


def test_an_execution_that_was_found_needs_no_other_database(archived):
    for arguments in (
        ("status", archived.execution),
        ("status", archived.execution[:8], "--verify"),
        ("errors", archived.execution),
    ):
        said = archived(*arguments)
        assert (said.code, "could not be asked" in said.err) == (0, False), said


def test_an_execution_that_may_be_in_a_database_that_cannot_be_asked_is_not_called_unknown(
    archived,
):
    said = archived("status", "12345678")
    assert said.code == 3
    assert "cannot be reached" in said.error


def test_where_nothing_is_known_the_database_that_cannot_be_asked_is_the_answer(archived):
    archived.database.unlink()
    said = archived("status")
    assert said.code == 3
    assert "cannot be reached" in said.error
    assert said.out == ""


def test_a_connection_without_a_url_leaves_the_others_told(archived, monkeypatch):
    monkeypatch.delenv("BATCH_OPS_DATABASE_URL_ARCHIVE")
    said = archived("status")
    assert said.code == 3
    assert archived.execution[:8] in said.out
    assert "The connection 'archive' could not be asked: The connection 'archive' has no URL" in (
        " ".join(said.err.split())
    )


def test_what_is_declared_is_listed_whatever_answers(archived):
    assert archived("list").code == 0
