"""How long a statement of a lane may take, and how long it may wait for a lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Connection

_OPTION = "batch_ops_bounds"


@dataclass(frozen=True, slots=True)
class Bounds:
    """None: what the database's own settings say."""

    statement_timeout: timedelta | None = None
    lock_timeout: timedelta | None = None


NONE = Bounds()


def bound(connection: Connection, bounds: Bounds) -> Connection:
    """The connection, which knows its bounds."""
    return connection.execution_options(**{_OPTION: bounds})


def bounds_of(connection: Connection) -> Bounds:
    """The bounds a connection was given."""
    found: Bounds = connection.get_execution_options().get(_OPTION, NONE)
    return found


def milliseconds(span: timedelta) -> int:
    """A time span in whole milliseconds, of which there is at least one."""
    return max(1, round(span.total_seconds() * 1000))
