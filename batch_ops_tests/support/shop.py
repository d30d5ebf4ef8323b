"""A database with the tables of docs/python.md, for tests of the Python door."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

from batch_ops import BatchTable
from batch_ops_tests.support import guide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

    from batch_ops_tests.support.postgresql import PostgreSQL

ENDED = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Shop:
    """The tables and an engine of the tests' own, which waits for no lock."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.embedded = url.startswith("sqlite")
        waits = {"timeout": 0} if self.embedded else {}
        self.engine = create_engine(url, connect_args=waits, pool_pre_ping=True)

    def make(self) -> None:
        """Make the tables."""
        self.execute(guide.tables())

    def empty(self) -> None:
        """Remove all rows."""
        self.execute(f"DELETE FROM {name}" for name in guide.table_names())

    def dispose(self) -> None:
        """Close its connections."""
        self.engine.dispose()

    def execute(self, statements: Iterable[str]) -> None:
        """In one transaction."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    def table(self, name: str, **more: Any) -> BatchTable[dict[str, Any]]:
        """A table by its name."""
        return BatchTable(self.engine, name, **more)

    def disturb(self) -> None:
        """Make trouble that passes: the server ends every session; of SQLite, somebody writes."""
        if not self.embedded:
            other = create_engine(self.url)
            with other.connect() as connection:
                connection.execute(text(ENDED))
            other.dispose()
            return
        rival = sqlite3.connect(
            self.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
        )
        rival.execute("BEGIN IMMEDIATE")
        threading.Timer(0.1, rival.close).start()


def opened(url: str) -> Iterator[Shop]:
    """A shop with empty tables, for a fixture."""
    shop = Shop(url)
    shop.make()
    yield shop
    shop.dispose()


def kept(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[Shop]:
    """The same for a fixture that tests share, of the kind that is its parameter; they empty it."""
    if request.param == "sqlite":
        yield from opened(f"sqlite:///{folders.mktemp('shop') / 'shop.db'}")
        return
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    name = server.create_database()
    yield from opened(server.url(name))
    server.drop_database(name)
