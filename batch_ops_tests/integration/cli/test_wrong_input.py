"""Wrong input of any kind: one error in its form, the right exit code, nothing half done."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from batch_ops_tests.integration.cli.conftest import TABLE

ALONE = "--no-dagster"


@pytest.mark.parametrize(
    ("arguments", "happened", "todo"),
    [
        (["lst"], 'Unknown command "lst".', 'Did you mean "list"?'),
        (["rnu", "rename"], 'Unknown command "rnu".', 'Did you mean "run"?'),
        (["list", "--jsno"], "Unknown option: --jsno.", "Did you mean --json?"),
        (["run", "rename", "--agian"], "Unknown option: --agian.", "Did you mean --again?"),
        (["run", "rename", "--batchsize", "5"], "Unknown option: --batchsize.", "--batch-size"),
        (["run"], "OPERATION is missing: batch-ops run needs it.", "batch-ops run --help"),
        (["plan"], "OPERATION is missing: batch-ops plan needs it.", "--help"),
        (["errors"], "No execution has open rejects.", "batch-ops status"),
        (["run", "rename", "extra"], "`batch-ops run` does not take 'extra'.", "--help"),
        (["run", "rename", "--batch-size"], "--batch-size has no value", "--help"),
        (["run", "rename", "--batch-size", "many"], '"many"', "--help"),
        (["run", "rename", "--batch-size", "0"], "Must be >= 1", "--help"),
        (["run", "rename", "--batch-size", "1000001"], "Must be <= 1000000", "--help"),
        (["run", "rename", "--max-workers", "0"], "Must be >= 1", "--help"),
        (["run", "rename", "--max-workers", "65"], "Must be <= 64", "--help"),
        (["run", "rename", "--max-records", "-1"], "Must be >= 1", "--help"),
        (["run", "rename", "--max-errors", "some"], "--max-errors", "a share"),
        (["run", "rename", "--timeout", "soon"], "--timeout", "30 minutes"),
        (["status", "--limit", "0"], "Must be >= 1", "--help"),
        (["run", "renam"], "There is no operation 'renam'.", "Did you mean 'rename'?"),
        (["plan", "people.renam"], "There is no operation 'people.renam'.", "rename"),
        (["run", "retire", ALONE, "-p", "minage=5"], "no parameter 'minage'", "'min_age'"),
        (["plan", "retire", "-p", "minage=5"], "no parameter 'minage'", "'min_age'"),
        (["run", "retire", ALONE], "'min_age' of retire has no value", "-p min_age"),
        (["run", "retire", ALONE, "-p", "min_age=old"], "'old'", "integer"),
        (["run", "retire", ALONE, "-p", "min_age"], "-p min_age has no value", "min_age=VALUE"),
        (["run", "mark", ALONE, "-p", "ids=@ids.json"], "'ids'", "a file that is there"),
        (["run", "import_people", ALONE], "people.csv", "path"),
        (["resume", "12345678", ALONE], "There is no execution '12345678'.", "batch-ops status"),
        (["status", "12345678"], "There is no execution '12345678'.", "batch-ops status"),
        (["errors", "12345678"], "There is no execution '12345678'.", "batch-ops status"),
        (["", ""], 'Unknown command "".', "Known: init, list, check, plan"),
    ],
)
def test_a_wrong_command_is_exit_code_2_with_the_nearest_right_word(
    shell, arguments, happened, todo
):
    said = shell(*arguments)
    assert said.code == 2, said
    assert happened in said.error
    assert todo in said.err
    assert said.out == ""
    assert shell.tables() == {"people"}
    assert shell.query("SELECT COUNT(*) FROM people WHERE status IS NOT NULL") == [(0,)]


def test_a_column_that_is_not_declared_is_told_with_its_place_and_a_caret(shell):
    file = shell.folder / "defs" / "people.yaml"
    text = file.read_text().replace(
        "where_condition: status IS NULL\n", "where_condition: staus > 1\n"
    )
    file.write_text(text)
    line = text.splitlines().index("    where_condition: staus > 1") + 1
    for command in (["check"], ["run", "rename", ALONE], ["list"], ["status"], ["plan", "rename"]):
        said = shell(*command)
        assert said.code == 2
        assert f"people.yaml:{line}:22" in "".join(said.err.split("\n"))
        assert "Did you mean 'status'?" in said.err
        assert "^" in said.err
        assert said.out == ""


def test_a_folder_without_declarations_is_exit_code_2(empty, monkeypatch):
    monkeypatch.setenv("BATCH_OPS_DEFS", "nowhere")
    said = empty("list")
    assert said.code == 2
    assert "nowhere" in " ".join(said.err.split())


def test_a_table_that_is_not_there_is_exit_code_3_and_says_what_to_do(empty):
    assert "is not there" in empty("run", "rename", ALONE).error
    empty.database.touch()
    for command in (["run", "rename", ALONE], ["plan", "rename"]):
        said = empty(*command)
        assert said.code == 3
        assert said.error == "The table 'people' of entity 'people' is not there."
        assert "create_table: true" in said.err
        assert empty.tables() == set()


def test_a_database_that_is_not_there_is_told_without_its_password(shell, monkeypatch):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/none")
    for command, code in (
        (["run", "rename", ALONE], 3),
        (["plan", "rename"], 3),
        (["status"], 3),
        (["check"], 0),
    ):
        for debug in ([], ["--debug"], ["--json"]):
            said = shell(*command, *debug)
            assert said.code == code, (command, said)
            assert "hunter2" not in said.out + said.err
            assert "127.0.0.1" in said.out + said.err


@pytest.mark.parametrize("url", ["hunter2", "oracle://me:hunter2@h/x", "://"])
def test_what_is_no_database_url_is_exit_code_2_and_is_not_repeated(shell, monkeypatch, url):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    said = shell("run", "rename", ALONE)
    assert said.code == 2
    assert said.error
    assert "hunter2" not in said.out + said.err


def test_a_read_only_database_is_refused_and_may_still_be_looked_at(
    shell, monkeypatch, postgresql_url
):
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(text(TABLE))
        name = engine.url.database
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    said = shell("run", "rename", ALONE)
    assert said.code == 3, said
    assert "read-only" in said.error
    assert "No row was written." in said.err
    for command in (["plan", "rename"], ["status"], ["check"]):
        assert shell(*command).code == 0


def test_a_file_that_is_no_database_is_refused(empty):
    empty.database.write_bytes(b"this is no database" * 100)
    for command in (["run", "rename", ALONE], ["status"], ["plan", "rename"]):
        said = empty(*command)
        assert said.code == 3, said
        assert said.error


def test_debug_shows_the_traceback_of_an_error_and_nothing_else_does(shell):
    plain, debug = shell("run", "nothing"), shell("run", "nothing", "--debug")
    assert "Traceback" not in plain.err
    assert "Traceback" in debug.err
    assert debug.code == plain.code == 2


def test_an_error_nobody_expected_is_called_a_bug_and_exit_code_4(shell, monkeypatch):
    def broken(*_arguments: object, **_more: object):
        raise ZeroDivisionError("by zero, postgresql://me:hunter2@h/x")

    monkeypatch.setattr("batch_ops.engine.run", broken)
    said = shell("run", "rename", ALONE, "--json")
    assert said.code == 4
    assert said.error.startswith("This is a bug in batch_ops: ZeroDivisionError: by zero")
    assert "hunter2" not in said.err + said.out
    assert said.json["error"] == "EngineFault"
    assert "Traceback" in shell("run", "rename", ALONE, "--debug").err


def test_what_the_database_says_is_no_bug_of_ours(shell, monkeypatch):
    from sqlalchemy.exc import ProgrammingError

    def refused(*_arguments: object, **_more: object):
        raise ProgrammingError("SELECT 1", {}, Exception("permission denied for table people"))

    monkeypatch.setattr("batch_ops.engine.run", refused)
    said = shell("run", "rename", ALONE)
    assert said.code == 4
    assert "permission denied for table people" in said.error
    assert "bug" not in said.error
