"""The operation language on MariaDB, where one is reachable: the portable path does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import function, registry
from batch_ops.engine import Project, resume, run
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ITEMS = """
name: items
key: id
create_table: true
fields:
  id: integer
  name: {type: string(20), unique: true}
  amount: {type: integer, nullable: false}
patterns:
  - name: batch_operations
    operation: put
    operation_type: upsert
    data_source: :rows
    batch_size: 4
  - name: batch_operations
    operation: add
    data_source: :rows
    on_conflict: skip
  - name: batch_operations
    operation: put_whole
    operation_type: upsert
    on_conflict: replace
    data_source: :rows
  - name: batch_operations
    operation: make
    steps:
      - {name: find, operation_type: select, where_condition: "amount < 5"}
      - {name: ask, operation_type: custom_function, function: raise_amounts, input: :found}
      - name: keep
        operation_type: upsert
        upsert_data: {id: :asked.id, name: :asked.name, amount: :asked.amount}
      - {name: drop, operation_type: delete, where_condition: "id IN (:kept_ids) AND amount > 102"}
  - name: batch_operations
    operation: both
    atomic: true
    steps:
      - {name: grow, operation_type: update, update_data: {amount: {sql: "amount + 1"}}}
      - {name: less, operation_type: delete, where_condition: "amount > 3"}
"""
COPY = """
name: copies
key: id
create_table: true
fields: {id: integer, amount: integer}
patterns:
  - name: batch_operations
    operation: copy
    data_source: table
    source_path: items
  - name: batch_operations
    operation: sum_up
    data_source: query
    source_path: "SELECT id * 10 AS id, amount FROM items WHERE amount > 1"
"""


@pytest.fixture
def project(tmp_path: Path, mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", mariadb_url)
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "copies.yaml").write_text(COPY)

    @function("raise_amounts")
    def raised(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"id": r["id"], "name": f"r{r['id']}", "amount": 100 + r["id"]} for r in given]

    found = accounts.project(tmp_path, mariadb_url, ITEMS)
    yield found
    registry.unregister("raise_amounts", registry.Kind.STEP)
    found.dispose()


def rows(project: Project, table: str = "items") -> list[tuple[Any, ...]]:
    return accounts.query(project.database(), f"SELECT * FROM {table} ORDER BY id")


FIRST = [{"id": n, "name": f"n{n}", "amount": n} for n in range(1, 6)]


def test_upserts_and_inserts_that_skip(project: Project) -> None:
    assert run(project, "put", {"rows": FIRST}).counts == Counts(total=5, created=5)
    more = [{"id": 3, "name": "n3", "amount": 30}, {"id": 9, "name": "n9", "amount": 9}]
    again = [*FIRST[:2], *more]
    assert run(project, "put", {"rows": again}).counts == Counts(
        total=4, created=1, updated=1, unchanged=2
    )
    assert run(project, "add", {"rows": [{"id": 3, "name": "x", "amount": 1}]}).counts == Counts(
        total=1, skipped=1
    )
    assert rows(project)[2] == (3, "n3", 30)


def test_one_bad_record_costs_itself(project: Project) -> None:
    run(project, "put", {"rows": FIRST})
    bad = [{"id": 1, "name": "n2", "amount": 5}, {"id": 7, "name": "n7", "amount": 7}]
    result = run(project, "put", {"rows": bad})
    assert result.counts == Counts(total=2, created=1, failed=1)
    assert [row[0] for row in rows(project)] == [1, 2, 3, 4, 5, 7]


def test_replace_sets_what_is_not_given_to_its_default(project: Project) -> None:
    run(project, "put", {"rows": FIRST})
    result = run(project, "put_whole", {"rows": [{"id": 1, "amount": 11}]})
    assert result.counts == Counts(total=1, updated=1)
    assert rows(project)[0] == (1, None, 11)


def test_rows_of_a_table_and_of_a_query(project: Project) -> None:
    run(project, "put", {"rows": FIRST})
    assert run(project, "copy").counts == Counts(total=5, created=5)
    assert run(project, "sum_up").counts == Counts(total=4, created=4)
    assert rows(project, "copies")[5:] == [(20, 2), (30, 3), (40, 4), (50, 5)]


def test_a_function_and_the_rows_of_an_upsert(project: Project) -> None:
    run(project, "put", {"rows": FIRST})
    result = run(project, "make")
    assert result.status is Status.COMPLETED
    assert [step.counts.total for step in result.steps] == [4, 4, 4, 2]
    assert rows(project) == [(1, "r1", 101), (2, "r2", 102), (5, "n5", 5)]


def test_an_atomic_operation(project: Project) -> None:
    run(project, "put", {"rows": FIRST})
    assert run(project, "both").counts == Counts(total=8, updated=5, deleted=3)
    assert [row[2] for row in rows(project)] == [2, 3]


def test_a_parameter_that_stops_is_resumed(project: Project) -> None:
    run(project, "put", {"rows": FIRST})
    from batch_ops.engine import begin

    execution = begin(project, "make")
    execution.plan_step("find")
    execution.run_step("find")
    execution.leave()
    assert resume(project, execution.id).status is Status.COMPLETED
