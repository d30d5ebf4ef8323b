"""Bulk loading into MySQL and MariaDB: many rows a statement; row by row where one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import FaultKind
from batch_ops.database.load import InputBatch, Layout, LoadOutcome
from batch_ops.database.value_load import RefusedRow, Suspects, absent_parent, insert_sql
from batch_ops.results import Reject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table

_STATES = {
    "1062": "23505",
    "1048": "23502",
    "1364": "23502",
    "1451": "23503",
    "1452": "23503",
    "1216": "23503",
    "1217": "23503",
    "3819": "23514",
    "4025": "23514",
    "1264": "22003",
    "1406": "22001",
    "1265": "22P02",
    "1366": "22P02",
    "1292": "22007",
    "1644": "P0001",
}
"""MySQL's numbers of errors, as the SQLSTATEs of the same errors elsewhere."""

Found = tuple[int, "Sequence[Any] | Reject"]


class MySQLLoader:
    """Converted values in statements of many rows, inside a savepoint."""

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._dialect = dialect
        self._table = table
        self._layout = layout
        self._suspects = Suspects(dialect, table, layout)
        self._insert = insert_sql(dialect, table, layout, ["%s"] * len(layout.targets))

    def load(self, connection: Connection, batch: InputBatch) -> LoadOutcome:
        """Write the batch in file order."""
        records = batch.records
        found: list[Found] = [
            (ordinal, self._suspects.values(texts))
            for ordinal, texts in zip(records.good, records.texts(records.good), strict=True)
        ]
        found += self._suspects.judged(connection, batch, records.suspects, "%s")
        found.sort(key=lambda one: one[0])
        rejects = [one for _, one in found if isinstance(one, Reject)]
        rows = [(ordinal, one) for ordinal, one in found if not isinstance(one, Reject)]
        if rows and not self._all_at_once(connection, [values for _, values in rows]):
            rejects += self._one_by_one(connection, batch, rows)
        rejects.sort(key=lambda reject: reject.row or 0)
        return LoadOutcome(len(found) - len(rejects), tuple(rejects))

    def _all_at_once(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> bool:
        """Insert the rows; False (and nothing written) when one is refused."""
        savepoint = connection.begin_nested()
        try:
            connection.exec_driver_sql(self._insert, [tuple(values) for values in rows])
        except DBAPIError as error:
            if self._dialect.fault(error).kind is not FaultKind.ROW:
                raise
            savepoint.rollback()
            return False
        savepoint.commit()
        return True

    def _one_by_one(
        self, connection: Connection, batch: InputBatch, rows: Sequence[tuple[int, Sequence[Any]]]
    ) -> list[Reject]:
        rejects: list[Reject] = []
        for ordinal, values in rows:
            try:  # a refused statement undoes itself, and nothing else
                connection.exec_driver_sql(self._insert, tuple(values))
            except DBAPIError as error:
                why = self._why(connection, error, values)
                rejects.append(
                    batch.records.reject(ordinal, why.code, why.message, column=why.column)
                )
        return rejects

    def _why(self, connection: Connection, error: Exception, values: Sequence[Any]) -> RefusedRow:
        fault = self._dialect.fault(error)
        if fault.kind is not FaultKind.ROW:
            raise error
        code = _STATES.get(fault.code, "23000")
        column = fault.column
        if code == "23503":
            column = absent_parent(
                connection, self._dialect, self._table, self._layout, values, "%s"
            )
        elif column is None:
            column = _named(fault.message, self._layout.targets) or self._in_key(fault.message)
        return RefusedRow(code, fault.message, column)

    def _in_key(self, message: str) -> str | None:
        """The first key column, where a message names the primary key."""
        return self._table.key[0] if "PRIMARY'" in message and self._table.key else None


def _named(message: str, columns: Sequence[str]) -> str | None:
    """The column a message names."""
    return next(
        (name for name in columns if f"'{name}'" in message or f".{name}'" in message), None
    )
