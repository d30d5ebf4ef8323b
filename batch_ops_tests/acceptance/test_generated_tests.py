"""Generated tests pass for what is right, and fail for an engine that is broken on purpose."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from batch_ops.cli import generate
from batch_ops.cli.app import execute
from batch_ops.testing.catalogs import catalog_of, operations_in
from batch_ops_tests.acceptance import test_specql_document as document
from batch_ops_tests.support.document import blocks, entity_file

ROOT = Path(__file__).resolve().parents[2]
TICKETS = ROOT / "batch_ops" / "cli" / "skeleton" / "defs" / "tickets.yaml"
DEMO = sorted((ROOT / "batch_ops" / "defs" / "flights").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*/defs/*.yaml"))
ENTITIES = {
    **dict.fromkeys((0, 1, 5, 10, 11, 12, 13, 15), document.USER),
    2: document.PRODUCT,
    3: document.MIGRATED,
    4: document.ORDER,
    6: document.PRODUCT,
    7: document.INACTIVE,
    8: document.CACHE,
    9: document.INVOICE,
}
"""Block 14 calls a function in a precondition that the project itself must bring along."""
ATOMIC = """
name: accounts
key: [region, number]
fields:
  region: {type: string(4), nullable: false}
  number: integer
  balance: {type: "decimal(10,2)", nullable: false}
  kind: {type: string(8), nullable: false}
patterns:
  - name: batch_operations
    operation: charge
    operation_type: update
    update_data: {balance: {sql: "balance - :fee"}, kind: charged}
    where_condition: "kind = 'open' AND balance > 100"
    parameters: {fee: integer}
    atomic: true
"""
IGNORES_SIZES = """
from dataclasses import replace
from batch_ops.engine.context import Context
known = Context.settings
Context.settings = lambda self, step: replace(known(self, step), batch_size=10_000)
"""
WIDER = """
from batch_ops.database.statements import Target
known = Target._where
def wider(self, *arguments):
    object.__setattr__(self, "where", None)
    return known(self, *arguments)
Target._where = wider
"""
TWICE = """
from batch_ops.engine.keyset_work import KeysetWork
known = KeysetWork._run
def twice(self, *arguments):
    known(self, *arguments)
    return known(self, *arguments)
