"""How long lanes waited for locks of others.

Where one connection writes at a time, a lane waits as its transaction begins: that is measured.
Where the database tells which sessions wait, it is asked a few times a second. Elsewhere nobody
knows, and nothing is said.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from batch_ops.errors import DatabaseUnfitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from batch_ops.database import Database

EVERY_S = 0.1


class LockWaits:
    """The seconds that lanes of one execution waited, in this process, since they were taken."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, threading.Lock()
        self._seconds = 0.0
        self._known = not database.dialect.capabilities.concurrent_writers

    @contextmanager
    def writing(self, connection: Connection) -> Iterator[None]:
        """A lane's transaction that writes; how long it took to begin counts, where that is all
        the waiting there is.
        """
        asked, dialect = time.monotonic(), self._database.dialect
        with connection.begin():
            dialect.begin_write(connection)
            if not dialect.capabilities.concurrent_writers:
                self._add(time.monotonic() - asked)
            yield

    def take(self) -> float | None:
        """The seconds since it was last asked; None: nobody knows."""
        with self._lock:
            seconds, self._seconds = self._seconds, 0.0
        return seconds if self._known else None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the block lasts, the database is asked who waits, where it can tell."""
        if self._database.dialect.waiting_sql is None:
            yield
            return
        self._known, ended = True, threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), name="waits", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _watch(self, ended: threading.Event) -> None:
        asked = time.monotonic()
        while not ended.wait(EVERY_S):
            try:
                waiting = self._waiting()
            except (SQLAlchemyError, DatabaseUnfitError):
                waiting = 0  # a missed look; the lanes meet the same error and say so
            now = time.monotonic()
            self._add(waiting * (now - asked))
            asked = now

    def _waiting(self) -> int:
        statement, database = self._database.dialect.waiting_sql, self._database
        assert statement is not None
        with database.reading() as connection:
            found = connection.exec_driver_sql(statement, (database.application_name,)).scalar()
        return int(found or 0)

    def _add(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds
