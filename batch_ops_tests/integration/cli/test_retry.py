"""`batch-ops retry`, and what `batch-ops errors` tells and gives up."""

from __future__ import annotations

import csv
import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from batch_ops.cli.app import execute

ALONE = "--no-dagster"
SHELL = str(Path(sys.executable).parent / "batch-ops")
BAD = "id,name,age,password\n501,ann,3,s1\n502,bob,-1,s2\n503,,5,s3\n502,cat,7,s4\n"


@pytest.fixture
def imported(shell):
    """An import with three rejects: rows 2 (a rule), 3 (no name), and none of row 4: its key is
    free.
    """
    (shell.folder / "people.csv").write_text(BAD)
    shell.execution = shell("run", "import_people", ALONE, "--json").json["execution_id"]
    return shell


def exported(shell) -> list[dict[str, str]]:
    said = shell("errors", shell.execution, "--csv")
    return list(csv.DictReader(io.StringIO(said.out)))


def written(shell, rows: list[dict[str, str]]) -> str:
    file = shell.folder / "corrected.csv"
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(file)


def test_the_file_of_errors_is_corrected_and_given_back(imported):
    """Export, correct, retry: done, and the hidden column has what it had."""
    rows = exported(imported)
    assert [row["reject_row"] for row in rows] == ["2", "3"]
    assert "password" not in rows[0]
    mended = [row | {"age": "9", "name": row["name"] or "eve"} for row in rows]
    mended[0]["id"] = "504"
    said = imported("retry", imported.execution[:8], "--from", written(imported, mended), ALONE)
    assert said.code == 0, said.err
    assert "2 rejects were tried again, 2 recovered, 0 refused again" in said.out
    assert "import_people completed" in said.out
    found = imported.query("SELECT id, name, age, password FROM people WHERE id > 500 ORDER BY id")
    assert found == [
        (501, "ann", 3, "s1"),
        (502, "cat", 7, "s4"),
        (503, "eve", 9, "s3"),
        (504, "bob", 9, "s2"),
    ]
    said = imported("errors", imported.execution)
    assert said.out == "No reject is open.\n"
    assert "Besides: 2 recovered; --all shows them." in said.err


def test_retry_as_json_is_the_execution_with_what_was_tried(imported):
    said = imported("retry", imported.execution, ALONE, "--json")
    assert said.code == 1
    assert said.json["status"] == "completed_with_errors"
    assert said.json["retry"] == {
        "number": 1,
        "tried": 2,
        "recovered": 0,
        "refused_again": 2,
        "untried": {},
        "steps_not_done_again": {},
    }


def test_what_is_refused_again_is_told_with_its_reason_and_the_command(imported):
    said = imported("retry", imported.execution, ALONE)
    assert said.code == 1
    for word in ("2 refused again", "23502", "rule", f"batch-ops errors {imported.execution[:8]}"):
        assert word in said.out


def test_only_rejects_of_a_reason_are_retried_and_an_unknown_one_is_refused(imported):
    said = imported("retry", imported.execution, "--reason", "rule", ALONE, "--json")
    assert said.json["retry"]["tried"] == 1
    said = imported("retry", imported.execution, "--reason", "ruel", ALONE)
    assert (said.code, said.error) == (2, "There is no reject with the reason 'ruel'.")


def test_quiet_says_nothing_and_the_exit_code_all(imported):
    said = imported("retry", imported.execution, ALONE, "--quiet")
    assert (said.code, said.out, said.err) == (1, "", "")


def test_nothing_to_retry_is_no_error(imported):
    imported("errors", imported.execution, "--discard", "--because", "no", ALONE)
    said = imported("retry", imported.execution, ALONE)
    assert (said.code, said.out) == (0, "No reject of import_people is open.\n")


