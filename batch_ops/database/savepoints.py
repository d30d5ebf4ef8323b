"""Savepoints that may be gone: some databases end a whole transaction for one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, PendingRollbackError

if TYPE_CHECKING:
    from sqlalchemy import Connection, NestedTransaction

_NAME = "batch_ops_savepoint"
_GONE = (DBAPIError, PendingRollbackError)
"""The second: the connection was lost with the statement before."""


def undone(savepoint: NestedTransaction) -> bool:
    """Roll back to a savepoint; False: it is gone, and its transaction with it."""
    try:
        savepoint.rollback()
    except _GONE:
        return False
    return True


class Savepoint:
    """A savepoint for a single statement, of which there may be very many: it always has the same
    name, so that nothing is compiled for it. None is begun within another one: some databases give
    up the outer one then.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.exec_driver_sql(f"SAVEPOINT {_NAME}")

    def release(self) -> None:
        """Keep what was done since."""
        self._connection.exec_driver_sql(f"RELEASE SAVEPOINT {_NAME}")

    def undone(self) -> bool:
        """Undo what was done since; False: it is gone, and its transaction with it."""
        try:
            self._connection.exec_driver_sql(f"ROLLBACK TO SAVEPOINT {_NAME}")
            self.release()
        except _GONE:
            return False
        return True
