"""How long a statement of SQLite may take: its own progress is asked now and then.

What a bulk load hands over at once is one statement, as it is elsewhere.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import event

from batch_ops.database.bounds import milliseconds

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import timedelta

    from sqlalchemy import Connection
    from sqlalchemy.engine import ExceptionContext

    from batch_ops.database.bounds import Bounds

STEPS = 10_000
"""Instructions of SQLite's machine between two looks at the clock: some 0.1 ms."""
_CLOCK = "batch_ops_clock"


class _Clock:
    """Whether the statement under way has had its time."""

    def __init__(self, limit: timedelta) -> None:
        self._limit = limit.total_seconds()
        self._due: float | None = None

    def start(self) -> None:
        self._due = time.monotonic() + self._limit

    def stop(self) -> None:
        self._due = None

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __call__(self) -> bool:
        return self._due is not None and time.monotonic() > self._due


@contextmanager
def bounded(connection: Connection, bounds: Bounds, usual_ms: int) -> Iterator[None]:
    """See Dialect.bounded; usual_ms: how long a lock is waited for otherwise."""
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    if bounds.lock_timeout is not None:
        driver.execute(f"PRAGMA busy_timeout = {milliseconds(bounds.lock_timeout)}")
    if bounds.statement_timeout is not None:
        clock = _Clock(bounds.statement_timeout)
        connection.info[_CLOCK] = clock
        driver.set_progress_handler(clock, STEPS)
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {usual_ms}")
        driver.set_progress_handler(None, STEPS)
        connection.info.pop(_CLOCK, None)


def at_once(connection: Connection) -> AbstractContextManager[None]:
    """What is done within it is one statement; each time it is entered, another one."""
    clock: _Clock | None = connection.info.get(_CLOCK)
    return nullcontext() if clock is None else clock


def listen(engine: Any) -> None:
    """Each statement of a bounded connection has its time."""

    def before(connection: Connection, *_: object) -> None:
        if (clock := connection.info.get(_CLOCK)) is not None:
            clock.start()

    def after(connection: Connection, *_: object) -> None:
        if (clock := connection.info.get(_CLOCK)) is not None:
            clock.stop()

    def failed(context: ExceptionContext) -> None:
        if context.connection is not None:
            after(context.connection)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)
