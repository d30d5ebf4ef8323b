"""Waiting until a session of PostgreSQL waits for a lock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ops.database import Database

MOST_S = 30
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND datname = current_database()"
)


def one_waits(database: Database) -> bool:
    """Whether a session waits for a lock."""
    with database.reading() as connection:
        return bool(connection.exec_driver_sql(_WAITING).scalar_one())


def until_one_waits(database: Database) -> None:
    """Return as soon as one does."""
    deadline = time.monotonic() + MOST_S
    while not one_waits(database):
        assert time.monotonic() < deadline, "nobody waits for a lock"
        time.sleep(0.005)
