"""Bulk loading into SQLite: executemany, going on behind each record that is refused."""

from __future__ import annotations

import operator
import sqlite3
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import FaultKind
from batch_ops.database.limits import is_number
from batch_ops.database.load import InputBatch, Layout, LoadOutcome
from batch_ops.database.value_load import RefusedRow, Suspects, absent_parent, insert_sql
from batch_ops.results import Reject
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column, Table

_STATES = {
    "SQLITE_CONSTRAINT_UNIQUE": "23505",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "23505",
    "SQLITE_CONSTRAINT_ROWID": "23505",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "23503",
    "SQLITE_CONSTRAINT_NOTNULL": "23502",
    "SQLITE_CONSTRAINT_CHECK": "23514",
    "SQLITE_CONSTRAINT_TRIGGER": "P0001",
    "SQLITE_CONSTRAINT_DATATYPE": "22P02",
    "SQLITE_MISMATCH": "22P02",
    "SQLITE_TOOBIG": "22001",
}
"""SQLite's names of errors, as the SQLSTATEs of the same errors elsewhere."""


class SQLiteLoader:
    """One INSERT per record, prepared once. Texts become values inside the statement, so a record
    that is surely valid passes through Python as the text it was.
    """

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._dialect = dialect
        self._table = table
        self._layout = layout
        self._suspects = Suspects(dialect, table, layout)
        columns = [table.column(name) for name in layout.targets]
        self._from_text = insert_sql(
            dialect, table, layout, [_value_sql(c, n + 1) for n, c in enumerate(columns)]
        )
        self._from_values = insert_sql(dialect, table, layout, ["?"] * len(columns))
        self._convert_all = any(column.type is FieldType.BINARY for column in columns)

    def load(self, connection: Connection, batch: InputBatch) -> LoadOutcome:
        """Write the batch in file order."""
        records = batch.records
        rejects: list[Reject] = []
        created = 0
        suspects = list(self._suspects.judged(connection, batch, records.suspects, "?"))
        good: list[Sequence[Any]] = list(records.texts(records.good))
        sql = self._from_text
        if self._convert_all:
            good, sql = [self._suspects.values(texts) for texts in good], self._from_values
        for one, ordinals, rows in _in_order(
            records.good, good, suspects, rejects, sql, self._from_values
        ):
            created += self._insert(connection, batch, one, ordinals, rows, rejects)
        rejects.sort(key=lambda reject: reject.row or 0)
        return LoadOutcome(created, tuple(rejects))

    def _insert(
        self,
        connection: Connection,
        batch: InputBatch,
        sql: str,
        ordinals: Sequence[int],
        rows: Sequence[Sequence[Any]],
        rejects: list[Reject],
    ) -> int:
        """Insert the rows; those refused become rejects. How many were inserted."""
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        waiting = iter(rows)
        refused = 0
        while True:
            try:
                driver.executemany(sql, waiting)
            except (sqlite3.Error, OverflowError) as error:
                place = len(rows) - operator.length_hint(waiting) - 1
                why = self._why(connection, error, rows[place])
                rejects.append(
                    batch.records.reject(ordinals[place], why.code, why.message, column=why.column)
                )
                refused += 1
            else:
                return len(rows) - refused

    def _why(self, connection: Connection, error: Exception, values: Sequence[Any]) -> RefusedRow:
        """The refusal as the row's own fault; any other error is raised as SQLAlchemy would."""
        fault = self._dialect.fault(error)
        if fault.kind is not FaultKind.ROW:
            raise DBAPIError.instance(
                self._from_values, None, error, sqlite3.Error, dialect=connection.dialect
            ) from error
        code = _STATES.get(fault.code, "23000")
        column = fault.column
        if code == "23503":
            column = absent_parent(
                connection, self._dialect, self._table, self._layout, values, "?"
            )
        return RefusedRow(code, fault.message, column)


def _in_order(
    good: Sequence[int],
    texts: Sequence[Sequence[Any]],
    suspects: Sequence[tuple[int, Sequence[Any] | Reject]],
    rejects: list[Reject],
    from_text: str,
    from_values: str,
) -> list[tuple[str, Sequence[int], Sequence[Sequence[Any]]]]:
    """Runs of good records and of suspects, in file order; refused suspects become rejects."""
    runs: list[tuple[str, Sequence[int], Sequence[Sequence[Any]]]] = []
    at = 0
    for ordinal, found in suspects:
        until = at
        while until < len(good) and good[until] < ordinal:
            until += 1
        if until > at:
            runs.append((from_text, good[at:until], texts[at:until]))
            at = until
        if isinstance(found, Reject):
            rejects.append(found)
        else:
            runs.append((from_values, (ordinal,), (found,)))
    if at < len(good):
        runs.append((from_text, good[at:], texts[at:]))
    return runs


def _value_sql(column: Column, place: int) -> str:
    """A surely valid text as the column's value."""
    text = f"?{place}"
    if column.type in (FieldType.INTEGER, FieldType.BIGINT):
        return f"CAST({text} AS INTEGER)"
    if column.type is FieldType.FLOAT:
        return f"CAST({text} AS REAL)"
    if is_number(column):
        return f"CAST({text} AS NUMERIC)"
    if column.type is FieldType.BOOLEAN:
        return f"(lower({text}) IN ('t', 'true', 'y', 'yes', 'on', '1'))"
    if column.type is FieldType.UUID:
        return f"lower({text})"
    if column.type is FieldType.TIMESTAMP:
        return f"(replace(substr({text}, 1, 19), 'T', ' ') || {_fraction(text, 21)})"
    if column.type is FieldType.TIME:
        return f"(substr({text}, 1, 8) || {_fraction(text, 10)})"
    return text


def _fraction(text: str, begin: int) -> str:
    """The fraction of a second as a point and six digits."""
    return f"'.' || substr(rtrim(substr({text}, {begin}), 'Z') || '000000', 1, 6)"
