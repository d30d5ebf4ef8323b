"""Images of the rows a step changes, before and after: a table with the target's own types, filled
in the transaction of each batch. A row that is only there before was deleted, one that is only
there after was created.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.wording import plainly, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Table
    from batch_ops.database.values import Key

IMAGE, SIDE, STATE = "bo_image", "bo_side", "bo_state"
OWN = (IMAGE, SIDE, STATE)
"""Columns of a table of images that are not the target's."""
BEFORE, AFTER = 0, 1


@dataclass(frozen=True)
class Images:
    """The images of one step's rows. They are numbered by batch; within one a key is there once
    before and once after at most.

    Attributes:
        table: the table they are kept in, as far as its name and the target's columns.
    """

    dialect: Dialect
    target: Table
    table: Table

    def create(self, connection: Connection) -> None:
        """Make the table."""
        own = f"CAST(0 AS bigint) AS {IMAGE}, CAST(0 AS int) AS {SIDE}, CAST(0 AS int) AS {STATE}"
        plainly(
            connection,
            f"CREATE TABLE {self.name} AS SELECT {own}, {self.list(self.columns)}"
            f" FROM {self.of} WHERE 1 = 0",
        )
        index = self.dialect.quote(f"ix_{self.table.name}")
        keys = self.list(self.target.key)
        plainly(connection, f"CREATE UNIQUE INDEX {index} ON {self.name} ({IMAGE}, {SIDE}, {keys})")

    # as a batch is written

    def before(self, connection: Connection, image: int, rows: Statement) -> int:
        """Keep the target's rows that a sub-select gives, and lock them in key order; how many."""
        source, bound = rows
        statement = self._keep(image, BEFORE, f"{source} AS t", "", lock=True)
        return int(connection.execute(text(statement), bound).rowcount)

    def before_staged(
        self, connection: Connection, image: int, stage: Table, match: Sequence[str], *, lock: bool
    ) -> None:
        """Keep the target's rows that rows of a stage are the same as by `match`."""
        where = f" WHERE {self._staged(stage, match)}"
        plainly(connection, self._keep(image, BEFORE, f"{self.of} AS t", where, lock=lock))

    def created(
        self, connection: Connection, image: int, stage: Table, match: Sequence[str]
    ) -> int:
        """Keep staged rows that were not there before; how many."""
        where = f" WHERE {self._staged(stage, match)} AND {self._new(image)}"
        found = plainly(connection, self._keep(image, AFTER, f"{self.of} AS t", where))
        return int(found.rowcount)

    def created_keys(self, connection: Connection, image: int, keys: Sequence[Key]) -> int:
        """Keep the rows of these keys that were not there before; how many."""
        where = f" WHERE {self.at_key('t')} AND {self._new(image)}"
        statement = text(self._keep(image, AFTER, f"{self.of} AS t", where))
        if not keys:
            return 0
        return int(connection.execute(statement, list(map(bound_key, keys))).rowcount)

    def changed(self, connection: Connection, image: int) -> None:
        """Keep rows as they are now that are not as before; of those that are, nothing is kept."""
        same = f"{self.same('t', 'i')} AND NOT ({self.differ(self.columns, 't', 'i')})"
        self._forget(connection, image, f"EXISTS (SELECT 1 FROM {self.of} AS t WHERE {same})")
        source = f"{self.of} AS t JOIN {self.name} AS b ON {self.same('b', 't')}"
        where = f" WHERE b.{IMAGE} = {image:d} AND b.{SIDE} = {BEFORE}"
        plainly(connection, self._keep(image, AFTER, source, where))

    def forget(self, connection: Connection, image: int) -> None:
        """Keep nothing of the rows that were there before."""
        self._forget(connection, image, "1 = 1")

    def deleted(self, connection: Connection, image: int) -> int:
        """Keep nothing of rows that are still there; of how many there is an image."""
        there = f"SELECT 1 FROM {self.of} AS t WHERE {self.same('t', 'i')}"
        self._forget(connection, image, f"EXISTS ({there})")
        query = f"SELECT count(*) FROM {self.name} WHERE {IMAGE} = {image:d}"
        return int(plainly(connection, query).scalar_one())

    def _forget(self, connection: Connection, image: int, condition: str) -> None:
        plainly(
            connection,
            f"DELETE FROM {self.name} AS i WHERE i.{IMAGE} = {image:d} AND i.{SIDE} = {BEFORE}"
            f" AND {condition}",
        )

    def _keep(self, image: int, side: int, source: str, where: str, *, lock: bool = False) -> str:
        names = self.list(self.columns)
        ends = ""
        if lock:
            ends = f" ORDER BY {self.list(self.target.key, 't')}{self.dialect.lock_rows}"
        return (
            f"INSERT INTO {self.name} ({IMAGE}, {SIDE}, {names})"
            f" SELECT {image:d}, {side}, {self.list(self.columns, 't')} FROM {source}{where}{ends}"
        )

    def _staged(self, stage: Table, match: Sequence[str]) -> str:
        name = self.dialect.table_sql(stage.name, stage.schema)
        return f"{self.tuple(match, 't')} IN (SELECT {self.list(match, 's')} FROM {name} AS s)"

    def _new(self, image: int) -> str:
        return f"{self.tuple(self.target.key, 't')} NOT IN ({self.keys(image, BEFORE)})"

    def keys(self, image: int, side: int) -> str:
        """The keys of a batch's rows on one side, as a sub-select. Asked for by IN it is gone
        through once, however many rows the database expects.
        """
        return (
            f"SELECT {self.list(self.target.key, 'k')} FROM {self.name} AS k"
            f" WHERE k.{IMAGE} = {image:d} AND k.{SIDE} = {side}"
        )

    # pieces of SQL

    @property
    def name(self) -> str:
        """The table of the images, quoted."""
        return self.dialect.table_sql(self.table.name, self.table.schema)

    @property
    def of(self) -> str:
        """The table they are images of, quoted."""
        return self.dialect.table_sql(self.target.name, self.target.schema)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are kept: all that somebody can write."""
        return kept_columns(self.target)

    def mine(self, image: int) -> str:
        """A condition: which images of rows before are of a batch."""
        return f"{IMAGE} = {image:d} AND {SIDE} = {BEFORE}"

    def list(self, names: Sequence[str], of: str = "") -> str:
        """Columns, of a row where one is named."""
        lead = f"{of}." if of else ""
        return ", ".join(f"{lead}{self.dialect.quote(name)}" for name in names)

    def tuple(self, names: Sequence[str], of: str = "") -> str:
        """The same as one value."""
        return f"({self.list(names, of)})" if len(names) > 1 else self.list(names, of)

    def at_key(self, of: str) -> str:
        """Whether a row has the key that `bound_key` binds."""
        key, dialect = self.target.key_columns, self.dialect
        names = [f"{of}.{dialect.quote(column.name)}" for column in key]
        binds = [dialect.bind(f"k{n}", column) for n, column in enumerate(key)]
        return " AND ".join(map("{} = {}".format, names, binds))

    def same(self, one: str, other: str) -> str:
        """Whether two rows have the same key."""
        names = map(self.dialect.quote, self.target.key)
        return " AND ".join(f"{one}.{name} = {other}.{name}" for name in names)

    def differ(self, columns: Sequence[str], one: str, other: str) -> str:
        """Whether two rows have other values in one of these columns."""
        return " OR ".join(self.differs(name, one, other) for name in columns) or "1 = 0"

    def differs(self, column: str, one: str, other: str) -> str:
        """Whether two rows have other values in a column."""
        name, known = self.dialect.quote(column), self.target.column(column)
        return self.dialect.changed(known, f"{one}.{name}", f"{other}.{name}")


def bound_key(key: Key) -> dict[str, Any]:
    """What `Images.at_key` binds."""
    return {f"k{n}": value for n, value in enumerate(key)}


def kept_columns(table: Table) -> tuple[str, ...]:
    """The columns of a table whose values are kept: those the database computes are not."""
    return tuple(c.name for c in table.columns if not c.generated or c.has_default)


def counts_itself(table: Table, column: str) -> bool:
    """Whether the database numbers a column itself, and nobody may change it."""
    known = table.column(column)
    return known.generated and known.has_default
