"""What is asked of a database to tell whether it is well; nothing of it writes or makes a thing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Table

_LITERAL = re.compile(
    r"\$(\w*)\$.*?(?:\$\1\$|\Z)"  # PostgreSQL's quotes in dollars
    r"|'(?:[^'\\]|''|\\.)*(?:'|\Z)"  # the end of a long query may be cut off
    r"|(?<![\w$\"`])\d[\w.]*",
    re.DOTALL,
)
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Walk:
    """How a database would find the rows a condition means.

    whole: it would go through all rows of the table. rows: how many it expects to find; None where
    it does not say.
    """

    whole: bool
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody's session. state: what it does now, in the database's word."""

    pid: int
    application: str
    query: str
    since: datetime | None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A session that waits for a lock another one holds."""

    waits: Session
    holds: Session


class Looks:
    """What every kind of database can be asked; one subclass per dialect."""

    oldest: ClassVar[tuple[int, ...]] = ()
    """The oldest version that is supported."""
    product: ClassVar[str] = ""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def version(self, connection: Connection) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
        """The product, its version, and the oldest one that is supported."""
        found = connection.dialect.server_version_info or ()
        return self.product, tuple(part for part in found if isinstance(part, int)), self.oldest

    def read_only(self, connection: Connection) -> bool:
        """Whether nobody can write to it now, as to a standby or a file without that right."""
        return False

    def may_make_tables(self, connection: Connection, schema: str | None) -> bool:
        """Whether the role may make tables in a schema (None: the usual one)."""
        return True

    def lacking(
        self, connection: Connection, table: Table, wanted: Collection[str]
    ) -> Sequence[str]:
        """Of the wanted rights (SELECT, INSERT, UPDATE, DELETE) on a table, those that lack."""
        return ()

    def sees_sessions(self, connection: Connection) -> bool:
        """Whether the role may see what other sessions do."""
        return True

    def rows_about(self, connection: Connection, table: Table) -> int | None:
        """About how many rows a table has, without counting them; None: nobody can tell."""
        return None

    def walk(self, connection: Connection, statement: Statement, table: Table) -> Walk | None:
        """How the rows a SELECT reads of a table would be found; None: it cannot be told."""
        return None

    def index_sql(self, table: Table, columns: Sequence[str]) -> str:
        """What would make an index, without keeping others from writing where that can be had."""
        quote = self._dialect.quote
        name = quote("_".join(("ix", table.name, *columns)))
        listed = ", ".join(quote(column) for column in columns)
        return (
            f"CREATE INDEX {name} ON {self._dialect.table_sql(table.name, table.schema)} ({listed})"
        )

    def blocked(self, connection: Connection) -> Sequence[Blocked] | None:
        """Who waits for a lock, and who holds it; None: nobody can tell."""
        return None


def without_literals(query: str) -> str:
    """A statement of somebody's without the values that stand in it."""
    return _LITERAL.sub("?", query)


def in_one_line(query: str) -> str:
    """A statement as it is shown: one line of at most 100 characters."""
    line = " ".join(query.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
