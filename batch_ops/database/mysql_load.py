"""Bulk loading into MySQL and MariaDB: many rows a statement; row by row where one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import FOREIGN_KEY, FaultKind
from batch_ops.database.load import InputBatch, Layout, LoadOutcome
from batch_ops.database.value_load import (
    RefusedRow,
    Suspects,
    absent_parent,
    insert_sql,
    tried_again,
)
from batch_ops.database.wording import marked
from batch_ops.results import Reject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table

Found = tuple[int, "Sequence[Any] | Reject"]


class MySQLLoader:
    """Converted values in statements of many rows, inside a savepoint."""

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._dialect = dialect
        self._table = table
        self._layout = layout
        self._suspects = Suspects(dialect, table, layout)
        insert = insert_sql(dialect, table, layout, ["\0"] * len(layout.targets))
        self._insert = marked(insert, "%s")

    def load(self, connection: Connection, batch: InputBatch) -> LoadOutcome:
        """Write the batch in file order."""
        records = batch.records
        good = self._suspects.all_values(records, records.good)
        found: list[Found] = list(zip(records.good, good, strict=True))
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
        found = [self._put(connection, batch, ordinal, values) for ordinal, values in rows]
        rejects = [reject for reject in found if reject is not None]
        if not rejects or not self._table.refers_to_itself:
            return rejects
        start, by_row = batch.start.row, dict(rows)

        def again(reject: Reject) -> Reject | None:
            ordinal = (reject.row or 0) - start
            return self._put(connection, batch, ordinal, by_row[ordinal])

        return tried_again(rejects, again)

    def _put(
        self, connection: Connection, batch: InputBatch, ordinal: int, values: Sequence[Any]
    ) -> Reject | None:
        """Insert a row; the reject, where it is refused."""
        try:  # a refused statement undoes itself, and nothing else
            connection.exec_driver_sql(self._insert, tuple(values))
        except DBAPIError as error:
            why = self._why(connection, error, values)
            return batch.records.reject(ordinal, why.code, why.message, column=why.column)
        return None

    def _why(self, connection: Connection, error: Exception, values: Sequence[Any]) -> RefusedRow:
        fault = self._dialect.fault(error)
        if fault.kind is not FaultKind.ROW:
            raise error
        code = fault.code
        column = fault.column
        if code == FOREIGN_KEY:
            column = absent_parent(
                connection, self._dialect, self._table, self._layout, values, "%s"
            )
        elif fault.constraint:
            column = self._first_of(fault.constraint)
        return RefusedRow(code, fault.message, column)

    def _first_of(self, constraint: str) -> str | None:
        """The first column of a unique key; the database calls it so, unless somebody named it."""
        unique = self._table.unique
        if constraint == "PRIMARY":
            return unique[0][0] if unique else None
        return constraint if constraint in self._table.column_names else None
