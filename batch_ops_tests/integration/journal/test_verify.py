"""Whoever tampers with a table of the journal is told by a recount: exactly that, nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from batch_ops.cli.app import execute
from batch_ops.engine import Project, RunOptions, resume, run, verify
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECK = ", CHECK (status <> 'swept' OR balance NOT IN (7, 93))"
ONE = "WHERE step = 'update' AND chunk = 1"
FIRST, SECOND = "AND batch_number = 1", "AND batch_number = 2"
CHUNK = "batch_chunks: step 'update', chunk 1: "
LOG = "batch_operation_logs: step 'update', chunk 1, batch "
REJECTS = "batch_operation_errors: step 'update', chunk 1, batch "
LIES: dict[str, tuple[str, ...]] = {
    "UPDATE batch_operations SET total_records = total_records + 1": (
        "batch_operations: it says total_records 699, its chunks come to 698",
    ),
    "UPDATE batch_operations SET processed_records = 0": (
        "batch_operations: it says processed_records 0, its chunks come to 396",
    ),
    "UPDATE batch_operations SET error_count = 7": (
        "batch_operations: it says error_count 7, its chunks come to 2",
    ),
    "UPDATE batch_operations SET status = 'completed'": (
        "batch_operations: it is completed, and 2 rows were refused",
    ),
    "UPDATE batch_steps SET planned_rows = 299 WHERE step = 'validate'": (
        "batch_steps: step 'validate': it planned 299 rows, its chunks 300",
    ),
    "UPDATE batch_steps SET status = 'running' WHERE step = 'cleanup'": (
        "batch_operations: it is completed_with_errors, and not finished: cleanup",
    ),
    "DELETE FROM batch_steps WHERE step = 'cleanup'": (
        "batch_chunks: step 'cleanup': there are chunks, and no such step",
    ),
    f"UPDATE batch_chunks SET updated = updated + 1, failed = failed - 1 {ONE}": (
        f"{CHUNK}it says updated 199, its batches come to 198",
        f"{CHUNK}it says failed 1, its batches come to 2",
        "batch_operations: it says processed_records 396, its chunks come to 397",
        "batch_operations: it says error_count 2, its chunks come to 1",
    ),
    f"UPDATE batch_chunks SET total = total + 1 {ONE}": (
        f"{CHUNK}it says total 201, its batches come to 200",
        f"{CHUNK}its outcomes do not add up to total 201",
        "batch_operations: it says total_records 698, its chunks come to 699",
    ),
    f"UPDATE batch_chunks SET batches = batches - 1 {ONE}": (
        f"{CHUNK}it says 3 batches, the log has 4",
    ),
    f"UPDATE batch_chunks SET position = NULL {ONE}": (
        f"{CHUNK}its position is not where its last batch ended",
    ),
    f"UPDATE batch_chunks SET status = 'running' {ONE}": (
        "batch_steps: step 'update': it is finished, and 1 of its chunks are not",
    ),
    f"UPDATE batch_chunks SET upper_bound = '[]' {ONE}": (
        "batch_chunks: step 'update', chunk 2: it does not begin where the one before it ends",
    ),
    f"UPDATE batch_chunks SET lower_bound = '[]' {ONE}": (
        f"{CHUNK}it does not begin where its first batch does",
    ),
    f"DELETE FROM batch_chunks {ONE}": (
        "batch_operation_logs: step 'update', chunk 1: there are rows, and no such chunk",
        "batch_operation_errors: step 'update', chunk 1: there are rows, and no such chunk",
        "batch_steps: step 'update': it planned 300 rows, its chunks 100",
        "batch_chunks: step 'update': chunk 1 is missing",
        "batch_operations: it says total_records 698, its chunks come to 498",
        "batch_operations: it says processed_records 396, its chunks come to 198",
        "batch_operations: it says error_count 2, its chunks come to 0",
    ),
    f"UPDATE batch_operation_logs SET updated = updated + 1, total = total + 1 {ONE} {SECOND}": (
        f"{CHUNK}it says total 200, its batches come to 201",
        f"{CHUNK}it says updated 198, its batches come to 199",
    ),
    f"UPDATE batch_operation_logs SET unchanged = 1 {ONE} {SECOND}": (
        f"{CHUNK}it says unchanged 0, its batches come to 1",
        f"{LOG}2: its outcomes do not add up to total 50",
    ),
    f"UPDATE batch_operation_logs SET cursor_to = '[]' {ONE} {SECOND}": (
        f"{LOG}3: it does not begin where the one before it ended",
    ),
    f"DELETE FROM batch_operation_logs {ONE} {SECOND}": (
        f"{CHUNK}it says total 200, its batches come to 150",
        f"{CHUNK}it says updated 198, its batches come to 148",
        f"{CHUNK}it says 4 batches, the log has 3",
        f"{LOG}3: it does not begin where the one before it ended",
        f"{LOG}3: it follows batch 1",
    ),
    f"UPDATE batch_operation_logs SET status = 'rolled_back' {ONE} AND batch_number = 4": (
        f"{CHUNK}it says total 200, its batches come to 150",
        f"{CHUNK}it says updated 198, its batches come to 148",
        f"{CHUNK}it says 4 batches, the log has 3",
        f"{CHUNK}its position is not where its last batch ended",
    ),
    f"DELETE FROM batch_operation_errors {ONE} {FIRST}": (
        f"{REJECTS}1: there are 0 rejects that are failed, the log counts 1",
    ),
    f"UPDATE batch_operation_errors SET outcome = 'invalid' {ONE} {FIRST}": (
        f"{REJECTS}1: there are 1 rejects that are invalid, the log counts 0",
        f"{REJECTS}1: there are 0 rejects that are failed, the log counts 1",
    ),
    f"UPDATE batch_operation_errors SET batch_number = 2 {ONE} {FIRST}": (
        f"{REJECTS}1: there are 0 rejects that are failed, the log counts 1",
        f"{REJECTS}2: there are 1 rejects that are failed, the log counts 0",
    ),
    f"UPDATE batch_operation_errors SET chunk = 9 {ONE} {FIRST}": (
        "batch_operation_errors: step 'update', chunk 9: there are rows, and no such chunk",
        f"{REJECTS}1: there are 0 rejects that are failed, the log counts 1",
    ),
}
TABLES = (
    "batch_operations",
    "batch_steps",
    "batch_chunks",
    "batch_operation_logs",
    "batch_operation_errors",
)


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A project on an empty database, one after the other of each kind."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    made = accounts.project(tmp_path, database_url)
    yield made
    made.dispose()


@pytest.fixture
def swept(project: Project, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, str]:
    """300 accounts in three steps, two of them refused by the second one; the execution's id."""
    accounts.make_accounts(project.database(), 300, CHECK)
    monkeypatch.setenv("BATCH_OPS_DEFS", str(project.folder / "defs"))
    monkeypatch.chdir(project.folder)
    (project.folder / "dagster.yaml").touch()
    return project, run(project, "sweep").execution_id


