"""What a database must be able to tell and do; one subclass per dialect, chosen by the URL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from sqlalchemy import URL, Connection, Engine
    from sqlglot import exp

    from batch_ops.database.faults import Fault
    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.merge import Merger, Merging
    from batch_ops.database.tables import Column, Table
    from batch_ops.database.values import Key
    from batch_ops.database.walk import Boundary
    from batch_ops.spec.model import Field


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a dialect can do.

    Attributes:
        concurrent_writers: several connections may write at once; else there is one lane.
        returning: a writing statement can stand in a WITH and hand on the rows it changed.
        row_values: `(a, b) > (x, y)` is compared as fast as it is written.
        kills_sessions: another process's sessions can be ended.
        typed: a column takes only values of its type; else they are judged before.
        zones: timestamps carry their zone; else they are naive UTC.
    """

    concurrent_writers: bool
    returning: bool
    row_values: bool
    kills_sessions: bool
    typed: bool
    zones: bool


class Dialect(ABC):
    """One kind of database. Stateless; an engine is given where one is needed."""

    name: ClassVar[str]
    sqlglot_name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    quote_char: ClassVar[str] = '"'
    waiting_sql: ClassVar[str | None] = None
    """How many sessions of a name (a driver's parameter) wait for a lock now; None: unknown."""

    # connecting

    @abstractmethod
    def create_engine(self, url: URL, application_name: str) -> Engine:
        """An engine whose sessions are in UTC and bear the application's name."""

    def prepare_database(self, connection: Connection) -> None:
        """Called outside a transaction before the journal is made: what must hold for all of it."""

    def begin_write(self, connection: Connection) -> None:
        """Called first in each writing transaction."""

    def schema_lock(self, connection: Connection) -> AbstractContextManager[None]:
        """Held while tables are made, so that two processes do not make them at once."""
        return nullcontext()

    def immediate_constraints(self, connection: Connection) -> None:
        """Judge deferred constraints now, so that a violation belongs to its batch."""

    def end_sessions(self, connection: Connection, application_name: str) -> int:
        """End the sessions of that name; how many there were."""
        return 0

    # reading errors

    @abstractmethod
    def fault(self, error: BaseException) -> Fault:
        """What a driver's error means."""

    # writing SQL

    def quote(self, name: str) -> str:
        """An identifier, quoted."""
        mark = self.quote_char
        return mark + name.replace(mark, mark * 2) + mark

    def table_sql(self, name: str, schema: str | None) -> str:
        """A table's name, quoted, with its schema."""
        return f"{self.quote(schema)}.{self.quote(name)}" if schema else self.quote(name)

    @abstractmethod
    def field_sql(self, field: Field, *, indexed: bool = False) -> str:
        """The column type for a declared field; `indexed`: it is part of a key."""

    def bind(self, name: str, column: Column | None = None) -> str:
        """A bound parameter, typed like the column where one is given."""
        return f":{name}"

    def typed(self, placeholder: str, column: Column) -> str:
        """A value bound by the driver's placeholder, with the type the column would give it."""
        return placeholder

    def compare(self, key: Sequence[Column], operator: str, prefix: str) -> str:
        """`key <operator> (:prefix_0, :prefix_1 …)` in key order; operator is one of > >= < <=."""
        names = [self.quote(column.name) for column in key]
        binds = [self.bind(f"{prefix}_{i}", column) for i, column in enumerate(key)]
        if len(key) == 1:
            return f"{names[0]} {operator} {binds[0]}"
        if self.capabilities.row_values:
            return f"({', '.join(names)}) {operator} ({', '.join(binds)})"
        return expanded_comparison(names, operator, binds)

    def member_of_list(self, left: str, name: str, column: Column | None) -> str:
        """`left` is one of the values of the list bound to `name` as `list_value` made it."""
        raise NotImplementedError

    def list_value(self, values: Sequence[Any]) -> Any:
        """A list as one bound value."""
        return list(values)

    @abstractmethod
    def rewrite(self, tree: exp.Expression) -> exp.Expression:
        """The portable expression, changed where this database would mean something else.

        The tree is used up.

        Raises:
            DeclarationError: it cannot mean the same here.
        """

    def assigned(self, tree: exp.Expression, column: Column) -> exp.Expression:
        """A rewritten expression as the value of a column, brought to the column's type where the
        database would not do so itself.

        Raises:
            DeclarationError: it is of a type the column does not take.
        """
        return tree

    def needs_session(self, sql: str) -> bool:
        """Whether rewritten SQL is understood by connections of batch_ops alone."""
        return False

    def moment(self, value: Any) -> Any:
        """A value as this database's driver and columns take it: moments in UTC."""
        return value

    # bulk work

    @abstractmethod
    def loader(self, table: Table, layout: Layout) -> Loader:
        """The fastest way to put screened records into the table."""

    @abstractmethod
    def merger(self, work: Merging) -> Merger:
        """Puts staged rows into their table."""

    def stage_sql(self, name: str, columns: str) -> str:
        """Make a session's temporary table where there is none."""
        return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns})"

    def empty_sql(self, name: str) -> str:
        """Empty a temporary table."""
        return f"DELETE FROM {name}"

    def differs(self, column: Column, there: str) -> str:
        """Whether the row `there` has another value than the one proposed (NULLs are equal)."""
        name = self.quote(column.name)
        return f"{there}.{name} IS DISTINCT FROM EXCLUDED.{name}"

    @abstractmethod
    def boundaries(
        self, connection: Connection, query: str, parameters: dict[str, Any], every: int
    ) -> Generator[Boundary]:
        """Walk `query` (an ordered SELECT of keys) once: each `every`-th key, and the last one."""

    def seams(self, connection: Connection, table: Table, parts: int) -> Sequence[Key]:
        """Keys, in key order, that cut a large table into `parts` of about the same size; none
        where it is small, or where such keys cannot be had cheaply.
        """
        return ()

    def prepare_bulk(self, connection: Connection) -> None:
        """Session settings for a lane's connection."""


def expanded_comparison(names: Sequence[str], operator: str, binds: Sequence[str]) -> str:
    """`(a, b) > (x, y)` as `a > x OR (a = x AND b > y)`, behind `a >= x` for the index."""
    strict = operator[0]
    head, *tail = zip(names, binds, strict=True)
    if not tail:
        return f"{head[0]} {operator} {head[1]}"
    rest = expanded_comparison([n for n, _ in tail], operator, [b for _, b in tail])
    either = f"{head[0]} {strict} {head[1]} OR ({head[0]} = {head[1]} AND ({rest}))"
    return f"({head[0]} {strict}= {head[1]} AND ({either}))"
