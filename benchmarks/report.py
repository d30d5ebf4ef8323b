"""The figures as text: what the terminal shows and what stands in docs/benchmarks.md and
docs/benchmarks-python.md.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import psutil

from batch_ops import __version__
from benchmarks.bulk import told as bulk
from benchmarks.bulk.figures import BadRows, Lanes, Race
from benchmarks.measure import Comparison, Growth, Peak
from benchmarks.tables import spread, table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.server import Server

Measured = Comparison | Peak | Growth | Race | Lanes | BadRows
LIBRARIES = ("sqlalchemy", "psycopg", "duckdb", "sqlglot", "dagster", "pandas", "django")

SPEED_HEAD = (
    "work", "rows", "limit", "limit s", "ours s", "ratio", "bar", "", "fixed start s", "declared"
)  # fmt: skip
MEMORY_HEAD = ("work", "rows", "peak", "bar", "")

MEANING = """\
Each work is measured beside its limit: the fastest way to do the same by hand, without checks,
journal, resume or rejects. *ours* is the time from the judged preconditions to the end of the
execution: planning, screening, writing, journal. What comes before (opening the project's database,
making the journal's tables, reading the file's digest, preconditions) is the *fixed start*. Figures
are medians; all repetitions stand in brackets. Limit and ours are measured in turn, each on a fresh
database with vacuumed tables after a checkpoint; every result is counted and must be right.

The table has 8 columns, a primary key and a unique column; imports judge 8 rules. Of the file with
bad rows one row of a hundred breaks a rule, has a wrong type, or repeats a key; its limit is the
import of the clean file, because by hand the bad one is not imported at all. Updates and deletes
meet half of a table of twice as many rows. SQLite's limit runs in the journal mode batch_ops sets
(WAL, synchronous NORMAL).
"""


def pages(measured: Sequence[Measured], server: Server, repetitions: int) -> dict[str, str]:
    """The page of declared operations and that of the Python door, as far as they were measured;
    by the name of the file.
    """
    calls = [one for one in measured if of_calls(one)]
    others = [one for one in measured if not of_calls(one)]
    made = {
        "benchmarks.md": ("Benchmarks of operations", MEANING, others),
        "benchmarks-python.md": ("Benchmarks of the Python door", "", calls),
    }
    return {
        name: _page(title, meaning, tables(found) + "\n" + facts(server, repetitions))
        for name, (title, meaning, found) in made.items()
        if found
    }


def of_calls(one: Measured) -> bool:
    """Whether it is a figure of the Python door."""
    if isinstance(one, Peak | BadRows):
        return not one.of_operation
    return isinstance(one, Race | Lanes)


def _page(title: str, meaning: str, rest: str) -> str:
    head = f"# {title}\n\nWritten by `make bench`; not by hand.\n"
    return "\n".join(part for part in (head, meaning, rest) if part)


def tables(measured: Sequence[Measured]) -> str:
    """The speed, bad rows, the Python door, then the memory."""
    speed = [_speed(one) for one in measured if isinstance(one, Comparison)]
    memory = [_memory(one) for one in measured if isinstance(one, Peak | Growth)]
    parts = (
        f"## Speed\n\n{table(SPEED_HEAD, speed)}" if speed else "",
        bulk.of_operations(measured),
        bulk.section(measured),
        f"## Peak memory\n\n{table(MEMORY_HEAD, memory)}" if memory else "",
    )
    return "\n".join(part for part in parts if part)


def _speed(one: Comparison) -> tuple[str, ...]:
    return (
        one.work,
        f"{one.rows:,}",
        one.limit_name,
        f"{one.limit_s:.2f} {spread(one.limit)}",
        f"{one.work_s:.2f} {spread([seconds.work for seconds in one.ours])}",
        f"**{one.ratio:.2f}**",
        "–" if one.bar is None else f"{one.bar:.2f}",
        "" if one.bar is None else verdict(ok=one.ok),
        f"{one.start_s:.2f}",
        one.sizes,
    )


def _memory(one: Peak | Growth) -> tuple[str, ...]:
    if isinstance(one, Growth):
        return one.work, "", f"× {one.ratio:.2f}", f"× {one.bar:.2f}", verdict(ok=one.ok)
    return (
        one.work,
        f"{one.rows:,}",
        f"{one.peak_mb:.0f} MB",
        f"{one.bar_mb:.0f} MB",
        verdict(ok=one.ok),
    )


def facts(server: Server, repetitions: int) -> str:
    """When, where and with what it was measured."""
    settings = ", ".join(f"{name} {value}" for name, value in server.settings.items())
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    load = os.getloadavg()
    told = {
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {repetitions} repetitions",
        "Machine": f"{os.cpu_count()} CPUs, {psutil.virtual_memory().total / 2**30:.0f} GB memory, "
        f"{platform.system()} {platform.machine()}; load at the end {load[0]:.1f}",
        "batch_ops": f"{__version__}, Python {sys.version.split()[0]}, {libraries}",
        "PostgreSQL": f"{server.version}, on the same machine; {settings}",
        "SQLite": sqlite3.sqlite_version,
    }
    lines = "".join(f"- {name}: {value}\n" for name, value in told.items())
    return f"## Measured with\n\n{lines}"
