"""Where is measured: databases of a kind, each a fresh copy of a filled one."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.bulk import rows
from benchmarks.imports import SQLITE_SETTINGS, TIMESTAMPS
from benchmarks.server import connected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.server import Server


class Place(Protocol):
    """Makes databases of one kind.

    Attributes:
        name: of the kind, as the tables of the report call it.
    """

    name: str

    def filled(
        self, tables: Sequence[str], fill: Mapping[str, Iterable[rows.Row]]
    ) -> AbstractContextManager[str]:
        """A database with these tables and the rows of each, parents first, to be copied."""

    def copy(self, filled: str) -> AbstractContextManager[str]:
        """The SQLAlchemy URL of a fresh copy."""

    def ask(self, url: str, query: str) -> tuple[Any, ...]:
        """The one row a query gives."""


class OnPostgreSQL:
    """Databases of a server; a copy begins after a checkpoint, with vacuumed tables."""

    name = "PostgreSQL"

    def __init__(self, server: Server) -> None:
        self._server = server

    @contextmanager
    def filled(
        self, tables: Sequence[str], fill: Mapping[str, Iterable[rows.Row]]
    ) -> Iterator[str]:
        with self._server.database() as url:
            with connected(url) as connection:
                for statement in _statements(tables, "postgresql"):
                    connection.execute(statement)
                for table, given in fill.items():
                    with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                        for row in given:
                            copy.write_row(tuple(row.values()))
                connection.execute("VACUUM (FREEZE, ANALYZE)")
            yield url

    def copy(self, filled: str) -> AbstractContextManager[str]:
        return self._server.database(filled)

    def ask(self, url: str, query: str) -> tuple[Any, ...]:
        with connected(url) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            found = connection.execute(query).fetchone()
        assert found is not None
        return found


class OnSQLite:
    """Files in a folder, in the journal mode batch_ops sets."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def filled(
        self, tables: Sequence[str], fill: Mapping[str, Iterable[rows.Row]]
    ) -> Iterator[str]:
        with self._file() as path:
            with closing(sqlite3.connect(path)) as connection, connection:
                for statement in (*SQLITE_SETTINGS, *_statements(tables, "sqlite")):
                    connection.execute(statement)
                for table, given in fill.items():
                    _insert(connection, table, given)
                connection.execute("ANALYZE")
            yield str(path)

    @contextmanager
    def copy(self, filled: str) -> Iterator[str]:
        with self._file() as path:
            shutil.copyfile(filled, path)
            yield f"sqlite:///{path}"

    def ask(self, url: str, query: str) -> tuple[Any, ...]:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            found: tuple[Any, ...] = connection.execute(query).fetchone()
        return found

    @contextmanager
    def _file(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            yield Path(folder) / "bench.db"


def sums(place: Place, url: str) -> dict[str, int]:
    """The sums of the accounts that are there."""
    return dict(zip(rows.SUMS, map(int, place.ask(url, rows.TOLD)), strict=True))


class Filled:
    """The filled databases of one kind that were asked for; several works copy the same one."""

    def __init__(self, place: Place, stack: ExitStack) -> None:
        self._place, self._stack = place, stack
        self._made: dict[tuple[Any, ...], str] = {}

    def __call__(self, tables: Sequence[str], numbers: range) -> str:
        """One with these tables, the accounts of these numbers and, where wanted, what they own."""
        key = (*tables, numbers)
        if key not in self._made:
            made = {"accounts": rows.accounts, "orders": rows.orders, "items": rows.items}
            wanted = [name for name in made if any(f"TABLE {name} " in sql for sql in tables)]
            fill = {name: made[name](numbers) for name in wanted}
            self._made[key] = self._stack.enter_context(self._place.filled(tables, fill))
        return self._made[key]


def _insert(connection: sqlite3.Connection, table: str, given: Iterable[rows.Row]) -> None:
    texts = (rows.texts(row) for row in given)
    if first := next(texts, None):
        sql = f"INSERT INTO {table} VALUES ({', '.join('?' * len(first))})"
        connection.executemany(sql, itertools.chain([first], texts))


def _statements(tables: Sequence[str], dialect: str) -> list[str]:
    return [statement.format(timestamp=TIMESTAMPS[dialect]) for statement in tables]
