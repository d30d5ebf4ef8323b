"""PostgreSQL tells itself which rows of an upsert are new, also while others write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database.merge import Merged
from batch_ops.database.staged_merge import TARGET, StagedMerger

if TYPE_CHECKING:
    from sqlalchemy import Connection


class PostgreSQLMerger(StagedMerger):
    """`xmax = 0` holds for a row that was inserted and not updated by the statement."""

    def _upsert(self, connection: Connection, staged: int, bound: dict[str, Any]) -> Merged:
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
