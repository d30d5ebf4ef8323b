"""The table that is measured, its files, and the operations as a user would declare them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from batch_ops.engine import Project
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
HEADER = "id,email,country,age,status,balance,credit,created_at"
COUNTRIES = ("AT", "BR", "CA", "DE", "FR", "GB", "JP", "US")
STATUSES = ("active", "dormant")
BAD_EVERY = 100
"""In a file with bad rows one of so many is bad."""
BAD_KINDS = 6
WRITTEN_AT_ONCE = 10_000

TABLE = """
CREATE TABLE accounts (
  id INTEGER NOT NULL PRIMARY KEY,
  email VARCHAR(60) NOT NULL UNIQUE,
  country VARCHAR(2) NOT NULL,
  age INTEGER,
  status VARCHAR(10) NOT NULL,
  balance NUMERIC(12, 2) NOT NULL,
  credit NUMERIC(12, 2) NOT NULL,
  created_at {timestamp} NOT NULL
)
"""

FILL = """
INSERT INTO accounts
SELECT i, 'person.' || i || '@example.org', 'DE', 18 + i % 80,
  CASE WHEN hashint4(i) % 2 = 0 THEN 'dormant' ELSE 'active' END, i % 5000, 10000, '2024-01-01'
FROM generate_series(1, {rows}) AS i
"""
"""Half of the rows are dormant, scattered over the whole table (PostgreSQL)."""

UPDATE = "UPDATE accounts SET status = 'closed' WHERE status = 'dormant'"
DELETE = "DELETE FROM accounts WHERE status = 'dormant'"

ENTITY = """
name: accounts
key: id
fields:
  id: integer
  email: {type: string(60), nullable: false}
  country: {type: string(2), nullable: false}
  age: integer
  status: {type: string(10), nullable: false}
  balance: {type: "decimal(12,2)", nullable: false}
  credit: {type: "decimal(12,2)", nullable: false}
  created_at: {type: timestamp, nullable: false}
"""
DECLARATION = """
patterns:
  - name: batch_operations
    operation: import_accounts
    operation_type: insert
    data_source: csv_file
    batch_size: {import_batch}
    chunk_rows: {import_chunk}
    max_workers: {import_workers}
    validation_rules:
      - "email LIKE '%_@_%'"
      - "country IN ('AT', 'BR', 'CA', 'DE', 'FR', 'GB', 'JP', 'US')"
      - "age BETWEEN 18 AND 120"
      - "status IN ('active', 'dormant', 'closed')"
      - "balance >= -10000"
      - "credit >= 0"
      - "balance <= credit"
      - "created_at IS NOT NULL"
  - name: batch_operations
    operation: close_accounts
    operation_type: update
    update_data: {{status: closed}}
    where_condition: "status = 'dormant'"
    batch_size: {change_batch}
    chunk_rows: {change_chunk}
    max_workers: {change_workers}
  - name: batch_operations
    operation: remove_accounts
    operation_type: delete
    where_condition: "status = 'dormant'"
    batch_size: {change_batch}
    chunk_rows: {change_chunk}
    max_workers: {change_workers}
"""

SIZES = {
    "import_batch": 25_000,
    "import_chunk": 250_000,
    "import_workers": 1,
    "change_batch": 100_000,
    "change_chunk": 100_000,
    "change_workers": 2,
}
"""What the operations declare of sizes."""


def sizes(what: str) -> str:
    """The same in words, for `import` or `change`."""
    workers = SIZES[f"{what}_workers"]
    lanes = "one lane" if workers == 1 else f"max_workers {workers}"
    rows = f"batch_size {SIZES[f'{what}_batch']:,}, chunk_rows {SIZES[f'{what}_chunk']:,}"
    return f"{rows}, {lanes}"


def project(folder: Path, url: str) -> Project:
    """A project in `folder` with these operations on the database of `url`.

    The environment keeps the URL: processes started from here work on the same database.
    """
    os.environ["BATCH_OPS_DATABASE_URL"] = url
    defs = folder / "defs"
    defs.mkdir(parents=True, exist_ok=True)
    (defs / "accounts.yaml").write_text(ENTITY + DECLARATION.format(**SIZES))
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, folder)
    return Project(folder, Catalog.load([defs]))


def write_file(path: Path, rows: int, *, bad: bool = False) -> int:
    """Write a CSV file of accounts; how many of its rows are good.

    bad: one row of a hundred is refused, for one of six reasons in turn: two rules, two types, and
    a repeated primary key or unique value (of a row close by, and of one far back).
    """
    with path.open("w") as file:
        file.write(HEADER + "\n")
        for start in range(1, rows + 1, WRITTEN_AT_ONCE):
            numbers = range(start, min(start + WRITTEN_AT_ONCE, rows + 1))
            file.writelines(_lines(numbers, bad=bad))
    return rows - (sum(_is_bad(number) for number in range(1, rows + 1)) if bad else 0)


def _lines(numbers: range, *, bad: bool) -> Iterator[str]:
    for number in numbers:
        values = _values(number)
        if bad and _is_bad(number):
            _spoil(values, number)
        yield ",".join(values) + "\n"


def _is_bad(number: int) -> bool:
    return number % BAD_EVERY == 0


def _values(number: int) -> list[str]:
    mixed = number * 2_654_435_761 % 4_294_967_296
    day, second = mixed % 28 + 1, mixed % 60
    return [
        str(number),
        f"person.{number}@example.org",
        COUNTRIES[mixed % 8],
        str(18 + mixed % 80),
        STATUSES[(mixed >> 7) % 2],
        f"{mixed % 1_000_000 / 100:.2f}",
        f"{10_000 + mixed % 5000}.00",
        f"2024-{mixed % 12 + 1:02}-{day:02} {mixed % 24:02}:{mixed % 59:02}:{second:02}",
    ]


def _spoil(values: list[str], number: int) -> None:
    kind = number // BAD_EVERY % BAD_KINDS
    far = number // 2 // BAD_EVERY * BAD_EVERY + 1
    spoiled = [(3, "7"), (2, "XX"), (3, "young"), (7, "2024-13-45 00:00:00")]
    spoiled += [(0, str(number - 1)), (1, f"person.{far}@example.org")]
    place, value = spoiled[kind]
    values[place] = value
