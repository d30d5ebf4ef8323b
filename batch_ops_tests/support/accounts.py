"""A table of accounts and operations on it, for tests of the engine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.engine import Project
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from batch_ops.database import Database

ENTITY = """
name: accounts
key: [region, number]
fields:
  region: string(10)
  number: integer
  balance: integer
  status: string(20)
  closed_at: timestamp
patterns:
"""
CLOSE = (
    ENTITY
    + """  - name: batch_operations
    operation: close
    operation_type: update
    update_data: {status: closed}
    where_condition: "status = 'open'"
    batch_size: 10
"""
)
ACCOUNTS = (
    ENTITY
    + """  - name: batch_operations
    operation: close
    operation_type: update
    update_data: {status: closed, closed_at: "NOW()"}
    where_condition: "balance < :below AND status = 'open'"
    parameters: {below: integer}
    batch_size: 50
    chunk_rows: 200
  - name: batch_operations
    operation: debit
    operation_type: update
    update_data: {balance: {sql: "balance - 10"}}
    where_condition: "status = 'open'"
    batch_size: 50
    chunk_rows: 200
  - name: batch_operations
    operation: remove
    operation_type: delete
    where_condition: "status = 'open'"
    batch_size: 50
    chunk_rows: 200
  - name: batch_operations
    operation: sweep
    batch_size: 50
    chunk_rows: 200
    preconditions:
      - "COUNT(*) FILTER (WHERE status = 'open') > 0"
      - {row: "balance >= 0", name: no_debt}
    steps:
      - name: validate
        operation_type: select
        where_condition: "status = 'open' AND balance < 500"
      - name: update
        operation_type: update
        update_data: {status: swept, closed_at: "NOW()"}
        where_condition: "(region, number) IN (:validated_ids)"
      - name: cleanup
        operation_type: delete
        where_condition: "status = 'swept' AND balance < 100"
"""
)


def project(folder: Path, url: str, declaration: str = ACCOUNTS) -> Project:
    """A project whose default database is `url`; the environment keeps the URL."""
    os.environ["BATCH_OPS_DATABASE_URL"] = url
    defs = folder / "defs"
    defs.mkdir(parents=True, exist_ok=True)
    (defs / "accounts.yaml").write_text(declaration)
    return Project(folder, Catalog.load([defs]))


def make_accounts(database: Database, rows: int, extra: str = "") -> None:
    """`rows` open accounts in three regions; account i has the balance i mod 1000."""
    stamp = "TIMESTAMP WITH TIME ZONE" if database.dialect.capabilities.zones else "DATETIME"
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE accounts (region VARCHAR(10) NOT NULL, number INTEGER NOT NULL,"
            f" balance INTEGER, status VARCHAR(20), closed_at {stamp},"
            f" PRIMARY KEY (region, number){extra})"
        )
        insert = text("INSERT INTO accounts VALUES (:region, :number, :balance, 'open', NULL)")
        if rows:
            connection.execute(insert, [account(i) for i in range(rows)])


def account(number: int) -> dict[str, Any]:
    """The account of that number as it is made."""
    return {"region": "nsw"[number % 3], "number": number, "balance": number % 1000}


def query(database: Database, sql: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def execute(database: Database, statements: Iterable[str]) -> None:
    """Run statements in one transaction."""
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
