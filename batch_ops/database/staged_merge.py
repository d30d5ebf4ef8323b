"""Merging by one INSERT … ON CONFLICT, where nobody else writes meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.keyed import Keyed
from batch_ops.database.merge import ROW, Merged, Merging
from batch_ops.database.staging import Stage
from batch_ops.database.wording import text
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.values import Key

TARGET = "bo_target"


@dataclass(frozen=True)
class StagedMerger:
    """Merges as SQLite does; a subclass where a database has a better way."""

    dialect: Dialect
    work: Merging

    def drop_superseded(self, connection: Connection) -> int:
        """Of staged rows that are the same the last one is kept (with SKIP the first); how many
        others there were.
        """
        if self.work.mode is OnConflict.ERROR or not self.work.conflict:
            return 0
        keyed = Keyed(self.dialect, self.work.target, self.work.stage, self.work.conflict)
        repeats = keyed.repeats(connection, last=self.work.mode is not OnConflict.SKIP)
        Stage(self.dialect, self.work.stage).remove(connection, repeats)
        return len(repeats)

    def merge(self, connection: Connection, low: int, high: int) -> Merged:
        """Put the staged rows with `low < ROW <= high` into the target."""
        bound = {"low": low, "high": high}
        if self.work.mode is OnConflict.ERROR:
            found = self._inserted(self._insert(connection, "", bound))
            whole = found.created == high - low
            left_out = 0 if whole else self._count(connection, bound) - found.created
            return Merged(found.created, skipped=left_out, keys=found.keys)
        staged = self._count(connection, bound)
        if self.work.mode is OnConflict.SKIP:
            found = self._inserted(self._insert(connection, self._nothing(), bound))
            return Merged(found.created, skipped=staged - found.created, keys=found.keys)
        return self._upsert(connection, staged, bound)

    def _upsert(self, connection: Connection, staged: int, bound: dict[str, Any]) -> Merged:
        """Nobody else writes between the two statements."""
        known = self._count(connection, bound, f" AND EXISTS ({self._twin()})")
        changed, keys = self._insert(connection, self._update(), bound)
        created = staged - known
        updated = max(changed - created, 0) if self.work.set_columns else 0
        return Merged(created, updated, known - updated, keys=keys)

    # pieces of SQL

    def _inserted(self, done: tuple[int, tuple[Key, ...]]) -> Merged:
        return Merged(created=done[0], keys=done[1])

    def _insert(
        self, connection: Connection, conflict: str, bound: dict[str, Any]
    ) -> tuple[int, tuple[Key, ...]]:
        """How many rows were inserted or changed, and their keys."""
        into = self._into
        names = self._list(self.work.columns)
        told = f" RETURNING {self._list(self.work.returning)}" if self.work.returning else ""
        statement = text(
            f"INSERT INTO {into} AS {TARGET} ({names}) SELECT {names} FROM {self._staged}"
            f" WHERE {self._range()} ORDER BY {self._order()}{conflict}{told}"
        )
        result = connection.execute(statement, bound)
        if self.work.returning:
            keys = tuple(tuple(row) for row in result)
            return len(keys), keys
        return int(result.rowcount), ()

    def _order(self) -> str:
        """Equal keys are locked in one order by everybody."""
        first = [
            name
            for name in (self.work.conflict or self.work.target.key)
            if name in self.work.columns
        ]
        return self._list((*first, ROW))

    def _range(self) -> str:
        row = self._quote(ROW)
        return f"{row} > :low AND {row} <= :high"

    def _count(self, connection: Connection, bound: dict[str, Any], more: str = "") -> int:
        name = self._staged
        statement = text(f"SELECT count(*) FROM {name} AS s WHERE {self._range()}{more}")
        return int(connection.execute(statement, bound).scalar_one())

    def _twin(self) -> str:
        """The row of the target that is the same as the staged row `s`."""
        return f"SELECT 1 FROM {self._into} AS t WHERE {self._same('s', 't')}"

    def _same(self, one: str, other: str) -> str:
        return " AND ".join(
            f"{one}.{self._quote(name)} = {other}.{self._quote(name)}"
            for name in self.work.conflict
        )

    def _nothing(self) -> str:
        return f" ON CONFLICT{self._conflict_sql()} DO NOTHING"

    def _update(self) -> str:
        if not self.work.set_columns:
            return self._nothing()
        named = [self._quote(name) for name in self.work.set_columns]
        new = {name: f"EXCLUDED.{name}" for name in named} | self._count_up(TARGET)
        settings = ", ".join(f"{name} = {value}" for name, value in new.items())
        conflict = f" ON CONFLICT{self._conflict_sql()}"
        return f"{conflict} DO UPDATE SET {settings} WHERE {self._differs()}"

    def _count_up(self, there: str) -> dict[str, str]:
        """The column that counts changes, and what it is set to where a row `there` is changed."""
        name = self.work.counted
        if name is None or name in self.work.columns:
            return {}
        return {self._quote(name): f"COALESCE({there}.{self._quote(name)}, 0) + 1"}

    def _differs(self) -> str:
        pairs = [
            self.dialect.differs(self.work.target.column(n), TARGET) for n in self.work.set_columns
        ]
        return " OR ".join(pairs)

    def _conflict_sql(self) -> str:
        return f" ({self._list(self.work.conflict)})" if self.work.conflict else ""

    def _list(self, names: Sequence[str]) -> str:
        return ", ".join(self._quote(name) for name in names)

    def _quote(self, name: str) -> str:
        return self.dialect.quote(name)

    @property
    def _into(self) -> str:
        return self.dialect.table_sql(self.work.target.name, self.work.target.schema)

    @property
    def _staged(self) -> str:
        return self.dialect.table_sql(self.work.stage.name, self.work.stage.schema)
