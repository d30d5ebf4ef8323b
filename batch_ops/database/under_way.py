"""Breaking off statements, from another thread than the one that waits for their end."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from batch_ops.database.dialect import Dialect


class UnderWay:
    """The connections of a database whose statements may be broken off; for any thread."""

    def __init__(self, dialect: Dialect, engine: Engine) -> None:
        self._dialect, self._engine = dialect, engine
        self._lock = threading.Lock()
        self._drivers: list[Any] = []

    @contextmanager
    def among(self, connection: Connection) -> Iterator[None]:
        """Within it the connection is one of them. Left when nobody is breaking off: whoever has
        the connection next is not hit.
        """
        driver = connection.connection.driver_connection
        with self._lock:
            self._drivers.append(driver)
        try:
            yield
        finally:
            with self._lock:
                self._drivers.remove(driver)

    def break_off(self) -> None:
        """Break off what they are at now. What cannot be told to stop, such as a server that is
        gone, is left alone: its lane meets the same error.
        """
        with self._lock:
            for driver in self._drivers:
                with suppress(DBAPIError, self._engine.dialect.loaded_dbapi.Error):
                    self._dialect.break_off(self._engine, driver)
