"""A small database, and one operation of each kind on it that meets bad rows: what is killed at
every place of its way.

120 rows each, in chunks of 40 and batches of 10; whatever an operation does, some of its rows are
refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from batch_ops import function
from batch_ops.engine import Project
from batch_ops.faultpoints import Point
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 120
FILE = "goods.csv"
ALONE = "batch_size: 10\n    chunk_rows: 40\n    collect_metrics: true"
SIZES = f"{ALONE}\n    max_workers: 2"
FIELDS = "{id: integer, kind: string(10), amount: integer, touched_at: timestamp}"

ARRIVALS = f"""
name: arrivals
key: [id]
fields: {FIELDS}
patterns:
  - name: batch_operations
    operation: import_file
    operation_type: insert
    data_source: csv_file
    source_path: {FILE}
    validation_rules: ["kind IS NOT NULL"]
    {SIZES}
  - name: batch_operations
    operation: insert_rows
    operation_type: insert
    data_source: :rows
    validation_rules: ["kind IS NOT NULL"]
    {SIZES}
"""
STOCK = f"""
name: stock
key: [id]
fields: {FIELDS}
patterns:
  - name: batch_operations
    operation: change
    operation_type: update
    update_data: {{amount: {{sql: "amount - 10"}}, kind: done, touched_at: "NOW()"}}
    where_condition: "kind = 'open'"
    preconditions: ["COUNT(*) FILTER (WHERE kind = 'open') > 100"]
    {SIZES}
  - name: batch_operations
    operation: upsert_rows
    operation_type: upsert
    data_source: :rows
    {SIZES}
  - name: batch_operations
    operation: remove
    operation_type: delete
    where_condition: "kind = 'open'"
    {SIZES}
  - name: batch_operations
    operation: three_steps
    {SIZES}
    preconditions: ["COUNT(*) FILTER (WHERE kind = 'open') > 100"]
    postconditions: ["COUNT(*) FILTER (WHERE kind = 'taken') = 72"]
    steps:
      - name: find
        operation_type: select
        where_condition: "kind = 'open' AND amount < 40"
        output: found
      - name: take
        operation_type: update
        update_data: {{kind: taken, amount: {{sql: "amount - 10"}}, touched_at: "NOW()"}}
        where_condition: "id IN (:found_ids)"
        output: taken
      - name: keep
        operation_type: insert
        target_entity: arrivals
        insert_data: {{id: ":taken.id", kind: kept, amount: ":taken.amount"}}
  - name: batch_operations
    operation: with_images
    undo: true
    {SIZES}
    steps:
      - name: take
        operation_type: update
        update_data: {{kind: taken, amount: {{sql: "amount - 10"}}, touched_at: "NOW()"}}
        where_condition: "kind = 'open' AND amount < 45"
        output: taken
      - name: put
        operation_type: upsert
        target_entity: arrivals
        upsert_data: {{id: ":taken.id", kind: put, amount: ":taken.amount"}}
      - name: cut
        operation_type: delete
        where_condition: "kind = 'taken' AND amount < 20"
  - name: batch_operations
    operation: ask
    {SIZES}
    steps:
      - name: find
        operation_type: select
        select_fields: [id, amount]
        where_condition: "kind = 'open'"
        output: found
      - {{name: price, operation_type: custom_function, function: crash_price, input: :found}}
      - name: keep
        operation_type: upsert
        upsert_data: {{id: :priced.id, kind: priced, amount: :priced.amount}}
  - name: batch_operations
    operation: all_or_nothing
    atomic: true
    {ALONE}
    steps:
      - {{name: find, operation_type: select, where_condition: "amount < 40", output: found}}
      - name: take
        operation_type: update
        update_data: {{kind: taken, touched_at: "NOW()"}}
        where_condition: "id IN (:found_ids)"
        output: taken
      - name: copy
        operation_type: insert
        target_entity: arrivals
        insert_data: {{id: {{sql: ":taken.id + 1000"}}, kind: kept, amount: 1}}
  - name: batch_operations
    operation: stop_at_a_row
    operation_type: update
    update_data: {{amount: {{sql: "amount - 10"}}}}
    where_condition: "id BETWEEN 2 AND 80 AND (amount >= 10 OR id = 50)"
    error_handling: stop_on_error
    {ALONE}
"""
ORDERS = f"""
name: orders
key: [id]
fields: {{id: integer, kind: string(10)}}
patterns:
  - name: batch_operations
    operation: remove_with_lines
    operation_type: delete
    where_condition: "kind = 'open'"
    {SIZES}
