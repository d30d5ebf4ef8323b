"""MySQL and MariaDB know no conflict target: an UPDATE of the rows that are there, and an INSERT
of those that are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.merge import Merged
from batch_ops.database.staged_merge import StagedMerger
from batch_ops.database.wording import text
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.values import Key


@dataclass(frozen=True)
class MySQLMerger(StagedMerger):
    """The rows that are there are locked first, so that nobody comes between.

    Attributes:
        others: besides `work.conflict`, unique columns by which a row may be there.
    """

    others: tuple[tuple[str, ...], ...] = ()

    def _upsert(self, connection: Connection, staged: int, bound: dict[str, Any]) -> Merged:
        known = self._lock(connection, bound)
        updated = self._update_known(connection, bound) if known and self.work.set_columns else 0
        created, keys = self._insert(connection, self._nothing(), bound)
        return Merged(created, updated, staged - created - updated, keys=keys)

    def _lock(self, connection: Connection, bound: dict[str, Any]) -> int:
        statement = text(
            f"SELECT 1 FROM {self._into} AS t JOIN {self._staged} AS s"
            f" ON {self._same('s', 't')} WHERE {self._range()} FOR UPDATE"
        )
        return len(connection.execute(statement, bound).all())

    def _update_known(self, connection: Connection, bound: dict[str, Any]) -> int:
        new = {self._quote(name): self._new(name) for name in self.work.set_columns}
        counted = new | self._count_up("t")
        settings = ", ".join(f"t.{name} = {value}" for name, value in counted.items())
        differs = " OR ".join(map(self._differs_there, self.work.set_columns))
        statement = text(
            f"UPDATE {self._into} AS t JOIN {self._staged} AS s"
            f" ON {self._same('s', 't')} SET {settings} WHERE {self._range()} AND ({differs})"
        )
        return int(connection.execute(statement, bound).rowcount)

    def _differs_there(self, name: str) -> str:
        """JSON that is kept as text is the same however it is spaced."""
        column = self.work.target.column(name)
        there, new = f"t.{self._quote(name)}", self._new(name)
        if column.type is FieldType.JSON and "JSON" not in column.sql_type.upper():
            there, new = f"JSON_COMPACT({there})", f"JSON_COMPACT({new})"
        return f"NOT ({there} <=> {new})"

    def _new(self, name: str) -> str:
        """What a column is set to: what is staged, else its default."""
        quoted = self._quote(name)
        return f"s.{quoted}" if name in self.work.columns else f"DEFAULT(t.{quoted})"

    def _insert(
        self, connection: Connection, conflict: str, bound: dict[str, Any]
    ) -> tuple[int, tuple[Key, ...]]:
        if self.work.returning:
            raise DatabaseUnfitError(
                "This database does not tell the keys it makes for several rows at once.",
                todo="Give the rows their keys, for example as a UUID in the records.",
            )
        names = self._list(self.work.columns)
        groups = (self.work.conflict, *self.others) if conflict else ()
        absent = "".join(f" AND NOT EXISTS ({self._twin_by(group)})" for group in groups)
        statement = text(
            f"INSERT INTO {self._into} ({names}) SELECT {names}"
            f" FROM {self._staged} AS s WHERE {self._range()}{absent}"
            f" ORDER BY {self._order()}"
        )
        return int(connection.execute(statement, bound).rowcount), ()

    def _twin_by(self, group: Sequence[str]) -> str:
        same = " AND ".join(f"s.{name} = t.{name}" for name in map(self._quote, group))
        return f"SELECT 1 FROM {self._into} AS t WHERE {same}"

    def _nothing(self) -> str:
        return "absent"
