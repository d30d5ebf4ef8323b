"""SQLite: the embedded default. One writer, one machine."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
import tenacity
from sqlalchemy import create_engine, event

from batch_ops.database import sqlite_functions
from batch_ops.database.dialect import Capabilities, Dialect
from batch_ops.database.faults import Fault, FaultKind, first_line, original
from batch_ops.database.sqlite_functions import RAISED
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from sqlalchemy import URL, Connection, Engine
    from sqlglot import exp

    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.merge import Merger, Merging
    from batch_ops.database.tables import Column, Table
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
_TRANSIENT = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"})
_ROW = ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG")


class SQLite(Dialect):
    """SQLite 3.35 or newer, through Python's own driver."""

    name = "sqlite"
    sqlglot_name = "sqlite"
    capabilities = Capabilities(
        concurrent_writers=False,
        returning=False,
        row_values=True,
        kills_sessions=False,
        typed=False,
        zones=False,
    )

    def create_engine(self, url: URL, application_name: str) -> Engine:
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
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

    def prepare_bulk(self, connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA cache_size = -32768")
        connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 10000")
        connection.rollback()

    def fault(self, error: BaseException) -> Fault:
        driver = original(error)
        code = getattr(driver, "sqlite_errorname", None) or type(driver).__name__
        message = first_line(error)
        if isinstance(driver, sqlite3.OperationalError) and str(driver).startswith(RAISED):
            return Fault(FaultKind.ROW, code, sqlite_functions.reason() or message)
        return Fault(_kind(code, driver), code, message, column=_column(message))

    def field_sql(self, field: Field, *, indexed: bool = False) -> str:
        if field.type is FieldType.STRING and field.length:
            return f"VARCHAR({field.length})"
        if field.type is FieldType.DECIMAL and field.precision:
            return "NUMERIC({}, {})".format(*field.precision)
        return _TYPES[field.type]

    def member_of_list(self, left: str, name: str, column: Column | None) -> str:
        return f"{left} IN (SELECT value FROM json_each(:{name}))"

    def list_value(self, values: Sequence[Any]) -> Any:
        return orjson.dumps([self.moment(value) for value in values]).decode()

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
            return int(value) if value == value.to_integral_value() else float(value)
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

    def merger(self, work: Merging) -> Merger:
        from batch_ops.database.staged_merge import StagedMerger

        return StagedMerger(self, work)

    def differs(self, column: Column, there: str) -> str:
        name = self.quote(column.name)
        return f"{there}.{name} IS NOT EXCLUDED.{name}"

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


def _kind(code: str, driver: BaseException) -> FaultKind:
    if code.startswith(_ROW) or isinstance(driver, sqlite3.IntegrityError | OverflowError):
        return FaultKind.ROW
    return FaultKind.TRANSIENT if code.startswith(tuple(_TRANSIENT)) else FaultKind.SYSTEMIC


def _column(message: str) -> str | None:
    """`NOT NULL constraint failed: t.a` and `UNIQUE constraint failed: t.a, t.b` name columns."""
    head, _, names = message.partition(" constraint failed: ")
    if head not in ("NOT NULL", "UNIQUE") or not names:
        return None
    return names.split(",")[0].rpartition(".")[2].strip() or None
