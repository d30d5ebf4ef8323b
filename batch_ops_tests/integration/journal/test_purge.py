"""The journal forgets what ended long ago, and nothing that is needed still."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect

from batch_ops.cli.app import execute
from batch_ops.engine import Project, RunOptions, history, result_of, resume, run, verify
from batch_ops.errors import AlreadyCompletedError
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.results import Result

IMPORTED = """
name: imported
key: [number]
create_table: true
fields: {number: integer, balance: integer}
patterns:
  - name: batch_operations
    operation: import_numbers
    operation_type: insert
    data_source: csv_file
    source_path: numbers.csv
    on_conflict: skip
    validation_rules: ["balance IS NOT NULL"]
    log_table: numbers_log
    collect_metrics: true
  - name: batch_operations
    operation: number_once
    operation_type: update
    update_data: {balance: 1}
    once: true
"""
TABLES = (
    *("batch_operations", "batch_steps", "batch_chunks", "batch_operation_errors"),
    *("batch_operation_logs", "numbers_log", "batch_performance_metrics"),
)


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """300 accounts to sweep, and a file of numbers to import, one of them a reject."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    monkeypatch.setenv("BATCH_OPS_DEFS", str(tmp_path / "defs"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster.yaml").touch()
    (tmp_path / "numbers.csv").write_text("number,balance\n1,10\n2,\n3,30\n")
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "imported.yaml").write_text(IMPORTED)
    (tmp_path / "defs" / "accounts.yaml").write_text(accounts.ACCOUNTS)
    made = Project(tmp_path, Catalog.load([tmp_path / "defs"]))
    accounts.make_accounts(made.database(), 300)
    yield made
    made.dispose()


def long_ago(project: Project, *results: Result) -> None:
    """They ended in 2020."""
    moments = "started_at = '2020-01-01 10:00:00', completed_at = '2020-01-01 10:05:00'"
    accounts.execute(
        project.database(),
        [
            f"UPDATE batch_operations SET {moments} WHERE operation_id = '{each.execution_id}'"
            for each in results
        ],
    )


def rows(project: Project, result: Result) -> dict[str, int]:
    """How many rows each table has of an execution; tables without any are left out."""
    where = f"WHERE operation_id = '{result.execution_id}'"
    with project.database().reading() as connection:
        there = set(inspect(connection).get_table_names())
    found = {
        table: accounts.query(project.database(), f"SELECT COUNT(*) FROM {table} {where}")[0][0]
        for table in TABLES
        if table in there
    }
    return {table: number for table, number in found.items() if number}


def outputs(project: Project, result: Result) -> set[str]:
    """The tables with the rows of an execution's steps."""
    with project.database().reading() as connection:
        names = inspect(connection).get_table_names()
    return {name for name in names if name.startswith(f"batch_output_{result.execution_id[:8]}")}


def purge(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    """What `purge --older-than 90d --json` says of the one journal there is."""
    capsys.readouterr()
    assert execute(["purge", "--older-than", "90d", "--json", *options]) == 0
    (told,) = json.loads(capsys.readouterr().out)["databases"]
    return dict(told)


@pytest.mark.quick("sqlite")
def test_what_ended_long_ago_is_gone_with_its_tables_and_what_did_not_stays(
    project: Project, capsys
):
    old = run(project, "sweep")
    accounts.execute(project.database(), ["UPDATE accounts SET status = 'open'"])
    young = run(project, "sweep")
    before = rows(project, young)
    assert outputs(project, old)
    long_ago(project, old)
    told = purge(capsys)
    assert [each["execution_id"] for each in told["executions"]] == [old.execution_id]
    assert (rows(project, old), outputs(project, old)) == ({}, set())
    assert (rows(project, young), len(outputs(project, young))) == (before, 1)
    assert [each.execution_id for each in history(project)] == [young.execution_id]


def test_a_dry_run_tells_the_same_and_purges_nothing(project: Project, capsys):
    result = run(project, "sweep")
    imported = run(project, "import_numbers")
    long_ago(project, result, imported)
    before = [(rows(project, each), outputs(project, each)) for each in (result, imported)]
    told = purge(capsys, "--dry-run")
    assert [(rows(project, each), outputs(project, each)) for each in (result, imported)] == before
    assert purge(capsys) == told
    assert told["rows"]
    assert told["output_tables"]


def test_what_has_not_ended_is_never_purged_and_can_be_resumed(project: Project, capsys):
    stopped = run(project, "sweep", options=RunOptions(timeout=timedelta(seconds=0)))
    assert not stopped.status.finished
    long_ago(project, stopped)
    before = rows(project, stopped)
    assert purge(capsys)["executions"] == []
    assert rows(project, stopped) == before
    done = resume(project, stopped.execution_id, options=RunOptions(timeout=timedelta(minutes=1)))
    assert str(done.status) == "completed"


def test_a_purged_import_is_still_refused_and_its_counters_still_told(project: Project, capsys):
    imported = run(project, "import_numbers")
    long_ago(project, imported)
    (told,) = purge(capsys)["executions"]
    assert told["remembered"] is True
    assert set(rows(project, imported)) == {"batch_operations", "batch_steps", "batch_chunks"}
    with pytest.raises(AlreadyCompletedError):
        run(project, "import_numbers")
    after = result_of(project, imported.execution_id)
    assert (after.status, after.counts) == (imported.status, imported.counts)
    assert "were purged on" in str(after.message)
    assert verify(project, imported.execution_id).agrees
    assert execute(["status", imported.execution_id, "--verify"]) == 0
    assert "were not counted" in capsys.readouterr().out
    assert purge(capsys)["executions"] == []


def test_of_an_import_that_was_run_again_only_the_newest_is_remembered(project: Project, capsys):
    first = run(project, "import_numbers")
    second = run(project, "import_numbers", options=RunOptions(again=True))
    long_ago(project, first)
    (told,) = purge(capsys)["executions"]
    assert (told["execution_id"], told["remembered"]) == (first.execution_id, False)
    assert rows(project, first) == {}
    assert "batch_operation_errors" in rows(project, second)


def test_nothing_that_may_be_a_value_of_a_row_stays_of_a_purged_import(project: Project, capsys):
    imported = run(project, "import_numbers")
    long_ago(project, imported)
    purge(capsys)
    kept = accounts.query(
        project.database(),
        "SELECT lower_bound, upper_bound, position, splits FROM batch_chunks",
    )
    assert kept == [(None, None, None, "[]")]
    of_all = accounts.query(project.database(), "SELECT parameters, checks FROM batch_operations")
    assert of_all == [("{}", None)]


def test_what_is_done_once_stays_done(project: Project, capsys):
    run(project, "import_numbers")
    once = run(project, "number_once")
    long_ago(project, once)
    purge(capsys)
    with pytest.raises(AlreadyCompletedError):
        run(project, "number_once")