def test_who_retried_is_kept(imported):
    imported("retry", imported.execution, "--by", "ada", ALONE)
    ended = [r["ended"] for r in imported("errors", imported.execution, "--all", "--json")
             .json["rejects"] if "ended" in r]  # fmt: skip
    assert [(each["by"], each["how"], each["retry"]) for each in ended] == [
        ("ada", "as it was", 1)
    ] * 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--from", "nothing.csv"), "nothing.csv cannot be read: No such file or directory."),
        (("--from", "people.csv"), "There is no column of the rejects 'password'."),
        (("--from", "other.csv"), "Rows of other.csv fit no open reject of execution"),
        (("--batch-size", "0"), "--batch-size"),
        (("--max-errors", "many"), "--max-errors does not understand 'many'."),
        (("--timeout", "soon"), "--timeout does not understand 'soon'."),
        (("--from", "other.csv", "--reason", "rule"), "A corrected file says itself"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_written(imported, monkeypatch, options, told):
    monkeypatch.chdir(imported.folder)
    (imported.folder / "other.csv").write_text("name,reject_row\nx,1\n")
    before = imported.query("SELECT COUNT(*) FROM people")
    if told.startswith("There is no column"):
        (imported.folder / "people.csv").write_text("id,nam,reject_row\n1,2,2\n")
        told = "There is no column of the rejects 'nam'."
    said = imported("retry", imported.execution, *options, ALONE)
    assert said.code == 2
    assert told in said.error
    assert imported.query("SELECT COUNT(*) FROM people") == before
    assert imported("errors", imported.execution, "--json").json["total"] == 2


def test_status_tells_what_was_retried_by_whom(imported):
    imported("retry", imported.execution, "--by", "ada", ALONE)
    said = imported("status", imported.execution)
    assert "Retry 1 as it was by ada on 20" in said.out
    assert "0 recovered, 2 refused again." in said.out


def test_an_execution_nobody_knows_and_none_at_all_are_usage(imported):
    assert imported("retry", "nothing", ALONE).code == 2
    assert imported("retry", ALONE).code == 2


def test_a_limit_that_stops_names_the_command_that_goes_on(imported):
    said = imported("retry", imported.execution, "--batch-size", "1", "--max-errors", "0", ALONE)
    assert said.code == 4
    assert f"batch-ops retry {imported.execution[:8]} --max-errors" in said.err
    assert imported("errors", imported.execution, "--json").json["states"] == {
        "open": 2, "recovered": 0, "refused_again": 1, "discarded": 0,
    }  # fmt: skip


def test_steps_that_were_not_done_again_are_named(shell):
    shell.declare(
        """name: people
key: [id]
fields: {id: integer, name: text, age: integer, password: text, status: text}
patterns:
  - name: batch_operations
    operation: take_in
    steps:
      - name: create
        operation_type: insert
        data_source: csv_file
        source_path: people.csv
      - name: greet
        operation_type: update
        update_data: {status: welcome}
        where_condition: id IN (:created_ids)
      - name: tidy
        operation_type: delete
        where_condition: age > 1000
"""
    )
    (shell.folder / "people.csv").write_text("id,name,age\n1,taken,3\n901,ann,4\n")
    execution = shell("run", "take_in", ALONE, "--json").json["execution_id"]
    file = shell.folder / "corrected.csv"
    file.write_text("id,reject_row\n902,1\n")
    said = shell("retry", execution, "--from", str(file), ALONE)
    assert said.code == 0
    assert "Step tidy was not done again: it chooses its rows itself." in said.out
    assert shell.query("SELECT id FROM people WHERE status = 'welcome' ORDER BY id") == [
        (901,),
        (902,),
    ]
    assert shell("status", execution, "--verify").code == 0


def test_rejects_are_given_up_with_who_and_why(imported):
    said = imported(
        "errors", imported.execution, "--discard", "--reason", "rule", "--because", "not ours",
        "--by", "ada", ALONE,
    )  # fmt: skip
    assert said.code == 0
    assert said.out == "1 reject of import_people was given up by ada; 1 are open still.\n"
    shown = imported("errors", imported.execution, "--all")
    assert "discarded by ada: not ours" in shown.out
    told = imported("errors", imported.execution, "--json").json
    assert [reject["row"] for reject in told["rejects"]] == [3]
    said = imported("errors", imported.execution, "--discard", "--because", "rest", "--json", ALONE)
    assert said.json == {
        "execution_id": imported.execution,
        "operation": "import_people",
        "discarded": 1,
        "open": 0,
        "by": said.json["by"],
        "because": "rest",
    }
    assert imported("status", imported.execution, "--json").json["discarded_rejects"] == 2
    assert imported("errors").error == "No execution has open rejects."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--discard",), "Nobody says why they are given up."),
        (("--discard", "--because", " "), "Nobody says why the rejects are given up."),
        (("--because", "x"), "--because and --by belong to --discard."),
        (("--by", "x"), "--because and --by belong to --discard."),
        (("--discard", "--because", "x", "--csv"), "--csv and --discard exclude each other."),
        (("--discard", "--because", "x", "--all"), "--all and --discard exclude each other."),
        (("--discard", "--because", "x", "--limit", "1"), "--limit and --discard exclude"),
        (("--discard", "--because", "x", "--reason", "y"), "There is no reject with the reason"),
        (("--csv", "--all"), "--csv is for correcting, and --all shows what has ended, too."),
    ],
)
def test_what_does_not_go_together_is_refused(imported, options, told):
    said = imported("errors", imported.execution, *options)
    assert said.code == 2
    assert told in said.error
    assert imported("errors", imported.execution, "--json").json["total"] == 2


