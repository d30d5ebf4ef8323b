"""A thread that says every few seconds that this process works on an execution."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal import ownership

if TYPE_CHECKING:
    from datetime import timedelta

    from batch_ops.journal import Journal


class Heartbeat:
    """Beats until it is stopped. `lost` is set when the worker was struck out by another process.

    Where a database has one writer there is no beat: a lane's transaction would hold it up, and
    liveness is the recorded process.
    """

    def __init__(
        self, journal: Journal, execution_id: str, worker: str, every: timedelta | None = None
    ) -> None:
        self.lost = threading.Event()
        self._journal, self._execution_id, self._worker = journal, execution_id, worker
        self._every = every or ownership.HEARTBEAT
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        if journal.database.dialect.capabilities.concurrent_writers:
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _beat(self) -> None:
        while not self._stopped.wait(self._every.total_seconds()):
            try:
                if not self._once():
                    self.lost.set()
                    return
            except (DBAPIError, DatabaseUnfitError):
                continue  # a missed beat: others judge by how many; the lanes meet the same error

    def _once(self) -> bool:
        with self._journal.database.writing() as connection:
            return ownership.beat(self._journal, connection, self._execution_id, self._worker)
