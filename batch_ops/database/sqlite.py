"""SQLite: the embedded default. One writer, one machine."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import orjson
import tenacity
from sqlalchemy import create_engine, event, text

from batch_ops.database import sqlite_bounds, sqlite_functions, sqlite_isolate, sqlite_quoting
from batch_ops.database.bring_in import by_list
from batch_ops.database.dialect import Capabilities, Dialect
from batch_ops.database.faults import OTHER_ROW_STATE, Fault, FaultKind, first_line, original
from batch_ops.database.sqlite_functions import RAISED
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    import sqlalchemy as sa
    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine import ExceptionContext
    from sqlglot import exp

    from batch_ops.database.bounds import Bounds
    from batch_ops.database.bring_in import Rows
    from batch_ops.database.cascade_graph import Reference
    from batch_ops.database.cascade_sql import CascadeSQL
    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.looks import Looks
    from batch_ops.database.merge import Merger, Merging
    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Column, Table
    from batch_ops.database.values import Key
    from batch_ops.database.walk import Boundary
    from batch_ops.spec.model import Field

BUSY_TIMEOUT_MS = 15_000

_TYPES = {
    FieldType.UUID: "CHAR(36)",
    FieldType.STRING: "VARCHAR",
    FieldType.TEXT: "TEXT",
    FieldType.INTEGER: "INTEGER",
    FieldType.BIGINT: "BIGINT",
    FieldType.DECIMAL: "NUMERIC",
    FieldType.FLOAT: "FLOAT",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.TIME: "TIME",
    FieldType.TIMESTAMP: "DATETIME",
    FieldType.INTERVAL: "TEXT",
    FieldType.JSON: "JSON",
    FieldType.BINARY: "BLOB",
}
_TRANSIENT = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "SQLITE_INTERRUPT")
_TROUBLES = {
    "SQLITE_BUSY": "55P03",
    "SQLITE_LOCKED": "55P03",
    "SQLITE_PROTOCOL": "55P03",
    "SQLITE_INTERRUPT": "57014",
    "SQLITE_FULL": "53100",
    "SQLITE_READONLY": "25006",
    "SQLITE_PERM": "42501",
    "SQLITE_AUTH": "42501",
    "SQLITE_NOMEM": "53200",
    "SQLITE_IOERR": "58030",
    "SQLITE_CANTOPEN": "58P01",
    "SQLITE_CORRUPT": "XX001",
    "SQLITE_NOTADB": "XX001",
}
_NAMELESS = {
    "no such table": "42P01",
    "no such column": "42703",
    "has no column named": "42703",
    "no such function": "42883",
    "syntax error": "42601",
}
"""Errors that SQLite tells in words alone."""
_STATES = {
    "SQLITE_CONSTRAINT_UNIQUE": "23505",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "23505",
    "SQLITE_CONSTRAINT_ROWID": "23505",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "23503",
    "SQLITE_CONSTRAINT_NOTNULL": "23502",
    "SQLITE_CONSTRAINT_CHECK": "23514",
    "SQLITE_CONSTRAINT_TRIGGER": "P0001",
    "SQLITE_CONSTRAINT_DATATYPE": "22P02",
    "SQLITE_MISMATCH": "22P02",
    "OverflowError": "22003",
    "SQLITE_TOOBIG": "22001",
}
"""SQLite's names of errors, as the SQLSTATEs of the same errors elsewhere."""
_ROW = ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG")


_INT64 = 2**63
_AS_THEY_ARE = frozenset({int, str, bool, type(None)})
"""Types whose values are bound as they are."""


