"""A trigger that leaves rows out without a word: they are skipped, and not counted as written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import BatchTable
from batch_ops.engine import rejects_of, run
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.engine import Project

GOODS = """
name: goods
key: id
fields: {id: integer, amount: integer}
patterns:
  - name: batch_operations
    operation: load_rows
    operation_type: insert
    data_source: :rows
    batch_size: 30
  - name: batch_operations
    operation: load_file
    operation_type: insert
    data_source: csv_file
    source_path: goods.csv
    batch_size: 30
  - name: batch_operations
    operation: copy
    operation_type: insert
    data_source: table
    source_path: origin
    batch_size: 30
"""
ORIGIN = "name: origin\nkey: id\nfields: {id: integer, amount: integer}\n"
LEFT_OUT = "NEW.id - (NEW.id / 10) * 10 = 3"
ON_SQLITE = f"BEFORE INSERT ON goods WHEN {LEFT_OUT} BEGIN SELECT RAISE(IGNORE); END"
BODY = f"BEGIN IF {LEFT_OUT} THEN RETURN NULL; END IF; RETURN NEW; END"
TRIGGER = {
    "sqlite": (f"CREATE TRIGGER silent {ON_SQLITE}",),
    "postgresql": (
        f"CREATE FUNCTION silent() RETURNS trigger LANGUAGE plpgsql AS '{BODY}'",
        "CREATE TRIGGER silent BEFORE INSERT ON goods FOR EACH ROW EXECUTE FUNCTION silent()",
    ),
}
ROWS = 100
REFUSED = {"none": (), "two": (50, 60), "many": (31, 32, *range(34, 43), 44, 57, 58, 60)}


@pytest.fixture
def goods(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Amounts are not negative; rows whose number ends in 3 never get in."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "origin.yaml").write_text(ORIGIN)
    project = accounts.project(tmp_path, database_url, GOODS)
    columns = "(id INTEGER PRIMARY KEY, amount INTEGER"
    tables = [
        f"CREATE TABLE goods {columns} CHECK (amount >= 0))",
        f"CREATE TABLE origin {columns})",
    ]
    accounts.execute(project.database(), [*tables, *TRIGGER[project.database().dialect.name]])
    yield project
    project.dispose()


def records(refused: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"id": n, "amount": -1 if n in refused else n} for n in range(1, ROWS + 1)]


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("operation", ["load_rows", "load_file", "copy"])
def test_rows_that_are_left_out_are_skipped(
    goods: Project, operation: str, refused: tuple[int, ...]
):
    rows = records(refused)
    lines = "".join(f"{row['id']},{row['amount']}\n" for row in rows)
    (goods.folder / "goods.csv").write_text(f"id,amount\n{lines}")
    values = ", ".join(f"({row['id']}, {row['amount']})" for row in rows)
    accounts.execute(goods.database(), [f"INSERT INTO origin VALUES {values}"])
    result = run(goods, operation, {"rows": rows} if operation == "load_rows" else {})
    wanted = ROWS - ROWS // 10 - len(refused)
    assert result.counts == Counts(
        total=ROWS, created=wanted, skipped=ROWS // 10, failed=len(refused)
    )
    assert result.status is (Status.COMPLETED_WITH_ERRORS if refused else Status.COMPLETED)
    there = accounts.query(goods.database(), "SELECT count(*) FROM goods")
    assert there == [(wanted,)]
    told = [int((reject.key or {})["id"]) for reject in rejects_of(goods, result.execution_id)]
    assert told == list(refused)


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_of_a_call_they_are_skipped_too(goods: Project, refused: tuple[int, ...]):
    url = goods.database().url.render_as_string(hide_password=False)
    table = BatchTable(url, "goods")
    result = table.create_many(records(refused), atomic=False, batch_size=30)
    wanted = ROWS - ROWS // 10 - len(refused)
    assert result.stats == Counts(
        total=ROWS, created=wanted, skipped=ROWS // 10, failed=len(refused)
    )
    assert [row.key for row in result.failed] == list(refused)
