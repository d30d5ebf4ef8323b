"""Updates and deletes by predicate, beside the one statement a person would type."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import accounts
from benchmarks.imports import TIMESTAMPS
from benchmarks.measure import Comparison, Seconds, expect, interleave, timed
from benchmarks.server import count, statement_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.server import Server

DORMANT = "status = 'dormant'"


def changes(server: Server, rows: int, repetitions: int, *, bar: float) -> Iterator[Comparison]:
    """Update, then delete, half of a table of twice `rows` rows."""
    table = accounts.TABLE.format(timestamp=TIMESTAMPS["postgresql"])
    with server.template(table, accounts.FILL.format(rows=2 * rows)) as full:
        yield _change(server, full, repetitions, "update", bar)
        yield _change(server, full, repetitions, "delete", bar)


def _change(server: Server, full: str, repetitions: int, what: str, bar: float) -> Comparison:
    operation, statement, counter = {
        "update": ("close_accounts", accounts.UPDATE, "updated"),
        "delete": ("remove_accounts", accounts.DELETE, "deleted"),
    }[what]
    with server.database(full) as url:
        rows = count(url, DORMANT)

    def limit() -> float:
        with server.database(full) as url:
            return statement_seconds(url, statement, rows)

    def ours() -> Seconds:
        with server.database(full) as url, tempfile.TemporaryDirectory() as folder:
            seconds, result = timed(accounts.project(Path(folder), url), operation)
            expect(result, total=rows, **{counter: rows})
            assert count(url, DORMANT) == 0
            return seconds

    row = Comparison(
        f"{what} by predicate on PostgreSQL",
        rows,
        f"one {what.upper()}",
        accounts.sizes("change"),
        bar,
    )
    return interleave(row, limit, ours, repetitions)
