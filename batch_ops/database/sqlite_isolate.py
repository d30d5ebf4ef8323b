"""Isolating the rows that SQLite refuses, in calls of the driver itself: what a refused statement
did is undone by itself.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import text

from batch_ops.database.faults import Fault, FaultKind, as_told
from batch_ops.database.halving import parts
from batch_ops.database.savepoints import Savepoint
from batch_ops.database.sqlite_bounds import at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Table
    from batch_ops.database.values import Key


_TRACES = (
    "SELECT count(*) FROM sqlite_master WHERE (type = 'trigger' AND tbl_name = ?)"
    " OR (type = 'table' AND name = ? AND instr(upper(sql), 'ON CONFLICT') > 0)"
)
"""Triggers, or constraints that say what becomes of a row that breaks them."""


def leaves_traces(connection: Connection, table: Table) -> bool:
    """Whether something of a refused row may stay: what a trigger did before it was refused, or the
    row itself. Triggers may say so, and constraints with a way of their own.
    """
    return bool(connection.exec_driver_sql(_TRACES, (table.name,) * 2).scalar_one())


class _Prepared:
    """A statement as the driver takes it."""

    def __init__(self, connection: Connection, statement: Statement) -> None:
        compiled = text(statement[0]).compile(dialect=connection.dialect)
        self.sql, self._names = str(compiled), compiled.positiontup or []

    def values(self, parameters: dict[str, Any]) -> list[Any]:
        return [parameters[name] for name in self._names]


def isolated(
    connection: Connection,
    table: Table,
    keys: Sequence[Key],
    lower: Key | None,
    statement: Callable[[Key | None, Key], Statement],
    read: Callable[[BaseException], Fault],
) -> tuple[int, list[tuple[int, Fault]]] | None:
    """See Dialect.isolated; read: what an error means.

    Raises:
        DBAPIError: the transaction is gone.
    """
    if leaves_traces(connection, table):
        return None
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    prepared: dict[bool, _Prepared] = {}
    savepoint, timed = Savepoint(connection), at_once(connection)
    done, refused = 0, list[tuple[int, Fault]]()
    spans = [(0, len(keys))]
    while spans:
        start, stop = spans.pop()
        before = keys[start - 1] if start else lower
        made = statement(before, keys[stop - 1])
        known = prepared.get(before is None) or _Prepared(connection, made)
        prepared[before is None] = known
        try:
            with timed:
                done += driver.execute(known.sql, known.values(made[1])).rowcount
        except (sqlite3.Error, OverflowError) as error:
            fault = read(error)
            if fault.kind is not FaultKind.ROW or not driver.in_transaction:
                if savepoint.undone():
                    return None
                raise as_told(connection, error) from error
            if stop - start == 1:
                refused.append((start, fault))
            else:
                spans += reversed(parts(start, stop))
    savepoint.release()
    return done, refused
