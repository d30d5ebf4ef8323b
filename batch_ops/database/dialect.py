"""What a database must be able to tell and do; one subclass per dialect, chosen by the URL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import text

from batch_ops.database.json_text import json_value
from batch_ops.database.merge import ROW
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    import sqlalchemy as sa
    from sqlalchemy import URL, Connection, Engine
    from sqlglot import exp

    from batch_ops.database.bounds import Bounds
    from batch_ops.database.bring_in import Rows
    from batch_ops.database.cascade_graph import Reference
    from batch_ops.database.cascade_sql import CascadeSQL
    from batch_ops.database.faults import Fault
    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.looks import Looks
    from batch_ops.database.merge import Merger, Merging
    from batch_ops.database.statements import Statement
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
        loads_texts: a bulk load hands values over as text; else as the driver takes them.
        exact_decimals: a decimal keeps all its digits; else it is a float.
        infinities: a float may be infinite.
    """

    concurrent_writers: bool
    returning: bool
    row_values: bool
    kills_sessions: bool
    typed: bool
    zones: bool
    loads_texts: bool
    exact_decimals: bool
    infinities: bool


class Dialect(ABC):
    """One kind of database. Stateless; an engine is given where one is needed."""

    name: ClassVar[str]
    sqlglot_name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    quote_char: ClassVar[str] = '"'
    may_not_judge: ClassVar[bool] = False
    """Whether there are connections on which nobody judges foreign keys, or not at once."""
    waiting_sql: ClassVar[str | None] = None
    """How many sessions of a name (a driver's parameter) wait for a lock now; None: unknown."""

    keeps_images: ClassVar[bool] = False
    """Whether images of changed rows can be kept here, and rows be put back from them."""
    with_own_numbers: ClassVar[str] = ""
    """Stands in an INSERT that gives numbers to columns the database counts up itself, always."""
    snapshot_level: ClassVar[str | None] = "REPEATABLE READ"
    """The isolation in which a transaction reads as of one moment; None: it always does."""

    # connecting

    @abstractmethod
    def create_engine(self, url: URL, application_name: str) -> Engine:
        """An engine whose sessions are in UTC and bear the application's name."""

    def prepare_database(self, connection: Connection) -> None:
        """Called outside a transaction before the journal is made: what must hold for all of it."""

    def begin_write(self, connection: Connection) -> None:
        """Called first in each writing transaction."""

    def commits_itself(self, connection: Connection) -> bool:
        """Whether no transaction is open for the driver, and none will be by itself."""
        return False

    def join(self, connection: Connection, *, writes: bool = True) -> None:
        """Called first on a connection somebody else has made: see to it that it is one this can
        work with, and that a transaction is open, which may write.

        Raises:
            DatabaseUnfitError: its driver is another one.
        """
        if self.commits_itself(connection):
            connection.exec_driver_sql("BEGIN")

    @contextmanager
    def enforced(self, connection: Connection) -> Iterator[None]:
        """Within it, outside of a transaction of such a connection, foreign keys are judged."""
        yield

    @contextmanager
    def understood(self, connection: Connection) -> Iterator[None]:
        """Within it expressions mean on a connection of the caller's what they do on our own."""
        yield

    def judges_parents(self, connection: Connection, table: Table | None = None) -> bool:
        """Whether the database judges the foreign keys of a table, or of all, on this connection,
        and by the end of the statement that breaks them.
        """
        return True

    def references_to(self, connection: Connection, table: Table) -> Sequence[Reference]:
        """The foreign keys that lead to a table, where the database may not judge them."""
        return ()

    def schema_lock(self, connection: Connection) -> AbstractContextManager[None]:
        """Held while tables are made, so that two processes do not make them at once."""
        return nullcontext()

    can_defer: ClassVar[bool] = False
    """Whether constraints that say so can be judged later, for a while."""

    def defer_constraints(self, connection: Connection) -> None:
        """Judge constraints that can wait when `immediate_constraints` says so."""

    def immediate_constraints(self, connection: Connection) -> None:
        """Judge deferred constraints now, so that a violation belongs to its batch."""

    def at_work(self, connection: Connection) -> int:
        """How many other sessions are at work now, whoever they belong to.

        Raises:
            DatabaseUnfitError: there are none to count, or the role may not see them.
        """
        raise DatabaseUnfitError(
            f"Nobody can tell how busy a database of the kind {self.name!r} is.",
            todo="Take `max_active` out of the throttle, and give a pause or rows_per_second.",
        )

    def end_sessions(self, connection: Connection, application_name: str) -> int:
        """End the sessions of that name; how many there were."""
        return 0

    @contextmanager
    def bounded(self, connection: Connection, bounds: Bounds) -> Iterator[None]:
        """Within it no statement of the connection's writing transactions takes longer, or waits
        longer for a lock. Left without a transaction.

        Raises:
            DatabaseUnfitError: the database cannot bound that.
        """
        yield

    def session_of(self, connection: Connection) -> int | None:
        """How the server calls a connection's session; None: nobody can end it from another one."""
        return None

    def end_session(self, connection: Connection, session: int, application_name: str) -> None:
        """End a session of ours that we have lost, so that nothing it was asked is done later."""

    @abstractmethod
    def break_off(self, engine: Engine, driver: Any) -> None:
        """Break off the statement under way on a driver's connection, if there is one; called from
        another thread than the one that waits for it.
        """

    # looking

    @abstractmethod
    def looks(self) -> Looks:
        """What is asked of it to tell whether it is well."""

    def be_brief(self, connection: Connection) -> None:
        """Within this transaction, give up rather than wait long, for a lock or an answer."""

    def explain(self, connection: Connection, sql: str, bound: Mapping[str, Any]) -> list[Any]:
        """How the database would do a statement, in rows of its own form; nothing is done.

        Raises:
            DBAPIError: it does not understand it, or the role may not.
        """
        return list(connection.execute(text(f"EXPLAIN {sql}"), dict(bound)))

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

    def member_of_rows(self, left: Sequence[str], name: str, columns: Sequence[Column]) -> str:
        """The values `left` are those of one of the rows bound to `name` as `rows_value` made it;
        `columns` have their types.
        """
        raise NotImplementedError

    def rows_value(self, name: str, rows: Sequence[Sequence[Any]], width: int) -> dict[str, Any]:
        """Rows of so many values as bound values."""
        return {name: self.list_value(rows)}

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

    def other_value(self, value: Any) -> Any:
        """A value of a column whose type has no word here, as a bulk load takes it.

        Raises:
            TypeError: there is none for it.
        """
        known = bytes(value) if isinstance(value, bytearray | memoryview) else self.moment(value)
        if not isinstance(known, str | int | float | Decimal | bytes | date | time | timedelta):
            raise TypeError(f"a value of type {type(value).__name__} is not known")
        return known

    def collations(
        self, connection: Connection, name: str, schema: str | None
    ) -> Mapping[str, str]:
        """By column of a table its collation, where its type does not tell one it has."""
        return {}

    def type_names(
        self, connection: Connection, name: str, schema: str | None
    ) -> Mapping[str, str]:
        """By column of a table its type, where SQLAlchemy has no word for it."""
        return {}

    def json_columns(self, connection: Connection, name: str, schema: str | None) -> frozenset[str]:
        """The columns of a table that are JSON though their type does not say so."""
        return frozenset()

    def json_value(self, value: Any) -> Any:
        """What a JSON column holds, of what the driver gives."""
        return json_value(value) if isinstance(value, str | bytes) else value

    # bulk work

    @abstractmethod
    def loader(self, table: Table, layout: Layout) -> Loader:
        """The fastest way to put screened records into the table."""

    @abstractmethod
    def merger(self, work: Merging) -> Merger:
        """Puts staged rows into their table."""

    @abstractmethod
    def cascade_sql(self) -> CascadeSQL:
        """The SQL by which rows go with all that refer to them."""

    def stage_sql(self, name: str, columns: str) -> str:
        """Make a session's temporary table where there is none."""
        return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns})"

    def index_stage_sql(self, name: str, plain: str) -> str | None:
        """Make a temporary table's index on its rows' numbers, once; None: it cannot be had within
        a transaction. plain: the table's name, not quoted.
        """
        index = self.quote(f"{plain}_row")
        return f"CREATE INDEX IF NOT EXISTS {index} ON {name} ({self.quote(ROW)})"

    def has_triggers(self, connection: Connection, table: Table) -> bool:
        """Whether triggers or rules have a word when rows of a table are written."""
        return True

    def tells_collations(self, connection: Connection, table: Table) -> bool:
        """Whether each text column of a table is compared as its type says: then a value of that
        type is compared like it. False: nobody knows.
        """
        return False

    def stays(self, column: Column, given: str, stored: str) -> str | None:
        """Whether a value that is given to a column is the same as what a CAST to its type makes of
        it, and is compared alike; empty: always. None: nobody knows.
        """
        return None

    def drop_stage_sql(self, name: str) -> str:
        """Remove a temporary table."""
        return f"DROP TABLE IF EXISTS {name}"

    def empty_sql(self, name: str) -> str:
        """Empty a temporary table."""
        return f"DELETE FROM {name}"

    def differs(self, column: Column, there: str) -> str:
        """Whether the row `there` has another value than the one proposed (NULLs are equal)."""
        name = self.quote(column.name)
        return f"{there}.{name} IS DISTINCT FROM EXCLUDED.{name}"

    def changed(self, column: Column, one: str, other: str) -> str:
        """Whether two values of a column are not exactly the same (NULLs are)."""
        raise NotImplementedError

    def analyze(self, connection: Connection, name: str) -> None:
        """Find out how many rows a table has, where plans go by that."""

    def acting_references(self, connection: Connection, table: Table) -> Sequence[str]:
        """The tables whose foreign keys to a table change rows when one of it goes or changes."""
        raise NotImplementedError

    def update_joined(
        self, target: str, stage: str, settings: Mapping[str, str], where: str
    ) -> str:
        """Update the rows `t` of a table that meet rows `s` of a stage; column → expression."""
        sets = ", ".join(f"{self.quote(name)} = {value}" for name, value in settings.items())
        return f"UPDATE {target} AS t SET {sets} FROM {stage} AS s WHERE {where}"

    def delete_staged(self, target: str, stage: str, key: Sequence[str], where: str) -> str:
        """Delete the rows of a table whose key is one of those rows `s` of a stage have."""
        names = ", ".join(self.quote(name) for name in key)
        staged = ", ".join(f"s.{self.quote(name)}" for name in key)
        left = f"({names})" if len(key) > 1 else names
        return (
            f"DELETE FROM {target} WHERE {left} IN (SELECT {staged} FROM {stage} AS s"
            f" WHERE {where})"
        )

    def compares_exactly(self, column: Column) -> bool:
        """Whether two values of a column are equal just where they are for Python."""
        return column.type in _EXACT

    @property
    def lock_rows(self) -> str:
        """Ends a SELECT that locks the rows of `t`; empty where writing transactions exclude each
        other anyway.
        """
        return ""

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

    def isolated(
        self,
        connection: Connection,
        table: Table,
        keys: Sequence[Key],
        lower: Key | None,
        statement: Callable[[Any, Any], Statement],
    ) -> tuple[int, list[tuple[int, Fault]]] | None:
        """Do a statement over the rows of these sorted keys, the first of which come after `lower`,
        on the server itself, except those that are refused.

        Returns:
            How many rows it met, and the places of the refused ones; None: nothing was done, each
            part is to be tried from here.
        """
        return None

    def prepare_bulk(self, connection: Connection) -> None:
        """Session settings for a lane's connection."""

    def bring_in(self, connection: Connection, table: sa.Table, rows: Rows) -> None:
        """Insert rows into a table of batch_ops' own."""
        connection.execute(table.insert(), rows.dicts())


_EXACT = frozenset(
    {FieldType.INTEGER, FieldType.BIGINT, FieldType.UUID, FieldType.DATE, FieldType.BOOLEAN}
)
"""Types without collations, scales or zones."""


def expanded_comparison(names: Sequence[str], operator: str, binds: Sequence[str]) -> str:
    """`(a, b) > (x, y)` as `a > x OR (a = x AND b > y)`, behind `a >= x` for the index."""
    strict = operator[0]
    head, *tail = zip(names, binds, strict=True)
    if not tail:
        return f"{head[0]} {operator} {head[1]}"
    rest = expanded_comparison([n for n, _ in tail], operator, [b for _, b in tail])
    either = f"{head[0]} {strict} {head[1]} OR ({head[0]} = {head[1]} AND ({rest}))"
    return f"({head[0]} {strict}= {head[1]} AND ({either}))"