def test_what_was_not_tampered_with_agrees(swept: tuple[Project, str], capsys):
    _, identifier = swept
    assert execute(["status", identifier, "--verify"]) == 0
    told = capsys.readouterr().out
    assert "3 steps, 5 chunks, 14 batches, 2 rejects. All of it agrees." in " ".join(told.split())


def test_a_lie_in_any_table_of_the_journal_is_told(swept: tuple[Project, str]):
    project, identifier = swept
    database = project.database()
    accounts.execute(database, [f"CREATE TABLE true_{t} AS SELECT * FROM {t}" for t in TABLES])
    for lie, told in LIES.items():
        accounts.execute(database, [lie])
        found = tuple(str(each) for each in verify(project, identifier).disagreements)
        assert found == told, lie
        mending = [f"DELETE FROM {t}" for t in TABLES]
        mending += [f"INSERT INTO {t} SELECT * FROM true_{t}" for t in TABLES]
        accounts.execute(database, mending)
    assert verify(project, identifier).agrees


def test_what_does_not_agree_is_exit_code_4_and_told_as_one_object(
    swept: tuple[Project, str], capsys
):
    project, identifier = swept
    accounts.execute(project.database(), ["UPDATE batch_operations SET error_count = 7"])
    assert execute(["status", identifier, "--verify"]) == 4
    assert "error_count 7" in capsys.readouterr().out
    assert execute(["status", identifier, "--verify", "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["agrees"] is False
    assert told["disagreements"] == [
        {
            "table": "batch_operations",
            "what": "it says error_count 7, its chunks come to 2",
            "step": None,
            "chunk": None,
            "batch": None,
        }
    ]


def test_what_stopped_halfway_agrees_before_and_after_it_went_on(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """With rejects of a batch that was rolled back, and with another batch size."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    strict = accounts.ACCOUNTS.replace(": sweep", ": sweep\n    error_handling: stop_on_error")
    project = accounts.project(tmp_path, database_url, strict)
    accounts.make_accounts(project.database(), 300, CHECK)
    stopped = run(project, "sweep")
    assert stopped.stopped_reason == "row_refused"
    assert verify(project, stopped.execution_id).agrees
    attempts = 0
    while not stopped.status.finished:
        options = RunOptions(skip_rejects=True, batch_size=7 + attempts)
        stopped = resume(project, stopped.execution_id, options=options)
        assert verify(project, stopped.execution_id).agrees
        attempts += 1
    assert attempts > 1
    project.dispose()