"""
DECLARATIONS = {"arrivals": ARRIVALS, "stock": STOCK, "orders": ORDERS}


def _records(first: int) -> list[dict[str, Any]]:
    """Records of which every 13th has no kind and every 11th is less than nothing."""
    return [
        {
            "id": i,
            "kind": None if i % 13 == 0 else "new",
            "amount": -i if i % 11 == 0 else i % 50,
        }
        for i in range(first, first + ROWS)
    ]


@dataclass(frozen=True)
class Case:
    """An operation, and the places on its way."""

    operation: str
    points: tuple[Point, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """What it is given."""
        first = {"insert_rows": 1, "upsert_rows": 61}.get(self.operation)
        return {} if first is None else {"rows": _records(first)}


_ALWAYS = (
    *(Point.BEGUN, Point.PLANNING, Point.STORING_PLAN, Point.BEFORE_DATA, Point.AFTER_DATA),
    *(Point.ISOLATING, Point.BEFORE_COMMIT, Point.AFTER_COMMIT, Point.BETWEEN_STEPS),
    *(Point.CLOSING, Point.CLOSED, Point.RESUMING, Point.RESUMED),
)
_WITHIN_ONE = tuple(p for p in _ALWAYS if p not in (Point.ISOLATING, Point.BETWEEN_STEPS))
CASES = {
    case.operation: case
    for case in (
        Case("import_file", _ALWAYS),
        Case("insert_rows", _ALWAYS),
        Case("change", _ALWAYS),
        Case("upsert_rows", _ALWAYS),
        Case("remove", _ALWAYS),
        Case("remove_with_lines", _ALWAYS),
        Case("three_steps", (*_ALWAYS, Point.WRITING_OUTPUT)),
        Case("with_images", (*_ALWAYS, Point.WRITING_OUTPUT, Point.KEEPING_IMAGES)),
        Case("ask", (*_ALWAYS, Point.WRITING_OUTPUT, Point.CALLING)),
        Case("all_or_nothing", (*_WITHIN_ONE, Point.WRITING_OUTPUT, Point.BETWEEN_STEPS)),
        Case(
            "stop_at_a_row",
            (*(p for p in _ALWAYS if p is not Point.BETWEEN_STEPS), Point.TELLING_REJECTS),
        ),
    )
}


@function("crash_price")
def crash_price(given: list[dict[str, Any]], context: Any) -> Iterator[dict[str, Any]]:
    """Doubles amounts; every 40th row it does not know, every 17th it has less than nothing for."""
    for row in given:
        if row["id"] % 40 == 0:
            context.reject(row, "nobody knows it")
        else:
            yield {"id": row["id"], "amount": -1 if row["id"] % 17 == 0 else row["amount"] * 2}


def write_project(folder: Path) -> None:
    """The declarations and the file."""
    defs = folder / "defs"
    defs.mkdir(parents=True)
    for name, text in DECLARATIONS.items():
        (defs / f"{name}.yaml").write_text(text)
    (folder / FILE).write_text(file_text())


def file_text() -> str:
    """Some records are bad, two have one key, two are there already."""
    lines = ["id,kind,amount"]
    for record in _records(1):
        number = 30 if record["id"] == 31 else record["id"]
        lines.append(f"{number},{record['kind'] or ''},{record['amount']}")
    return "\n".join(lines) + "\n"


@cache
def _catalog() -> Catalog:
    return Catalog.from_texts({f"{name}.yaml": text for name, text in DECLARATIONS.items()})


def open_project(folder: Path, url: str) -> Project:
    """The project on a database."""
    os.environ["BATCH_OPS_DATABASE_URL"] = url
    project = Project(folder, _catalog())
    project.database()  # the variable may name another one later
    return project


def fill(project: Project) -> None:
    """The tables, and what stands in them before any operation."""
    database = project.database()
    stamp = "TIMESTAMP WITH TIME ZONE" if database.dialect.capabilities.zones else "DATETIME"
    goods = (
        "(id INTEGER PRIMARY KEY, kind VARCHAR(10) NOT NULL, amount INTEGER CHECK (amount >= 0),"
        f" touched_at {stamp})"
    )
    stock = ", ".join(f"({i}, 'open', {i * 7 % 50}, NULL)" for i in range(1, ROWS + 1))
    orders = ", ".join(f"({i}, 'open')" for i in range(1, ROWS + 1))
    lines = ", ".join(f"({i}, {i // 2 + 1})" for i in range(2 * ROWS))
    to = "INTEGER NOT NULL REFERENCES"
    held = range(5, ROWS, 17)
    accounts.execute(
        database,
        [
            f"CREATE TABLE arrivals {goods}",
            f"CREATE TABLE stock {goods}",
            f"CREATE TABLE reserved (id INTEGER PRIMARY KEY, stock_id {to} stock (id))",
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, kind VARCHAR(10))",
            f"CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id {to} orders ON DELETE CASCADE)",
            "CREATE INDEX ix_lines ON lines (order_id)",
            f"CREATE TABLE invoices (id INTEGER PRIMARY KEY, order_id {to} orders (id))",
            "INSERT INTO arrivals VALUES (5, 'old', 5, NULL), (55, 'old', 55, NULL)",
            f"INSERT INTO stock VALUES {stock}",
            f"INSERT INTO orders VALUES {orders}",
            f"INSERT INTO lines VALUES {lines}",
            *(f"INSERT INTO reserved VALUES ({i}, {i})" for i in held),
            *(f"INSERT INTO invoices VALUES ({i}, {i})" for i in held),
        ],
    )
