"""Triggers that take their time, so that statements do."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from batch_ops.database import Database

_NAP = (
    "CREATE OR REPLACE FUNCTION nap() RETURNS trigger AS $$ BEGIN PERFORM pg_sleep({seconds});"
    " RETURN NEW; END $$ LANGUAGE plpgsql"
)
_BURN = (
    "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {steps})"
    " SELECT count(*) FROM c)"
)


def slow_down(database: Database, table: str, seconds: float, where: str = "1 = 1") -> None:
    """From now on each row that is updated, and fulfils the condition, takes so long."""
    accounts.execute(database, _statements(database, table, seconds, where))


def _statements(database: Database, table: str, seconds: float, where: str) -> list[str]:
    if database.dialect.capabilities.concurrent_writers:
        condition = where.replace("number", "OLD.number")
        trigger = (
            f"CREATE TRIGGER nap BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition})"
            " EXECUTE FUNCTION nap()"
        )
        return [_NAP.format(seconds=seconds), trigger]
    burn = _BURN.format(steps=round(seconds * steps_per_second()))
    condition = where.replace("number", "OLD.number")
    return [
        f"CREATE TRIGGER nap BEFORE UPDATE ON {table} WHEN {condition} BEGIN SELECT {burn}; END"
    ]


@cache
def steps_per_second() -> float:
    """How fast SQLite counts on this machine, now."""
    import sqlite3

    steps = 300_000
    with sqlite3.connect(":memory:") as connection:
        began = time.process_time()
        connection.execute("SELECT " + _BURN.format(steps=steps)).fetchone()
        return steps / max(time.process_time() - began, 1e-6)
