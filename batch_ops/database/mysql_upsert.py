"""MySQL and MariaDB know no conflict target: an UPDATE of the rows that are there, and an INSERT
of those that are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database.merge import Merged
from batch_ops.database.staged_merge import StagedMerger
from batch_ops.errors import DatabaseUnfitError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.values import Key


class MySQLMerger(StagedMerger):
    """The rows that are there are locked first, so that nobody comes between. Without a conflict
    target rows are the same by their key alone.
    """

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
        settings = ", ".join(f"t.{name} = {value}" for name, value in new.items())
        differs = " OR ".join(f"NOT (t.{name} <=> {value})" for name, value in new.items())
        statement = text(
            f"UPDATE {self._into} AS t JOIN {self._staged} AS s"
            f" ON {self._same('s', 't')} SET {settings} WHERE {self._range()} AND ({differs})"
        )
        return int(connection.execute(statement, bound).rowcount)

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
        absent = f" AND NOT EXISTS ({self._twin()})" if conflict else ""
        statement = text(
            f"INSERT INTO {self._into} ({names}) SELECT {names}"
            f" FROM {self._staged} AS s WHERE {self._range()}{absent}"
            f" ORDER BY {self._order()}"
        )
        return int(connection.execute(statement, bound).rowcount), ()

    def _nothing(self) -> str:
        return "absent"