KeysetWork._run = twice
"""


def generated(folder: Path, *files: Path) -> Path:
    """The tests of some files, each in a folder of its own."""
    for number, file in enumerate(files):
        made = execute(["generate-tests", str(file), "-o", str(folder / f"t{number}"), "--quiet"])
        assert made == 0
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Pytest on them, as a person would start it."""
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p"]
    return subprocess.run(
        [*command, "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def failed(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The names of the tests that failed."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return {line.split("::")[1].split(" ")[0].split("[")[0] for line in lines}


def block_file(folder: Path, number: int) -> Path:
    """A block of the document as an entity file."""
    file = folder / f"block{number}" / "entity.yaml"
    file.parent.mkdir()
    file.write_text(entity_file(blocks()[number], ENTITIES[number], document.BASE))
    return file


@pytest.mark.slow
def test_they_pass_for_an_update_an_import_and_steps_with_a_function(tmp_path: Path) -> None:
    files = [block_file(tmp_path, number) for number in (3, 6, 8)]
    done = run(generated(tmp_path / "tests", *files))
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_they_pass_for_the_documents_examples(tmp_path: Path) -> None:
    files = [block_file(tmp_path, number) for number in ENTITIES]
    done = run(generated(tmp_path / "tests", *files))
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_they_pass_for_the_demo_and_the_examples(tmp_path: Path) -> None:
    done = run(generated(tmp_path / "tests", *DEMO, *EXAMPLES))
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_they_pass_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """With workers that work at once; nothing is left in the database afterwards."""
    import sqlalchemy as sa

    files = [block_file(tmp_path, number) for number in (1, 2, 3, 4, 6, 8, 9)]
    done = run(generated(tmp_path / "tests", *files, DEMO[2]), BATCH_OPS_TEST_URL=postgresql_url)
    assert done.returncode == 0, done.stdout
    engine = sa.create_engine(postgresql_url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_they_cover_the_six_points_for_every_operation(tmp_path: Path) -> None:
    points = (
        *("# batch processing", "# error handling", "# progress tracking"),
        *("# parallel execution", "# data consistency", "# performance"),
    )
    files = [*DEMO, *EXAMPLES, *(block_file(tmp_path, number) for number in ENTITIES)]
    generated(tmp_path / "tests", *files)
    for module in (tmp_path / "tests").rglob("test_*.py"):
        text = module.read_text()
        assert [point for point in points if point not in text] == [], module


def test_every_operation_of_a_file_gets_a_module(tmp_path: Path) -> None:
    names = {path.name for path in generated(tmp_path / "tests", DEMO[2]).rglob("test_*.py")}
    assert names == {"test_import_flights.py", "test_settle_flights.py"}
    operations = operations_in(catalog_of(DEMO[2]), DEMO[2])
    assert [each.name for each in operations] == ["import_flights", "settle_flights"]


# broken on purpose


@pytest.mark.slow
def test_an_engine_that_ignores_the_batch_size_does_not_pass(tmp_path: Path) -> None:
    folder = generated(tmp_path / "tests", TICKETS)
    (folder / "conftest.py").write_text(IGNORES_SIZES)
    done = run(folder)
    assert done.returncode == 1
    assert "test_batches_have_the_size_that_is_asked_for" in failed(done)


@pytest.mark.slow
def test_an_engine_with_a_wider_condition_does_not_pass(tmp_path: Path) -> None:
    folder = generated(tmp_path / "tests", TICKETS)
    (folder / "conftest.py").write_text(WIDER)
    done = run(folder)
    assert done.returncode == 1
    assert {
        "test_what_is_meant_is_done_and_nothing_else",
        "test_workers_share_the_chunks_and_do_each_row_once",
        "test_an_interrupt_loses_no_row_and_doubles_none",
    } <= failed(done)


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["", TWICE], ids=["right", "twice"])
def test_an_engine_that_does_rows_twice_does_not_pass(tmp_path: Path, broken: str) -> None:
    """An atomic operation; without the fault all pass."""
    file = tmp_path / "accounts.yaml"
    file.write_text(ATOMIC.replace(", kind: charged", "") if broken else ATOMIC)
    folder = generated(tmp_path / "tests", file)
    (folder / "conftest.py").write_text(broken)
    done = run(folder)
    assert done.returncode == (1 if broken else 0), done.stdout
    if broken:
        assert "test_what_is_meant_is_done_and_nothing_else" in failed(done)
    else:
        text = next(folder.rglob("test_charge.py")).read_text()
        assert "test_it_is_all_or_nothing" in text


# in one go


def test_one_command_tests_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output of pytest is shown; nothing is left behind."""
    file = tmp_path / "tickets.yaml"
    file.write_text(TICKETS.read_text())
    command = [sys.executable, "-m", "batch_ops", "test", str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 passed" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["tickets.yaml"]


def test_a_failure_is_the_exit_code_and_stands_in_the_summary(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = {"test_a.py": "def test_a(): assert 1 == 2\ndef test_b(): pass\n"}
    monkeypatch.setattr(generate, "_texts", lambda _file: texts)
    assert execute(["test", str(TICKETS), "--json"]) == 1
    told = json.loads(capfd.readouterr().out)
    assert (told["passed"], told["failed"], told["operations"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "There is no file"),
        ("name: a\nfields: {id: integer}\n", "declares no operation"),
        ("name: a\nfields: {id: intger}\n", "There is no type 'intger'"),
    ],
)
def test_a_file_without_operations_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, told: str
) -> None:
    file = tmp_path / "a.yaml"
    if text is not None:
        file.write_text(text)
    for command in ("generate-tests", "test"):
        assert execute([command, str(file)]) == 2
        assert told in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_close_stale_tickets.py").write_text("mine")
    assert execute(["generate-tests", str(TICKETS), "-o", str(folder)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (folder / "test_close_stale_tickets.py").read_text() == "mine"


def test_a_database_that_is_in_use_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BATCH_OPS_TEST_URL names a database with the table in it: refused, and not dropped."""
    import sqlite3

    from batch_ops.errors import UsageError
    from batch_ops.testing import Scratch

    file = tmp_path / "live.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE tickets (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO tickets VALUES (1)")
    monkeypatch.setenv("BATCH_OPS_TEST_URL", f"sqlite:///{file}")
    with (
        pytest.raises(UsageError, match=r"'tickets' is in .* already"),
        Scratch(TICKETS, "close_stale_tickets"),
    ):
        pass
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM tickets").fetchone() == (1,)
