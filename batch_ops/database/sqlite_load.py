"""Bulk loading into SQLite: executemany, going on behind each record that is refused."""

from __future__ import annotations

import bisect
import itertools
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
    from collections.abc import Iterator, Sequence

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
_NUMBERS: dict[FieldType | None, str] = {
    FieldType.INTEGER: "INTEGER",
    FieldType.BIGINT: "INTEGER",
    FieldType.FLOAT: "REAL",
    FieldType.DECIMAL: "NUMERIC",
}


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
        good: Iterator[Sequence[Any]] = iter(records.texts(records.good))
        sql = self._from_text
        if self._convert_all:
            good, sql = map(self._suspects.values, good), self._from_values
        for ordinals, found in _in_order(records.good, suspects):
            if isinstance(found, Reject):
                rejects.append(found)
            elif found is None:
                rows = itertools.islice(good, len(ordinals))
                created += self._insert(connection, batch, sql, ordinals, rows, rejects)
            else:
                one = iter([found])
                created += self._insert(
                    connection, batch, self._from_values, ordinals, one, rejects
                )
        rejects.sort(key=lambda reject: reject.row or 0)
        return LoadOutcome(created, tuple(rejects))

    def _insert(
        self,
        connection: Connection,
        batch: InputBatch,
        sql: str,
        ordinals: Sequence[int],
        rows: Iterator[Sequence[Any]],
        rejects: list[Reject],
    ) -> int:
        """Insert the rows; those refused become rejects. How many were inserted."""
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        taken = itertools.count()
        waiting = map(operator.itemgetter(0), zip(rows, taken, strict=False))
        refused = 0
        while True:
            try:
                driver.executemany(sql, waiting)
            except (sqlite3.Error, OverflowError) as error:
                place = next(taken) - refused - 1  # asking has counted one on, each time before
                refused += 1
                ordinal = ordinals[place]
                why = self._why(connection, error, batch, ordinal)
                rejects.append(
                    batch.records.reject(ordinal, why.code, why.message, column=why.column)
                )
            else:
                return len(ordinals) - refused

    def _why(
        self, connection: Connection, error: Exception, batch: InputBatch, ordinal: int
    ) -> RefusedRow:
        """The refusal as the row's own fault; any other error is raised as SQLAlchemy would."""
        fault = self._dialect.fault(error)
        if fault.kind is not FaultKind.ROW:
            raise DBAPIError.instance(
                self._from_values, None, error, sqlite3.Error, dialect=connection.dialect
            ) from error
        code = _STATES.get(fault.code, "23000")
        column = fault.column
        if code == "23503":
            (texts,) = batch.records.texts([ordinal])
            values = self._suspects.values(texts)
            column = absent_parent(
                connection, self._dialect, self._table, self._layout, values, "?"
            )
        return RefusedRow(code, fault.message, column)


def _in_order(
    good: Sequence[int], suspects: Sequence[tuple[int, Sequence[Any] | Reject]]
) -> Iterator[tuple[Sequence[int], Sequence[Any] | Reject | None]]:
    """Runs of good records (None) and the suspects with what they were found to be, in order."""
    at = 0
    for ordinal, found in suspects:
        until = bisect.bisect_left(good, ordinal, at)
        if until > at:
            yield good[at:until], None
        yield (ordinal,), found
        at = until
    if at < len(good):
        yield good[at:], None


def _value_sql(column: Column, place: int) -> str:
    """A surely valid text as the column's value; numbers where the column itself makes them so."""
    text = f"?{place}"
    if is_number(column):
        return text if _becomes_number(column) else f"CAST({text} AS {_NUMBERS[column.type]})"
    if column.type is FieldType.BOOLEAN:
        return f"(lower({text}) IN ('t', 'true', 'y', 'yes', 'on', '1'))"
    if column.type is FieldType.UUID:
        return f"lower({text})"
    if column.type is FieldType.TIMESTAMP:
        moment = f"replace(substr({text}, 1, 19), 'T', ' ') || {_fraction(text, 21)}"
        return _usual(text, f"{'_' * 10} {'_' * 8}", moment)
    if column.type is FieldType.TIME:
        return _usual(text, "_" * 8, f"substr({text}, 1, 8) || {_fraction(text, 10)}")
    return text


def _becomes_number(column: Column) -> bool:
    """Whether the column's affinity makes of a number's text what a cast would make of it."""
    kind = column.sql_type.upper()
    if "INT" in kind:
        return column.type in (FieldType.INTEGER, FieldType.BIGINT)
    if any(word in kind for word in ("CHAR", "CLOB", "TEXT", "BLOB")):
        return False
    if any(word in kind for word in ("REAL", "FLOA", "DOUB")):
        return column.type is FieldType.FLOAT
    return bool(kind) and column.type is not FieldType.FLOAT


def _usual(text: str, pattern: str, otherwise: str) -> str:
    """Of texts of the usual length only the fraction of a second is missing."""
    return f"CASE WHEN {text} LIKE '{pattern}' THEN {text} || '.000000' ELSE {otherwise} END"


def _fraction(text: str, begin: int) -> str:
    """The fraction of a second as a point and six digits."""
    return f"'.' || substr(rtrim(substr({text}, {begin}), 'Z') || '000000', 1, 6)"
