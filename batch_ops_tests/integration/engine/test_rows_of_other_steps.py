"""What a condition finds in an earlier step's rows does not depend on how the work is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import RunOptions, run
from batch_ops.results import Counts
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project

CUSTOMERS = """
name: customers
key: id
fields: {id: integer, vip: boolean}
patterns: []
"""
ORDERS = """
name: orders
key: id
fields: {id: integer, customer_id: integer, parent: integer, note: text}
patterns:
  - name: batch_operations
    operation: work
    chunk_rows: 4
    steps:
      - name: find
        operation_type: select
        target_entity: %s
        where_condition: "%s"
        output: found
      - {name: change, operation_type: %s, where_condition: "%s"%s}
"""
TABLE = (
    "CREATE TABLE orders"
    " (id INTEGER PRIMARY KEY, customer_id INTEGER, parent INTEGER, note VARCHAR(5))"
)
VIPS = ("customers", "vip")
FEW = ("orders", "id IN (101, 105, 108)")
ROWS = {101: 1, 102: 3, 103: 1, 104: 2, 105: 3, 106: 2, 107: 1, 108: 3, 109: 1}
MARK = ", update_data: {note: x}"

CONDITIONS = {
    "another column": (VIPS, "customer_id IN (:found_ids)", {101, 103, 104, 106, 107, 109}),
    "any": (VIPS, "customer_id = ANY(:found_ids)", {101, 103, 104, 106, 107, 109}),
    "not in": (VIPS, "customer_id NOT IN (:found_ids)", {102, 105, 108}),
    "another column of the table itself": (FEW, "parent IN (:found_ids)", {102, 105, 109}),
    "the key and another": (
        FEW,
        "id IN (:found_ids) OR parent IN (:found_ids)",
        {101, 102, 105, 108, 109},
    ),
    "computed of the key": (FEW, "id - 1 IN (:found_ids)", {102, 106, 109}),
    "within a sub-select": (
        FEW,
        "parent IN (SELECT o.id FROM orders AS o WHERE o.id IN (:found_ids))",
        {102, 105, 109},
    ),
    "within EXISTS": (
        FEW,
        "EXISTS (SELECT 1 FROM orders AS o WHERE o.id IN (:found_ids) AND o.id = orders.parent)",
        {102, 105, 109},
    ),
    "the key": (FEW, "id IN (:found_ids)", {101, 105, 108}),
    "not the key": (FEW, "id NOT IN (:found_ids)", {102, 103, 104, 106, 107, 109}),
}


def project(folder: Path, url: str, kind: str, case: str, more: str) -> Project:
    (entity, found), where, _ = CONDITIONS[case]
    (folder / "defs").mkdir(exist_ok=True)
    (folder / "defs" / "customers.yaml").write_text(CUSTOMERS)
    project = accounts.project(folder, url, ORDERS % (entity, found, kind, where, more))
    rows = ", ".join(f"({n}, {c}, {210 - n})" for n, c in ROWS.items())
    accounts.execute(
        project.database(),
        [
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, vip BOOLEAN)",
            TABLE,
            "INSERT INTO customers VALUES (1, true), (2, true), (3, false)",
            f"INSERT INTO orders (id, customer_id, parent) VALUES {rows}",
        ],
    )
    return project


@pytest.mark.parametrize("case", CONDITIONS)
@pytest.mark.parametrize("batch_size", [2, 1000])
@pytest.mark.quick("-2-")
def test_batches_of_any_size_change_the_same_rows(
    tmp_path: Path, database_url: str, case: str, batch_size: int
) -> None:
    made = project(tmp_path, database_url, "update", case, MARK)
    result = run(made, "work", options=RunOptions(batch_size=batch_size))
    wanted = CONDITIONS[case][2]
    assert result.steps[1].counts == Counts(total=len(wanted), updated=len(wanted))
    changed = accounts.query(made.database(), "SELECT id FROM orders WHERE note = 'x'")
    assert {row[0] for row in changed} == wanted


@pytest.mark.parametrize("case", ["not in", "another column", "not the key"])
def test_nothing_is_deleted_that_a_whole_statement_would_keep(
    tmp_path: Path, database_url: str, case: str
) -> None:
    made = project(tmp_path, database_url, "delete", case, "")
    result = run(made, "work", options=RunOptions(batch_size=2))
    left = {row[0] for row in accounts.query(made.database(), "SELECT id FROM orders")}
    assert left == ROWS.keys() - CONDITIONS[case][2]
    assert result.steps[1].counts.deleted == len(CONDITIONS[case][2])


COPY = """
name: copies
create_table: true
key: id
fields: {id: integer, customer_id: integer}
patterns:
  - name: batch_operations
    operation: copy
    steps:
      - {name: find, operation_type: select, target_entity: customers, where_condition: vip}
      - name: keep
        operation_type: insert
        data_source: query
        source_path: "SELECT id, customer_id FROM orders WHERE customer_id IN (:find_ids)"
"""


def test_a_query_may_ask_for_the_rows_of_an_earlier_step(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "copies.yaml").write_text(COPY)
    made = project(tmp_path, database_url, "select", "the key", "")
    assert run(made, "copy").counts.created == 6
    assert {row[0] for row in accounts.query(made.database(), "SELECT id FROM copies")} == {
        n for n, customer in ROWS.items() if customer in (1, 2)
    }
