"""What the tests of `BatchTable` have in common: tables, and looking at them without it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batch_ops import BatchOperationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops import BatchResult
    from batch_ops.bulk.failures import FailedRow

SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mysql"

USERS = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, age INTEGER"
    " CHECK (age >= 0), email VARCHAR(80) UNIQUE, version INTEGER NOT NULL DEFAULT 1)"
)
"""A table every kind of bad row can be made for."""


def kind(url: str) -> str:
    """Which kind of database a URL is of."""
    return sa.make_url(url).get_backend_name()


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """A transaction without batch_ops; committed at its end."""
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def run(url: str, *statements: str) -> str:
    """Run statements; the URL, to go on with."""
    with connected(url) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    return url


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query gives, without batch_ops."""
    with connected(url) as connection:
        found = connection.exec_driver_sql(query, execution_options={"no_parameters": True})
        return [tuple(row) for row in found]


def count(url: str, table: str = "users") -> int:
    """How many rows a table has."""
    ((found,),) = rows_of(url, f"SELECT count(*) FROM {table}")
    return int(found)


def codes(result: BatchResult[Any]) -> list[tuple[int, str, str | None]]:
    """The failures: place, code, column."""
    return [(row.index, row.error.code, row.error.field) for row in result.failed]


def outcome(run: Callable[[], BatchResult[Any]]) -> BatchResult[Any]:
    """The result, also of a call that raises for its rows."""
    try:
        return run()
    except BatchOperationError as error:
        found: BatchResult[Any] = error.result
        return found


def only_failure(result: BatchResult[Any]) -> FailedRow:
    """The one row that failed."""
    (row,) = result.failed
    return row
