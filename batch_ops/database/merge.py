"""Putting staged rows into a table where some of them may be already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.database.values import Key

ROW = "bo_row"
"""The stage's column that says which row came first."""
TARGET = "bo_target"


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of staged rows. `keys`: of the rows put in, where they were asked for."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    keys: tuple[Key, ...] = field(default=(), repr=False)

    def __add__(self, other: Merged) -> Merged:
        return Merged(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.skipped + other.skipped,
            self.keys + other.keys,
        )


@dataclass(frozen=True)
class Merger:
    """Merges a stage into its target; a subclass where a database has a better way.

    Attributes:
        stage: a table with the same columns and `ROW`.
        columns: those that are given.
        conflict: what makes two rows the same; empty: any unique constraint.
        mode: what becomes of a row that is there already.
        returning: key columns the database fills, to be told.
    """

    dialect: Dialect
    target: Table
    stage: Table
    columns: tuple[str, ...]
    conflict: tuple[str, ...]
    mode: OnConflict
    returning: tuple[str, ...] = ()

    def drop_superseded(self, connection: Connection) -> int:
        """Of staged rows that are the same the last one is kept (with SKIP the first); how many
        others there were.
        """
        if self.mode is OnConflict.ERROR or not self.conflict:
            return 0
        order = "<" if self.mode is OnConflict.SKIP else ">"
        same = self._same("s", "o")
        row, name = self._quote(ROW), self._name(self.stage)
        statement = (
            f"DELETE FROM {name} WHERE {row} IN (SELECT s.{row} FROM {name} AS s"
            f" JOIN {name} AS o ON {same} AND o.{row} {order} s.{row})"
        )
        return int(connection.exec_driver_sql(statement).rowcount)

    def merge(self, connection: Connection, low: int, high: int) -> Merged:
        """Put the staged rows with `low < ROW <= high` into the target."""
        bound = {"low": low, "high": high}
        staged = self._count(connection, bound)
        if self.mode is OnConflict.ERROR:
            return self._inserted(self._insert(connection, "", bound))
        if self.mode is OnConflict.SKIP:
            found = self._inserted(self._insert(connection, self._nothing(), bound))
            return Merged(found.created, skipped=staged - found.created, keys=found.keys)
        return self._upsert(connection, staged, bound)

    def _upsert(self, connection: Connection, staged: int, bound: dict[str, Any]) -> Merged:
        """Nobody else writes between the two statements."""
        known = self._count(connection, bound, f" AND EXISTS ({self._twin()})")
        changed, keys = self._insert(connection, self._update(), bound)
        created = staged - known
        updated = max(changed - created, 0) if self.set_columns else 0
        return Merged(created, updated, known - updated, keys=keys)

    # pieces of SQL

    @property
    def set_columns(self) -> tuple[str, ...]:
        """What is set on a row that is there."""
        if self.mode is OnConflict.REPLACE:
            given = [c.name for c in self.target.columns if not c.generated]
        else:
            given = list(self.columns)
        fixed = {*self.conflict, *self.target.key}
        return tuple(name for name in given if name not in fixed)

    def _inserted(self, done: tuple[int, tuple[Key, ...]]) -> Merged:
        return Merged(created=done[0], keys=done[1])

    def _insert(
        self, connection: Connection, conflict: str, bound: dict[str, Any]
    ) -> tuple[int, tuple[Key, ...]]:
        """How many rows were inserted or changed, and their keys."""
        into = self._name(self.target)
        names = self._list(self.columns)
        told = f" RETURNING {self._list(self.returning)}" if self.returning else ""
        statement = text(
            f"INSERT INTO {into} AS {TARGET} ({names}) SELECT {names} FROM {self._name(self.stage)}"
            f" WHERE {self._range()} ORDER BY {self._order()}{conflict}{told}"
        )
        result = connection.execute(statement, bound)
        if self.returning:
            keys = tuple(tuple(row) for row in result)
            return len(keys), keys
        return int(result.rowcount), ()

    def _order(self) -> str:
        """Equal keys are locked in one order by everybody."""
        first = [name for name in (self.conflict or self.target.key) if name in self.columns]
        return self._list((*first, ROW))

    def _range(self) -> str:
        row = self._quote(ROW)
        return f"{row} > :low AND {row} <= :high"

    def _count(self, connection: Connection, bound: dict[str, Any], more: str = "") -> int:
        name = self._name(self.stage)
        statement = text(f"SELECT count(*) FROM {name} AS s WHERE {self._range()}{more}")
        return int(connection.execute(statement, bound).scalar_one())

    def _twin(self) -> str:
        """The row of the target that is the same as the staged row `s`."""
        return f"SELECT 1 FROM {self._name(self.target)} AS t WHERE {self._same('s', 't')}"

    def _same(self, one: str, other: str) -> str:
        return " AND ".join(
            f"{one}.{self._quote(name)} = {other}.{self._quote(name)}" for name in self.conflict
        )

    def _nothing(self) -> str:
        return f" ON CONFLICT{self._conflict_sql()} DO NOTHING"

    def _update(self) -> str:
        if not self.set_columns:
            return self._nothing()
        named = [self._quote(name) for name in self.set_columns]
        settings = ", ".join(f"{name} = EXCLUDED.{name}" for name in named)
        conflict = f" ON CONFLICT{self._conflict_sql()}"
        return f"{conflict} DO UPDATE SET {settings} WHERE {self._differs()}"

    def _differs(self) -> str:
        pairs = [self.dialect.differs(self.target.column(n), TARGET) for n in self.set_columns]
        return " OR ".join(pairs)

    def _conflict_sql(self) -> str:
        return f" ({self._list(self.conflict)})" if self.conflict else ""

    def _list(self, names: Sequence[str]) -> str:
        return ", ".join(self._quote(name) for name in names)

    def _quote(self, name: str) -> str:
        return self.dialect.quote(name)

    def _name(self, table: Table) -> str:
        return self.dialect.table_sql(table.name, table.schema)
