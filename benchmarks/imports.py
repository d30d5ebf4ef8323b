"""Imports of a CSV file, beside the fastest way by hand."""

from __future__ import annotations

import csv
import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import accounts
from benchmarks.measure import Comparison, Seconds, expect, interleave, timed
from benchmarks.server import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.results import Result
    from benchmarks.server import Server

TIMESTAMPS = {"postgresql": "TIMESTAMP WITH TIME ZONE", "sqlite": "TIMESTAMP"}
SQLITE_SETTINGS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")


def postgresql(server: Server, rows: int, repetitions: int, *, bad: bool, bar: float) -> Comparison:
    r"""Through the engine alone, beside psql's \copy of the clean file into the same table."""
    what = "1 % bad rows" if bad else "clean"
    return _postgresql(server, rows, repetitions, _row(server, rows, what, bar), bad=bad)


def through_dagster(server: Server, rows: int, repetitions: int) -> Comparison:
    """The clean import as a Dagster run, launched as the shell does it."""
    from batch_ops.orchestration.launch import launch_run

    row = _row(server, rows, "clean, as a Dagster run", None)
    return _postgresql(server, rows, repetitions, row, through=launch_run)


def _row(server: Server, rows: int, what: str, bar: float | None) -> Comparison:
    limit = r"psql \copy, clean file" if server.psql else "COPY by psycopg, clean file"
    return Comparison(f"import on PostgreSQL, {what}", rows, limit, accounts.sizes("import"), bar)


def _postgresql(
    server: Server,
    rows: int,
    repetitions: int,
    row: Comparison,
    *,
    bad: bool = False,
    **through: Callable[..., Result],
) -> Comparison:
    table = accounts.TABLE.format(timestamp=TIMESTAMPS["postgresql"])
    with _files(rows, bad=bad) as (folder, clean, given, good), server.template(table) as empty:

        def limit() -> float:
            with server.database(empty) as url:
                seconds = server.copy(url, clean)
                assert count(url) == rows
                return seconds

        def ours() -> Seconds:
            with server.database(empty) as url:
                seconds, result = timed(
                    accounts.project(folder, url),
                    "import_accounts",
                    {"source_path": str(given)},
                    **through,
                )
                expect(result, total=rows, created=good)
                assert count(url) == good
                return seconds

        return interleave(row, limit, ours, repetitions)


def sqlite(rows: int, repetitions: int, *, bar: float) -> Comparison:
    """Through the engine alone, beside csv.reader and executemany in one transaction."""
    row = Comparison(
        "import on SQLite, clean",
        rows,
        "csv.reader + executemany, one transaction",
        accounts.sizes("import"),
        bar,
    )
    with _files(rows, bad=False) as (folder, file, _, good):

        def limit() -> float:
            with _sqlite_file(folder) as path:
                seconds = _executemany(path, file)
                assert _sqlite_count(path) == rows
                return seconds

        def ours() -> Seconds:
            with _sqlite_file(folder) as path:
                project = accounts.project(folder, f"sqlite:///{path}")
                parameters = {"source_path": str(file)}
                seconds, result = timed(project, "import_accounts", parameters)
                expect(result, total=rows, created=good)
                assert _sqlite_count(path) == good
                return seconds

        return interleave(row, limit, ours, repetitions)


@contextmanager
def _files(rows: int, *, bad: bool) -> Iterator[tuple[Path, Path, Path, int]]:
    """A folder, the clean file in it, the file that we are given, and its number of good rows."""
    with tempfile.TemporaryDirectory(prefix="batch-ops-bench-") as name:
        folder = Path(name)
        clean = given = folder / "clean.csv"
        good = accounts.write_file(clean, rows)
        if bad:
            given = folder / "bad.csv"
            good = accounts.write_file(given, rows, bad=True)
        yield folder, clean, given, good


@contextmanager
def _sqlite_file(folder: Path) -> Iterator[Path]:
    """A database file with the empty table, in the mode batch_ops sets."""
    path = folder / "bench.db"
    connection = sqlite3.connect(path)
    for statement in (*SQLITE_SETTINGS, accounts.TABLE.format(timestamp=TIMESTAMPS["sqlite"])):
        connection.execute(statement)
    connection.close()
    yield path
    for leftover in folder.glob("bench.db*"):
        leftover.unlink()


def _executemany(path: Path, file: Path) -> float:
    places = ", ".join("?" * len(accounts.HEADER.split(",")))
    began = time.perf_counter()
    connection: Any = sqlite3.connect(path)
    connection.execute(SQLITE_SETTINGS[1])
    with file.open(newline="") as source, connection:
        reader = csv.reader(source)
        next(reader)
        connection.executemany(f"INSERT INTO accounts VALUES ({places})", reader)
    connection.close()
    return time.perf_counter() - began


def _sqlite_count(path: Path) -> int:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT count(*) FROM accounts").fetchone()[0]
    connection.close()
    return int(found)
