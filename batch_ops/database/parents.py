"""Foreign keys of staged rows, judged by us: where a database does not, or does not tell which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.database.judging import exists
from batch_ops.database.merge import ROW
from batch_ops.database.wording import text

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from batch_ops.database.cascade_graph import Reference
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import ForeignKey, Table


@dataclass(frozen=True)
class Parents:
    """The rows that staged rows refer to.

    Attributes:
        changed: the columns staged rows set on the target's rows of their key; None: they are rows
            of their own.
    """

    dialect: Dialect
    target: Table
    stage: Table
    changed: Collection[str] | None = None

    def absent(self, connection: Connection, *, before: bool = True) -> dict[int, str]:
        """By number the staged rows that refer to a row nobody has, and the column that does.

        before: whether the rows are not put in yet, so that one may refer to another.
        """
        found: dict[int, str] = {}
        for key in filter(self._is_judged, self.target.foreign_keys):
            for (number,) in connection.execute(text(self._query(key, before=before))):
                found.setdefault(int(number), key.columns[0])
        return found

    def _is_judged(self, key: ForeignKey) -> bool:
        if self.changed is not None:
            return not set(key.columns).isdisjoint(self.changed)
        return set(key.columns) <= set(self.stage.column_names)

    def _query(self, key: ForeignKey, *, before: bool) -> str:
        values = [self._value(name) for name in key.columns]
        given = " AND ".join(f"{value} IS NOT NULL" for value in values)
        source = f"{_name(self.dialect, self.stage)} AS s"
        if self.changed is not None:
            source += f" JOIN {_name(self.dialect, self.target)} AS t ON {self._same('t')}"
        parent = self.dialect.table_sql(key.table, key.schema)
        lacking = f"NOT {self._exists(parent, key, values)}"
        if before and self._may_be_staged(key):
            lacking += f" AND NOT {self._exists(_name(self.dialect, self.stage), key, values)}"
        row = self.dialect.quote(ROW)
        return f"SELECT s.{row} FROM {source} WHERE {given} AND {lacking} ORDER BY s.{row}"

    def _value(self, name: str) -> str:
        """What a column will hold."""
        staged = self.changed is None or name in self.changed
        return f"{'s' if staged else 't'}.{self.dialect.quote(name)}"

    def _exists(self, parent: str, key: ForeignKey, values: list[str]) -> str:
        return exists(parent, [self.dialect.quote(name) for name in key.target_columns], values)

    def _may_be_staged(self, key: ForeignKey) -> bool:
        """Whether the row that is referred to may be one of those that are put in."""
        return self.target.is_referred_to(key) and set(key.target_columns) <= set(
            self.stage.column_names
        )

    def _same(self, other: str) -> str:
        quoted = [self.dialect.quote(name) for name in self.target.key]
        return " AND ".join(f"{other}.{name} = s.{name}" for name in quoted)


@dataclass(frozen=True)
class Children:
    """The rows that refer to the target's rows of staged keys."""

    dialect: Dialect
    target: Table
    stage: Table

    def held(self, connection: Connection, references: Collection[Reference]) -> list[int]:
        """The numbers of staged keys whose row others refer to that are not staged, too."""
        found: set[int] = set()
        for reference in references:
            rows = connection.execute(text(self._query(reference)))
            found.update(int(number) for (number,) in rows)
        return sorted(found)

    def _query(self, reference: Reference) -> str:
        quote, row = self.dialect.quote, self.dialect.quote(ROW)
        pairs = zip(reference.columns, reference.parent_columns, strict=True)
        refers = " AND ".join(f"t.{quote(to)} = c.{quote(name)}" for name, to in pairs)
        stage, target = _name(self.dialect, self.stage), _name(self.dialect, self.target)
        child = self.dialect.table_sql(reference.child.name, reference.child.schema)
        children = f"SELECT 1 FROM {child} AS c WHERE {refers}"
        if reference.child == reference.parent:
            children += f" AND NOT EXISTS (SELECT 1 FROM {stage} AS o WHERE {self._same('c', 'o')})"
        return (
            f"SELECT s.{row} FROM {stage} AS s JOIN {target} AS t ON {self._same('t', 's')}"
            f" WHERE EXISTS ({children})"
        )

    def _same(self, one: str, other: str) -> str:
        quoted = [self.dialect.quote(name) for name in self.target.key]
        return " AND ".join(f"{one}.{name} = {other}.{name}" for name in quoted)


def _name(dialect: Dialect, table: Table) -> str:
    return dialect.table_sql(table.name, table.schema)
