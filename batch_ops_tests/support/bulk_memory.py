"""Calls of BatchTable in a process of their own, which say how much memory they took."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

from batch_ops import BatchTable

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 2500


def create(url: str, rows: int) -> int:
    """A generator of rows, not atomic."""
    lines = made(url)
    result = lines.create_many(generated(rows), atomic=False, batch_size=SIZE)
    return told(result.stats.created == rows)


def change(url: str, rows: int) -> int:
    """Changes by key, which have to be looked at twice, and an atomic call."""
    lines = made(url)
    with_rows(url, rows)
    changes = ((n, {"note": f"note {n}"}) for n in range(rows))
    return told(lines.update_many(changes, batch_size=SIZE).stats.updated == rows)


def look_up(url: str, rows: int) -> int:
    """Rows by key and by condition, one after the other."""
    lines = made(url)
    with_rows(url, rows)
    by_key = sum(
        row is not None
        for _, row in lines.get_many(iter(range(rows)), batch_size=SIZE, stream=True)
    )
    by_condition = sum(1 for _ in lines.where("id >= 0", batch_size=SIZE))
    return told(by_key == by_condition == rows)


def made(url: str) -> BatchTable[dict[str, Any]]:
    """The table, empty."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS lines"))
        connection.execute(text("CREATE TABLE lines (id INTEGER PRIMARY KEY, note TEXT)"))
    engine.dispose()
    return BatchTable(url, "lines")


def with_rows(url: str, rows: int) -> None:
    """Fill the table by the database alone."""
    series = f"SELECT 0 AS n UNION ALL SELECT n + 1 FROM series WHERE n < {rows - 1}"
    engine = create_engine(url)
    with engine.begin() as connection:
        filled = f"WITH RECURSIVE series AS ({series}) INSERT INTO lines SELECT n, 'x' FROM series"
        connection.execute(text(filled))
    engine.dispose()


def generated(rows: int) -> Iterator[dict[str, Any]]:
    """Rows, made one by one."""
    return ({"id": n, "note": f"note {n}"} for n in range(rows))


def told(right: bool) -> int:
    """Say the most memory so far; the exit code."""
    status = Path("/proc/self/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak
    print("peak", int(peak[1]) / 1024)
    return 0 if right else 1
