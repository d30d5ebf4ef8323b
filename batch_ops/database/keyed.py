"""Statements on the rows of a table whose keys lie in a stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.merge import ROW
from batch_ops.database.wording import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table

Span = tuple[int, int]
"""Staged rows by number: those greater than the first and up to the second."""


@dataclass(frozen=True)
class Keyed:
    """The rows of `target` that rows of `stage` are the same as by `key`."""

    dialect: Dialect
    target: Table
    stage: Table
    key: tuple[str, ...]

    def update(self, connection: Connection, settings: Mapping[str, str], span: Span) -> int:
        """Set columns to expressions over the target's row `t` and the staged row `s`; how many
        rows there were.
        """
        where = f"{self._same} AND {self._range}"
        statement = self.dialect.update_joined(self._target, self._stage, settings, where)
        return int(connection.execute(text(statement), _bound(span)).rowcount)

    def delete(self, connection: Connection, span: Span) -> int:
        """Delete the rows; how many there were."""
        statement = self.dialect.delete_staged(self._target, self._stage, self.key, self._range)
        return int(connection.execute(text(statement), _bound(span)).rowcount)

    def missing(self, connection: Connection, more: str = "") -> list[int]:
        """The numbers of staged rows no row of the target (that fulfils `more`) is the same as."""
        found = f"SELECT 1 FROM {self._target} AS t WHERE {self._same}{more}"
        query = f"SELECT s.{self._row} FROM {self._stage} AS s WHERE NOT EXISTS ({found})"
        return sorted(int(number) for (number,) in connection.execute(text(query)))

    def repeats(self, connection: Connection, *, last: bool) -> list[int]:
        """The numbers of staged rows with the key of another one that counts: the last one, or the
        first.
        """
        key = ", ".join(self.dialect.quote(name) for name in self.key)
        counts = f"{'MAX' if last else 'MIN'}({self._row})"
        several = (
            f"SELECT {key}, {counts} AS bo_counts FROM {self._stage}"
            f" GROUP BY {key} HAVING COUNT(*) > 1"
        )
        query = (
            f"SELECT s.{self._row} FROM {self._stage} AS s JOIN ({several}) AS t"
            f" ON {self._same} AND s.{self._row} <> t.bo_counts"
        )
        return sorted(int(number) for (number,) in connection.execute(text(query)))

    def where(self, connection: Connection, condition: str, *, lock: bool = False) -> list[int]:
        """The numbers of staged rows for which a condition over `s` and its row `t` holds."""
        query = (
            f"SELECT s.{self._row} FROM {self._stage} AS s JOIN {self._target} AS t"
            f" ON {self._same} WHERE {condition}{self.dialect.lock_rows if lock else ''}"
        )
        return sorted(int(number) for (number,) in connection.execute(text(query)))

    def rows(
        self, connection: Connection, columns: Sequence[str], more: str = ""
    ) -> Sequence[Sequence[Any]]:
        """The number, then columns, of the target's rows, in the order of the stage."""
        names = "".join(f", t.{self.dialect.quote(name)}" for name in columns)
        query = (
            f"SELECT s.{self._row}{names} FROM {self._stage} AS s JOIN {self._target} AS t"
            f" ON {self._same}{more} ORDER BY s.{self._row}"
        )
        cursor: Any = connection.execute(text(query)).cursor  # bare rows: half the time
        found: Sequence[Sequence[Any]] = cursor.fetchall()
        return found

    @property
    def _same(self) -> str:
        quoted = [self.dialect.quote(name) for name in self.key]
        return " AND ".join(f"t.{name} = s.{name}" for name in quoted)

    @property
    def _range(self) -> str:
        return f"s.{self._row} > :low AND s.{self._row} <= :high"

    @property
    def _row(self) -> str:
        return self.dialect.quote(ROW)

    @property
    def _target(self) -> str:
        return self.dialect.table_sql(self.target.name, self.target.schema)

    @property
    def _stage(self) -> str:
        return self.dialect.table_sql(self.stage.name, self.stage.schema)


def rows_listed(
    connection: Connection,
    dialect: Dialect,
    table: Table,
    columns: Sequence[str],
    keys: Sequence[Any],
) -> Sequence[Sequence[Any]]:
    """Columns of the rows with a listed key, of a table with one key column; in no order."""
    (key,) = table.key_columns
    names = ", ".join(f"t.{dialect.quote(name)}" for name in columns)
    listed = dialect.member_of_list(f"t.{dialect.quote(key.name)}", "keys", key)
    query = f"SELECT {names} FROM {dialect.table_sql(table.name, table.schema)} AS t WHERE {listed}"
    cursor: Any = connection.execute(text(query), {"keys": dialect.list_value(keys)}).cursor
    found: Sequence[Sequence[Any]] = cursor.fetchall()
    return found


def _bound(span: Span) -> dict[str, int]:
    return {"low": span[0], "high": span[1]}
