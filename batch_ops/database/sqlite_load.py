"""Bulk loading into SQLite: executemany, going on behind each record that is refused."""

from __future__ import annotations

import bisect
import itertools
import operator
import sqlite3
from typing import TYPE_CHECKING, Any, cast

from batch_ops.database.faults import FOREIGN_KEY, FaultKind, as_told, understood
from batch_ops.database.limits import is_number
from batch_ops.database.load import InputBatch, Layout, LoadOutcome, Numbered, Records
from batch_ops.database.sqlite_bounds import at_once
from batch_ops.database.sqlite_isolate import leaves_traces
from batch_ops.database.value_load import Suspects, absent_parent, insert_sql, tried_again
from batch_ops.faultpoints import Point, reached
from batch_ops.results import Reject
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column, Table

MOST_FAULTS = 100
_SAVEPOINT = "batch_ops_load"
Why = tuple[str, str, "str | None"]
"""A refusal's code, its message, and the column that is to blame."""
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
        given = [key for key in table.foreign_keys if set(key.columns) <= set(layout.targets)]
        self._only_parent = given[0].columns[0] if len(given) == 1 else None
        self._whys: dict[tuple[str, str], Why] = {}
        self._traces: bool | None = None
        self._convert_all = any(column.type is FieldType.BINARY for column in columns)

    def load(self, connection: Connection, batch: InputBatch) -> LoadOutcome:
        """Write the batch in file order."""
        records = batch.records
        rejects: list[Reject] = []
        created = 0
        if (values := records.values(range(batch.total))) is not None:
            if numbered := records.numbered():
                return LoadOutcome(self._insert_numbered(connection, numbered), ())
            created = self._insert(
                connection, batch, self._from_values, range(batch.total), iter(values), rejects
            )
            return self._settled(connection, batch, batch.total, created, rejects)
        suspects = list(self._suspects.judged(connection, batch, records.suspects, "?"))
        good, sql = self._good(records)
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
        given = len(records.good) + len(suspects)
        return self._settled(connection, batch, given, created, rejects)

    def _settled(
        self,
        connection: Connection,
        batch: InputBatch,
        given: int,
        created: int,
        rejects: list[Reject],
    ) -> LoadOutcome:
        """What became of the batch, when rows that refer to later ones had another chance."""
        left, skipped = rejects, given - created - len(rejects)
        if rejects and self._table.refers_to_itself:
            left = tried_again(rejects, lambda reject: self._put(connection, batch, reject))
        left = sorted(left, key=lambda reject: reject.row or 0)
        return LoadOutcome(created + len(rejects) - len(left), tuple(left), skipped)

    def _put(self, connection: Connection, batch: InputBatch, reject: Reject) -> Reject | None:
        """Insert a row that was refused; the reject, where it is refused again."""
        ordinal, found = (reject.row or 0) - batch.start.row, list[Reject]()
        values = self._suspects.all_values(batch.records, [ordinal])
        self._insert(connection, batch, self._from_values, [ordinal], iter(values), found)
        return found[0] if found else None

    def _insert_numbered(self, connection: Connection, numbered: Numbered) -> int:
        """Insert numbered records of which whole numbers alone differ: the list is one value, and
        the statement runs once.
        """
        place = {numbered.number: "key + 1", numbered.varying: "value"}
        columns = range(len(self._layout.targets))
        values = ", ".join(place.get(column, "?") for column in columns)
        names = ", ".join(map(self._dialect.quote, self._layout.targets))
        into = self._dialect.table_sql(self._table.name, self._table.schema)
        sql = f"INSERT INTO {into} ({names}) SELECT {values} FROM json_each(?)"
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        given = f"[{','.join(map(str, numbered.values))}]"
        with understood(connection), at_once(connection):
            return driver.execute(sql, [*numbered.constants, given]).rowcount

    def _good(self, records: Records) -> tuple[Iterator[Sequence[Any]], str]:
        """What is handed over of the good records, and the statement that takes it."""
        texts: Iterator[Sequence[Any]] = iter(records.texts(records.good))
        if self._convert_all:
            return map(self._suspects.values, texts), self._from_values
        return texts, self._from_text

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
        if self._leaves_traces(connection):
            return self._insert_in_parts(connection, batch, sql, ordinals, list(rows), rejects)
        taken = itertools.count()
        waiting = map(operator.itemgetter(0), zip(rows, taken, strict=False))
        refused, statement = 0, at_once(connection)
        while True:
            try:
                with statement:
                    driver.executemany(sql, waiting)
            except (sqlite3.Error, OverflowError) as error:
                place = next(taken) - refused - 1  # asking has counted one on, each time before
                refused += 1
                reached(Point.ISOLATING)
                rejects.append(self._reject(connection, error, batch, ordinals[place]))
            else:
                return len(ordinals) - refused

    def _leaves_traces(self, connection: Connection) -> bool:
        """Whether something of a refused row may stay."""
        if self._traces is None:
            self._traces = leaves_traces(connection, self._table)
        return self._traces

    def _insert_in_parts(
        self,
        connection: Connection,
        batch: InputBatch,
        sql: str,
        ordinals: Sequence[int],
        rows: Sequence[Sequence[Any]],
        rejects: list[Reject],
    ) -> int:
        """The same where a refused row may leave traces: they are rolled back with the rows before
        it, and these are inserted again. What is left out without being refused is not counted.
        """
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        at = created = 0
        while at < len(rows):
            driver.execute(f"SAVEPOINT {_SAVEPOINT}")
            refused = self._first_refused(connection, sql, rows[at:])
            if isinstance(refused, int):
                driver.execute(f"RELEASE {_SAVEPOINT}")
                return created + refused
            place, reject = at + refused[0], refused[1]
            rejects.append(self._reject(connection, reject, batch, ordinals[place]))
            driver.execute(f"ROLLBACK TO {_SAVEPOINT}")
            with understood(connection), at_once(connection):
                created += driver.executemany(sql, rows[at:place]).rowcount
            driver.execute(f"RELEASE {_SAVEPOINT}")
            at = place + 1
        return created

    def _first_refused(
        self, connection: Connection, sql: str, rows: Sequence[Sequence[Any]]
    ) -> tuple[int, Exception] | int:
        """Insert the rows up to one that is refused: its place, and why; where none is, how many
        were put in.

        Raises:
            DBAPIError: the transaction went with it.
        """
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        taken = itertools.count()
        waiting = map(operator.itemgetter(0), zip(rows, taken, strict=False))
        try:
            with at_once(connection):
                return driver.executemany(sql, waiting).rowcount
        except (sqlite3.Error, OverflowError) as error:
            if not driver.in_transaction:
                raise as_told(connection, error) from error
            return next(taken) - 1, error

    def _reject(
        self, connection: Connection, error: Exception, batch: InputBatch, ordinal: int
    ) -> Reject:
        """The row as a reject; the same words mean the same, whichever row they are about."""
        words = (getattr(error, "sqlite_errorname", ""), str(error))
        why = self._whys.get(words)
        if why is None:
            why = self._why(connection, error)
            if len(self._whys) >= MOST_FAULTS:
                self._whys.clear()
            self._whys[words] = why
        code, message, column = why
        if code == FOREIGN_KEY and column is None:
            (values,) = self._suspects.all_values(batch.records, [ordinal])
            column = absent_parent(
                connection, self._dialect, self._table, self._layout, values, "?"
            )
        return batch.records.reject(ordinal, code, message, column=column)

    def _why(self, connection: Connection, error: Exception) -> Why:
        """The refusal as the row's own fault; any other error is raised as SQLAlchemy would."""
        fault = self._dialect.fault(error)
        if fault.kind is not FaultKind.ROW:
            raise as_told(connection, error) from error
        column = self._only_parent if fault.code == FOREIGN_KEY else fault.column
        return fault.code, fault.message, column


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
