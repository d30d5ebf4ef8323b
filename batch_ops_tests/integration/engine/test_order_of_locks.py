"""Keys are locked in their own order, whatever the order of the records: of two that write the same
rows at once one waits for the other, and neither waits for both.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import BatchTable
from batch_ops.engine import run
from batch_ops.results import Counts
from batch_ops_tests.support import accounts
from batch_ops_tests.support.waiting import until_one_waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine import Project

ROWS = 100
STOCK = """
name: stock
key: id
fields: {id: integer, amount: integer}
patterns:
  - name: batch_operations
    operation: load
    operation_type: upsert
    data_source: :rows
"""
BACKWARDS = [{"id": number, "amount": 1} for number in reversed(range(ROWS))]
FREE = "SELECT count(*) FROM (SELECT 1 FROM stock FOR UPDATE SKIP LOCKED) AS free"


@pytest.fixture
def stock(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """Rows that are all there, without an amount."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    project = accounts.project(tmp_path, postgresql_url, STOCK)
    made = "CREATE TABLE stock (id INTEGER PRIMARY KEY, amount INTEGER)"
    filled = f"INSERT INTO stock SELECT n, 0 FROM generate_series(0, {ROWS - 1}) AS n"
    accounts.execute(project.database(), [made, filled])
    project.journal().ensure()
    yield project
    project.dispose()


def operation(project: Project) -> Counts:
    return run(project, "load", {"rows": BACKWARDS}).counts


def call(project: Project) -> Counts:
    url = project.database().url.render_as_string(hide_password=False)
    return BatchTable(url, "stock").upsert_many(BACKWARDS).stats


@pytest.mark.parametrize("upsert", [operation, call])
def test_who_waits_for_the_first_key_holds_no_other(
    stock: Project, upsert: Callable[[Project], Any]
):
    database = stock.database()
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as rival:
            rival.exec_driver_sql("SELECT 1 FROM stock WHERE id = 0 FOR UPDATE")
            done = pool.submit(upsert, stock)
            until_one_waits(database)
            free = accounts.query(database, FREE)
        assert done.result() == Counts(total=ROWS, updated=ROWS)
    assert free == [(ROWS - 1,)]
