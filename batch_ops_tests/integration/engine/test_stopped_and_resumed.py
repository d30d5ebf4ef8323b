"""Upserts, inserts from tables, functions: stopped again and again, they end as if undisturbed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import function, registry
from batch_ops.engine import RunOptions, resume, run
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORE = """
name: store
key: id
create_table: true
fields: {id: integer, amount: integer, origin: string(10)}
patterns:
  - name: batch_operations
    operation: upsert_rows
    operation_type: upsert
    data_source: :rows
    batch_size: 7
    chunk_rows: 20
    throttle: 40 ms
    timeout: 70 ms
  - name: batch_operations
    operation: copy_rows
    data_source: table
    source_path: origin
    field_mapping: {id: id, amount: amount}
    batch_size: 7
    chunk_rows: 20
    throttle: 40 ms
    timeout: 70 ms
  - name: batch_operations
    operation: query_rows
    data_source: query
    source_path: "SELECT id, amount * 2 AS amount FROM origin WHERE id > 10"
    batch_size: 7
    chunk_rows: 20
    throttle: 40 ms
    timeout: 70 ms
  - name: batch_operations
    operation: made_rows
    batch_size: 7
    chunk_rows: 20
    throttle: 40 ms
    timeout: 70 ms
    steps:
      - {name: pick, operation_type: select, target_entity: origin}
      - {name: make, operation_type: custom_function, function: double, input: :picked}
      - name: keep
        operation_type: upsert
        upsert_data: {id: :made.id, amount: :made.amount, origin: made}
        output: kept
      - name: mark
        operation_type: update
        update_data: {origin: kept}
        where_condition: "id IN (:kept_ids) AND amount > 100"
"""
ORIGIN = """
name: origin
key: id
create_table: true
fields: {id: integer, amount: integer}
"""
ROWS = [{"id": n, "amount": n * 3} for n in range(1, 61)]


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    @function("double")
    def answer(given: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        yield from ({"id": r["id"], "amount": r["id"] * 2} for r in given)

    yield
    registry.unregister("double", registry.Kind.STEP)


@pytest.mark.parametrize(
    ("operation", "rows", "total"),
    [
        ("upsert_rows", (60, 5490), Counts(total=60, created=60)),
        ("copy_rows", (60, 1830), Counts(total=60, created=60)),
        ("query_rows", (50, 3550), Counts(total=50, created=50)),
        (
            "made_rows",
            (60, 3660),
            Counts(total=60 * 3 + 10, selected=120, created=60, updated=10),
        ),
    ],
)
@pytest.mark.quick("sqlite", "upsert_rows")
def test_stopped_by_its_time_and_resumed_until_it_ends(
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    rows: tuple[int, int],
    total: Counts,
) -> None:
    """Another size of batches each time; every row once."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "origin.yaml").write_text(ORIGIN)
    project = accounts.project(tmp_path, database_url, STORE)
    with project.database().writing() as connection:
        connection.exec_driver_sql("CREATE TABLE origin (id INTEGER PRIMARY KEY, amount INTEGER)")
        for n in range(1, 61):
            connection.exec_driver_sql(f"INSERT INTO origin VALUES ({n}, {n})")
        if operation == "made_rows":
            connection.exec_driver_sql(
                "CREATE TABLE store (id INTEGER PRIMARY KEY, amount INTEGER, origin VARCHAR(10))"
            )
    parameters = {"rows": ROWS} if operation == "upsert_rows" else {}
    result, stops = run(project, operation, parameters), 0
    while result.status is Status.STOPPED:
        stops += 1
        assert stops < 100, result
        size = (3, 11, 20)[stops % 3]
        result = resume(project, result.execution_id, options=RunOptions(batch_size=size))
    assert stops >= 1
    assert (result.status, result.counts) == (Status.COMPLETED, total)
    found = accounts.query(project.database(), "SELECT count(*), sum(amount) FROM store")
    assert found == [rows]
    if operation == "made_rows":
        marked = "SELECT count(*) FROM store WHERE origin = 'kept'"
        assert accounts.query(project.database(), marked) == [(10,)]
    project.dispose()