def test_nobodys_rejects_are_given_up_by_mistake(imported):
    said = imported("errors", "--discard", "--because", "x")
    assert (said.code, said.error) == (2, "Whose rejects are to be given up?")


def test_all_shows_open_and_ended_ones_with_their_state(imported):
    imported("retry", imported.execution, ALONE)
    told = imported("errors", imported.execution, "--all", "--json").json
    assert [(r["row"], r["state"]) for r in told["rejects"]] == [
        (2, "refused_again"), (3, "refused_again"), (2, "open"), (3, "open"),
    ]  # fmt: skip
    assert told["states"] == {"open": 2, "recovered": 0, "refused_again": 2, "discarded": 0}
    said = imported("errors", imported.execution, "--all")
    assert "refused again by" in said.out


def test_the_step_stands_in_the_file_where_several_have_rejects(shell):
    shell.declare(
        """name: people
key: [id]
fields: {id: integer, name: text, age: integer, password: text, status: text}
patterns:
  - name: batch_operations
    operation: twice
    steps:
      - name: first
        operation_type: insert
        data_source: csv_file
        source_path: a.csv
      - name: second
        operation_type: insert
        data_source: csv_file
        source_path: a.csv
"""
    )
    (shell.folder / "a.csv").write_text("id,name,age\nx,ann,3\n")
    shell.execution = shell("run", "twice", ALONE, "--json").json["execution_id"]
    rows = exported(shell)
    assert [(row["reject_step"], row["reject_row"]) for row in rows] == [
        ("first", "1"),
        ("second", "1"),
    ]
    mended = [row | {"id": number} for row, number in zip(rows, ("801", "802"), strict=True)]
    file = written(shell, mended)
    without = [{k: v for k, v in row.items() if k != "reject_step"} for row in mended[:1]]
    ambiguous = shell.folder / "ambiguous.csv"
    ambiguous.write_text(",".join(without[0]) + "\n" + ",".join(without[0].values()) + "\n")
    said = shell("retry", shell.execution, "--from", str(ambiguous), ALONE)
    assert (said.code, said.error) == (2, "ambiguous.csv fits several rejects in line 2 (row 1).")
    assert shell("retry", shell.execution, "--from", file, ALONE).code == 0
    assert shell.query("SELECT id FROM people WHERE id > 800 ORDER BY id") == [(801,), (802,)]


def test_ctrl_c_ends_after_the_batch_at_work_and_names_what_goes_on(shell):
    """Then the same command does the rest, and nothing twice."""
    shell.declare(
        """name: people
key: [id]
fields: {id: integer, name: text, age: integer, password: text, status: text}
patterns:
  - name: batch_operations
    operation: slowly
    operation_type: insert
    data_source: csv_file
    source_path: a.csv
    batch_size: 10
    throttle: 50 ms
    validation_rules: [age > 0]
"""
    )
    rows = [f"{1000 + n},n{n},-1" for n in range(200)]
    (shell.folder / "a.csv").write_text("\n".join(["id,name,age", *rows]) + "\n")
    execution = shell("run", "slowly", ALONE, "--json", "--batch-size", "200").json["execution_id"]
    file = shell.folder / "corrected.csv"
    mended = [f"{n + 1},5" for n in range(200)]
    file.write_text("\n".join(["reject_row,age", *mended]) + "\n")
    command = [SHELL, "retry", execution, "--from", str(file), "--batch-size", "10", ALONE]
    with subprocess.Popen(command, cwd=shell.folder, stderr=subprocess.PIPE, text=True) as process:
        while not shell.query("SELECT COUNT(*) FROM people WHERE id >= 1000")[0][0]:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr is not None
        assert f"batch-ops retry {execution[:8]}" in process.stderr.read()
    assert "it is not at its end" in " ".join(shell("status", execution).out.split())
    assert f"Finish it: batch-ops retry {execution[:8]}" in shell("doctor").out
    done = shell.query("SELECT COUNT(*) FROM people WHERE id >= 1000")[0][0]
    assert 0 < done < 200
    assert shell("status", execution, "--verify").code == 0
    said = shell("retry", execution, "--from", str(file), "--json", ALONE)
    assert (said.code, said.json["retry"]["recovered"]) == (0, 200 - done)
    assert shell.query("SELECT COUNT(*) FROM people WHERE id >= 1000") == [(200,)]


def test_the_help_names_every_option(capsys):
    for command, words in (
        ("retry", ("--from", "--reason", "--by", "--take-over", "--batch-size", "--max-errors")),
        ("errors", ("--csv", "--limit", "--reason", "--all", "--discard", "--because", "--by")),
    ):
        capsys.readouterr()
        assert execute([command, "--help"]) == 0
        told = capsys.readouterr().out
        assert [word for word in words if word not in told] == []
