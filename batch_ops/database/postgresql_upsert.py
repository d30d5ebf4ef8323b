"""PostgreSQL tells itself which rows of an upsert are new, also while others write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batch_ops.database.merge import Merged
from batch_ops.database.staged_merge import TARGET, StagedMerger
from batch_ops.database.wording import text

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class PostgreSQLMerger(StagedMerger):
    """`xmax = 0` holds for a row that was inserted and not updated by the statement."""

    _known: dict[str, bool] = field(default_factory=dict, compare=False)

    def _upsert(self, connection: Connection, staged: int, bound: dict[str, Any]) -> Merged:
        if self._is_partitioned(connection):  # its rows tell no xmax
            self._lock(connection, bound)
            return super()._upsert(connection, staged, bound)
        into, names = self._into, self._list(self.work.columns)
        told = ", ".join(["(bo_target.xmax = 0) AS bo_new", *map(self._quote, self.work.returning)])
        statement = text(
            f"INSERT INTO {into} AS {TARGET} ({names}) SELECT {names} FROM {self._staged}"
            f" WHERE {self._range()} ORDER BY {self._order()}{self._update()} RETURNING {told}"
        )
        if self.work.returning:
            rows = connection.execute(statement, bound).all()
            created = sum(row.bo_new for row in rows)
            keys = tuple(tuple(row)[1:] for row in rows)
            return Merged(created, len(rows) - created, staged - len(rows), keys=keys)
        counted = text(
            f"WITH bo_done AS ({statement.text}) SELECT count(*) FILTER (WHERE bo_new), count(*)"
            " FROM bo_done"
        )
        created, touched = connection.execute(counted, bound).one()
        return Merged(created, touched - created, staged - touched)

    def _is_partitioned(self, connection: Connection) -> bool:
        if self._into not in self._known:
            query = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:name)")
            found = connection.execute(query, {"name": self._into}).scalar()
            self._known[self._into] = bool(found)
        return self._known[self._into]

    def _lock(self, connection: Connection, bound: dict[str, Any]) -> None:
        """The rows that are there, so that nobody changes how many they are."""
        query = (
            f"SELECT count(*) FROM (SELECT 1 FROM {self._into} AS t JOIN {self._staged} AS s"
            f" ON {self._same('s', 't')} WHERE {self._range()} FOR UPDATE OF t) AS locked"
        )
        connection.execute(text(query), bound)