class SQLite(Dialect):
    """SQLite 3.35 or newer, through Python's own driver."""

    name = "sqlite"
    may_not_judge = True
    keeps_images = True
    snapshot_level = None
    sqlglot_name = sqlite_quoting.NAME
    quote_char = sqlite_quoting.QUOTE
    capabilities = Capabilities(
        concurrent_writers=False,
        returning=False,
        row_values=True,
        kills_sessions=False,
        typed=False,
        zones=False,
        loads_texts=False,
        exact_decimals=False,
        infinities=True,
    )

    def create_engine(self, url: URL, application_name: str) -> Engine:
        engine = create_engine(
            url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True
        )
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        event.listen(engine, "handle_error", _end_failed_commit)
        sqlite_bounds.listen(engine)
        return engine

    def prepare_database(self, connection: Connection) -> None:
        """A write-ahead log: others read while a batch is written, and commits wait for no disk."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        try:
            _patiently()(driver.execute, "PRAGMA journal_mode = WAL")
        except sqlite3.Error as error:
            raise DatabaseUnfitError(
                f"The database {connection.engine.url.render_as_string()} cannot be prepared:"
                f" {error}",
                todo="Make its file and its folder writable, and close what holds it open.",
            ) from error

    @contextmanager
    def schema_lock(self, connection: Connection) -> Iterator[None]:
        """A writing transaction is the lock."""
        yield

    def commits_itself(self, connection: Connection) -> bool:
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        return driver.isolation_level is None and not driver.in_transaction

    def join(self, connection: Connection, *, writes: bool = True) -> None:
        """Python's driver begins no transaction before a SAVEPOINT: it is begun here."""
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @contextmanager
    def enforced(self, connection: Connection) -> Iterator[None]:
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        before = driver.execute("PRAGMA foreign_keys").fetchone()[0]
        driver.execute("PRAGMA foreign_keys = ON")
        try:
            yield
        finally:
            if not before:
                driver.execute("PRAGMA foreign_keys = OFF")

    @contextmanager
    def understood(self, connection: Connection) -> Iterator[None]:
        """Functions are made known for good; LIKE minds the case for as long as this lasts."""
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        if not connection.info.get(sqlite_functions.PREFIX):
            sqlite_functions.register(driver)
            connection.info[sqlite_functions.PREFIX] = True
        ((folds,),) = driver.execute("SELECT 'a' LIKE 'A'")
        if folds:
            driver.execute("PRAGMA case_sensitive_like = ON")
        try:
            yield
        finally:
            if folds:
                driver.execute("PRAGMA case_sensitive_like = OFF")

    def judges_parents(self, connection: Connection, table: Table | None = None) -> bool:
        """Deferred foreign keys are judged when a transaction is committed: then it is too late to
        tell whose fault it is. No pragma tells which are.
        """
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        if not driver.execute("PRAGMA foreign_keys").fetchone()[0]:
            return False
        schema = self.quote((table.schema if table else None) or "main")
        mine = "name = ?" if table else "? IS NULL"
        deferred = (
            f"SELECT count(*) FROM {schema}.sqlite_master WHERE type = 'table' AND {mine}"
            " AND instr(upper(sql), 'INITIALLY DEFERRED') > 0"
        )
        return not driver.execute(deferred, (table.name if table else None,)).fetchone()[0]

    def references_to(self, connection: Connection, table: Table) -> Sequence[Reference]:
        from batch_ops.database.cascade_graph import Relation
        from batch_ops.database.cascade_sqlite import SQLiteCascade

        return SQLiteCascade(self).references_to(connection, Relation(table.schema, table.name))

    def has_triggers(self, connection: Connection, table: Table) -> bool:
        query = text(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name"
        )
        return bool(connection.execute(query, {"name": table.name}).scalar_one())

    def stays(self, column: Column, given: str, stored: str) -> str | None:
        """A column stores what is not of its type as it is."""
        return f"typeof({given}) = typeof({stored})"

    def tells_collations(self, connection: Connection, table: Table) -> bool:
        """No pragma tells the collation of a column that is in no index."""
        query = text(
            f"SELECT count(*) FROM {self.quote(table.schema or 'main')}.sqlite_master"
            " WHERE type = 'table' AND name = :name AND instr(upper(sql), 'COLLATE') > 0"
        )
        return not connection.execute(query, {"name": table.name}).scalar_one()

    def changed(self, column: Column, one: str, other: str) -> str:
        return f"({one} IS NOT {other} COLLATE BINARY)"

    def acting_references(self, connection: Connection, table: Table) -> Sequence[str]:
        schema = table.schema or "main"
        query = text(
            f"SELECT DISTINCT m.name FROM {self.quote(schema)}.sqlite_master AS m"
            " JOIN pragma_foreign_key_list(m.name, :schema) AS f"
            " WHERE m.type = 'table' AND lower(f.\"table\") = lower(:name)"
            " AND (f.on_delete NOT IN ('NO ACTION', 'RESTRICT')"
            " OR f.on_update NOT IN ('NO ACTION', 'RESTRICT')) ORDER BY 1"
        )
        found = connection.execute(query, {"schema": schema, "name": table.name})
        return [str(name) for (name,) in found]

    def explain(self, connection: Connection, sql: str, bound: Mapping[str, Any]) -> list[Any]:
        return list(connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"), dict(bound)))

    def prepare_bulk(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA cache_size = -32768")
        connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 10000")
        connection.rollback()

    def bring_in(self, connection: Connection, table: sa.Table, rows: Rows) -> None:
        by_list(connection, table, rows)

    @contextmanager
    def bounded(self, connection: Connection, bounds: Bounds) -> Iterator[None]:
        with sqlite_bounds.bounded(connection, bounds, BUSY_TIMEOUT_MS):
            yield

    def break_off(self, engine: Engine, driver: Any) -> None:
        driver.interrupt()

    def fault(self, error: BaseException) -> Fault:
        driver = original(error)
        code = getattr(driver, "sqlite_errorname", None) or type(driver).__name__
        message = first_line(error)
        if isinstance(driver, sqlite3.OperationalError) and str(driver).startswith(RAISED):
            state, told = sqlite_functions.reason()
            return Fault(FaultKind.ROW, state, told or message)
        kind = _kind(code, driver)
        state = (
            _STATES.get(code, OTHER_ROW_STATE) if kind is FaultKind.ROW else _state(code, message)
        )
        return Fault(kind, state, message, column=_column(message))

    def isolated(
        self,
        connection: Connection,
        table: Table,
        keys: Sequence[Key],
        lower: Key | None,
        statement: Callable[[Any, Any], Statement],
    ) -> tuple[int, list[tuple[int, Fault]]] | None:
        return sqlite_isolate.isolated(connection, table, keys, lower, statement, self.fault)

    def field_sql(self, field: Field, *, indexed: bool = False) -> str:
        if field.type is FieldType.STRING and field.length:
            return f"VARCHAR({field.length})"
        if field.type is FieldType.DECIMAL and field.precision:
            return "NUMERIC({}, {})".format(*field.precision)
        return _TYPES[field.type]

    def member_of_list(self, left: str, name: str, column: Column | None) -> str:
        return f"{left} IN (SELECT value FROM json_each(:{name}))"

    def list_value(self, values: Sequence[Any]) -> Any:
        if not set(map(type, values)) <= _AS_THEY_ARE:
            values = [self.moment(value) for value in values]
        return orjson.dumps(values if isinstance(values, list) else list(values)).decode()

    def member_of_rows(self, left: Sequence[str], name: str, columns: Sequence[Column]) -> str:
        values = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(columns)))
        return f"({', '.join(left)}) IN (SELECT {values} FROM json_each(:{name}))"

    def rows_value(self, name: str, rows: Sequence[Sequence[Any]], width: int) -> dict[str, Any]:
        return {name: orjson.dumps([[self.moment(v) for v in row] for row in rows]).decode()}

    def typed(self, placeholder: str, column: Column) -> str:
        """A column would make a number of a decimal's text; a bound value has no such affinity."""
        numeric = column.type in (FieldType.DECIMAL, FieldType.FLOAT)
        return f"CAST({placeholder} AS NUMERIC)" if numeric else placeholder

    def moment(self, value: Any) -> Any:
        """A moment as SQLAlchemy writes it (UTC, six digits of fraction); a decimal as the number a
        numeric column would hold; dates, times and UUIDs as text.
        """
        if isinstance(value, datetime):
            moment = value.astimezone(UTC) if value.tzinfo else value
            return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        if isinstance(value, Decimal):
            whole = -_INT64 <= value < _INT64 and value == value.to_integral_value()
            return int(value) if whole else float(value)
        return str(value) if isinstance(value, date | time | UUID) else value

    def rewrite(self, tree: exp.Expression) -> exp.Expression:
        from batch_ops.database.sqlite_expressions import rewrite

        return rewrite(tree)

    def assigned(self, tree: exp.Expression, column: Column) -> exp.Expression:
        from batch_ops.database.sqlite_assigned import assigned

        return assigned(tree, column)

    def needs_session(self, sql: str) -> bool:
        return sqlite_functions.PREFIX.upper() in sql.upper()

    def loader(self, table: Table, layout: Layout) -> Loader:
        from batch_ops.database.sqlite_load import SQLiteLoader

        return SQLiteLoader(self, table, layout)

    def looks(self) -> Looks:
        from batch_ops.database.looks_sqlite import SQLiteLooks

        return SQLiteLooks(self)

    def cascade_sql(self) -> CascadeSQL:
        from batch_ops.database.cascade_sqlite import SQLiteCascade

        return SQLiteCascade(self)

    def merger(self, work: Merging) -> Merger:
        from batch_ops.database.staged_merge import StagedMerger

        return StagedMerger(self, work)

    def collations(
        self, connection: Connection, name: str, schema: str | None
    ) -> Mapping[str, str]:
        """Of columns that are in an index; no other is compared by a constraint."""
        query = text(
            "SELECT DISTINCT c.name, c.coll FROM pragma_index_list(:name, :schema) AS i"
            " JOIN pragma_index_xinfo(i.name, :schema) AS c"
            ' WHERE c.key AND c.name IS NOT NULL AND i."unique"'
        )
        found = connection.execute(query, {"name": name, "schema": schema or "main"})
        return {str(column): str(own) for column, own in found if own != "BINARY"}

    def differs(self, column: Column, there: str) -> str:
        """JSON is the same however it is spaced."""
        name = self.quote(column.name)
        pair = [f"{there}.{name}", f"EXCLUDED.{name}"]
        if column.type is FieldType.JSON:
            pair = [f"CASE WHEN json_valid({one}) THEN json({one}) ELSE {one} END" for one in pair]
        return " IS NOT ".join(pair)

    def boundaries(
        self, connection: Connection, query: str, parameters: dict[str, Any], every: int
    ) -> Generator[Boundary]:
        from batch_ops.database.walk import walk_numbered

        return walk_numbered(connection, query, parameters, every)


