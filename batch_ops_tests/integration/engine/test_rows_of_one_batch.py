"""Rows that need each other, or are in each other's way, in a batch in which another one is bad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.engine import rejects_of, run
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project

ROWS = 30
DECLARED = """
name: nodes
key: id
fields: {id: integer, boss: integer, code: integer, amount: integer, wish: integer}
patterns:
  - {name: batch_operations, operation: insert, data_source: csv_file, source_path: nodes.csv}
  - name: batch_operations
    operation: upsert
    operation_type: upsert
    data_source: csv_file
    source_path: nodes.csv
  - name: batch_operations
    operation: shift
    operation_type: update
    update_data: {code: {sql: "code + wish"}}
    where_condition: "wish IS NOT NULL"
  - {name: batch_operations, operation: delete, operation_type: delete}
"""
NODES = (
    "CREATE TABLE nodes (id INTEGER PRIMARY KEY, boss INTEGER, code INTEGER, amount INTEGER,"
    " wish INTEGER, CONSTRAINT one_code UNIQUE (code){deferrable},"
    " CONSTRAINT not_13 CHECK (amount <> 13), CONSTRAINT small CHECK (code < 1000),"
    " CONSTRAINT has_boss FOREIGN KEY (boss) REFERENCES nodes (id))"
)
Row = dict[str, Any]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", found)
    return found


def made(folder: Path, url: str, rows: list[Row], *, deferrable: str = "") -> Project:
    """A project whose table has these rows."""
    project = accounts.project(folder, url, DECLARED)
    accounts.execute(project.database(), [NODES.format(deferrable=deferrable)])
    values = [tuple("NULL" if v is None else str(v) for v in row.values()) for row in rows]
    if values:
        text = ", ".join(f"({', '.join(row)})" for row in values)
        accounts.execute(project.database(), [f"INSERT INTO nodes VALUES {text}"])
    return project


def node(number: int, **more: Any) -> Row:
    return {"id": number, "boss": None, "code": number, "amount": 1, "wish": None, **more}


def to_file(folder: Path, rows: list[Row]) -> None:
    lines = [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
    (folder / "nodes.csv").write_text("\n".join([",".join(rows[0]), *lines]) + "\n")


def refused(project: Project, operation: str) -> dict[int, str]:
    """The codes of the rejects, by key."""
    result = run(project, operation)
    assert result.status.finished, result
    assert result.counts.total == ROWS or operation == "shift"
    found = {int(r.key["id"]): r.code for r in rejects_of(project, result.execution_id) if r.key}
    project.dispose()
    return found


@pytest.mark.parametrize("operation", ["insert", "upsert"])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({9}, marks=pytest.mark.slow),
        pytest.param({9, 20}, marks=pytest.mark.slow),
        {5, 9, 13, 17, 20},
    ],
    ids=["one", "two", "five"],
)
def test_a_row_may_refer_to_one_that_comes_later(
    tmp_path: Path, url: str, operation: str, bad: set[int]
) -> None:
    """Row 2n - 1 refers to row 2n; where that is bad, both are."""
    rows = [node(n, boss=n + 1 if n % 2 else None) for n in range(1, ROWS + 1)]
    for n in bad:
        rows[n - 1]["amount"] = 13
    to_file(tmp_path, rows)
    wanted = dict.fromkeys(bad, "23514") | {n - 1: "23503" for n in bad if n % 2 == 0}
    assert refused(made(tmp_path, url, []), operation) == wanted


def test_a_row_goes_with_the_one_that_refers_to_it(tmp_path: Path, url: str) -> None:
    """Row 2n refers to row 2n - 1; of one pair the second is held by another table."""
    rows = [node(n, boss=None if n % 2 else n - 1) for n in range(1, ROWS + 1)]
    project = made(tmp_path, url, rows)
    held = "CREATE TABLE held (node INTEGER, FOREIGN KEY (node) REFERENCES nodes (id))"
    accounts.execute(project.database(), [held])
    accounts.execute(project.database(), ["INSERT INTO held VALUES (10)"])
    assert refused(project, "delete") == {9: "23503", 10: "23503"}


def test_a_value_may_be_one_that_another_row_gives_up(tmp_path: Path, url: str) -> None:
    """Ten rows have the next one's code; another row's is too large."""
    rows = [node(n, wish=1 if n <= 10 else None) for n in range(1, ROWS + 1) if n != 11]
    rows[-1]["wish"] = 5000
    assert refused(made(tmp_path, url, rows), "shift") == {ROWS: "23514"}


SWAP = [node(1, wish=1), node(2, wish=-1), node(3), node(4, wish=5000)]


def test_two_rows_cannot_swap_what_is_unique_at_any_time(tmp_path: Path, url: str) -> None:
    wanted = {1: "23505", 2: "23505", 4: "23514"}
    assert refused(made(tmp_path, url, SWAP), "shift") == wanted


def test_two_rows_may_swap_what_is_unique_in_the_end(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    project = made(tmp_path, postgresql_url, SWAP, deferrable=" DEFERRABLE")
    assert refused(project, "shift") == {4: "23514"}