def _patiently() -> tenacity.Retrying:
    """Who changes the journal mode is not made to wait for others by SQLite itself."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: "locked" in str(error)),
        stop=tenacity.stop_after_delay(BUSY_TIMEOUT_MS / 1000),
        wait=tenacity.wait_fixed(0.02),
        reraise=True,
    )


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says so: see _begin
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA case_sensitive_like = ON")
    sqlite_functions.register(connection)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("batch_ops_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _end_failed_commit(context: ExceptionContext) -> None:
    """A COMMIT that is refused leaves its transaction open, for who wants to mend it."""
    if context.statement is None and context.connection is not None:
        driver = context.connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection) and driver.in_transaction:
            driver.rollback()


def _kind(code: str, driver: BaseException) -> FaultKind:
    if code.startswith(_ROW) or isinstance(driver, sqlite3.IntegrityError | OverflowError):
        return FaultKind.ROW
    return FaultKind.TRANSIENT if code.startswith(_TRANSIENT) else FaultKind.SYSTEMIC


def _state(code: str, message: str) -> str:
    """The SQLSTATE of a trouble that is no row's fault; SQLite's own name where there is none."""
    if code == "SQLITE_ERROR":
        return next((state for words, state in _NAMELESS.items() if words in message), code)
    return next((state for name, state in _TROUBLES.items() if code.startswith(name)), code)


def _column(message: str) -> str | None:
    """`NOT NULL constraint failed: t.a` and `UNIQUE constraint failed: t.a, t.b` name columns."""
    head, _, names = message.partition(" constraint failed: ")
    if head not in ("NOT NULL", "UNIQUE") or not names:
        return None
    return names.split(",")[0].rpartition(".")[2].strip() or None
