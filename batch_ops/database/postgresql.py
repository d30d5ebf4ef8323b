"""PostgreSQL 13 or newer, through psycopg 3."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

from batch_ops.database.dialect import Capabilities, Dialect
from batch_ops.database.faults import Fault, FaultKind, first_line, kind_of_sqlstate, original
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from sqlalchemy import URL, Connection, Engine
    from sqlglot import exp

    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.merge import Merger, Merging
    from batch_ops.database.tables import Column, Table
    from batch_ops.database.values import Key
    from batch_ops.database.walk import Boundary
    from batch_ops.spec.model import Field

SCHEMA_LOCK = 0x62617463685F6F70  # "batch_op": the advisory lock under which tables are made

LARGE_PAGES = 8_192
"""Tables of so many pages (64 MB) are cut into parts that are walked at once."""
SAMPLED_PAGES = 256

_TYPES = {
    FieldType.UUID: "UUID",
    FieldType.STRING: "VARCHAR",
    FieldType.TEXT: "TEXT",
    FieldType.INTEGER: "INTEGER",
    FieldType.BIGINT: "BIGINT",
    FieldType.DECIMAL: "NUMERIC",
    FieldType.FLOAT: "DOUBLE PRECISION",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.TIME: "TIME",
    FieldType.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    FieldType.INTERVAL: "INTERVAL",
    FieldType.JSON: "JSONB",
    FieldType.BINARY: "BYTEA",
}


class PostgreSQL(Dialect):
    """First class: COPY, arrays, advisory locks, sessions that can be ended."""

    name = "postgresql"
    sqlglot_name = "postgres"
    capabilities = Capabilities(
        concurrent_writers=True,
        returning=True,
        row_values=True,
        kills_sessions=True,
        typed=True,
        zones=True,
    )

    waiting_sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
        " AND datname = current_database() AND wait_event_type = 'Lock'"
    )

    def create_engine(self, url: URL, application_name: str) -> Engine:
        options = "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres"
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={"application_name": application_name, "options": options},
            pool_pre_ping=True,
        )

    def begin_write(self, connection: Connection) -> None:
        """The commit of a batch is not waited for: data and journal row are lost together or not at
        all, and the execution's own end is a commit that is waited for, with all before it.
        """
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    @contextmanager
    def schema_lock(self, connection: Connection) -> Iterator[None]:
        """A transaction's advisory lock: it ends with the transaction, also when that dies."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
        yield

    def immediate_constraints(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")

    def end_sessions(self, connection: Connection, application_name: str) -> int:
        statement = text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = :name AND datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        return int(connection.execute(statement, {"name": application_name}).scalar_one())

    def fault(self, error: BaseException) -> Fault:
        driver = original(error)
        state = getattr(driver, "sqlstate", None)
        diag = getattr(driver, "diag", None)
        lost = bool(getattr(error, "connection_invalidated", False)) or state is None
        kind = kind_of_sqlstate(state) if state else _unnamed(driver)
        return Fault(
            kind,
            state or type(driver).__name__,
            first_line(error),
            column=getattr(diag, "column_name", None),
            constraint=getattr(diag, "constraint_name", None),
            connection_lost=lost and kind is FaultKind.TRANSIENT,
        )

    def field_sql(self, field: Field, *, indexed: bool = False) -> str:
        if field.type is FieldType.STRING and field.length:
            return f"VARCHAR({field.length})"
        if field.type is FieldType.DECIMAL and field.precision:
            return "NUMERIC({}, {})".format(*field.precision)
        return _TYPES[field.type]

    def bind(self, name: str, column: Column | None = None) -> str:
        return f"CAST(:{name} AS {column.sql_type})" if column else f":{name}"

    def member_of_list(self, left: str, name: str, column: Column | None) -> str:
        array = f"CAST(:{name} AS {column.sql_type}[])" if column else f":{name}"
        return f"{left} = ANY({array})"

    def rewrite(self, tree: exp.Expression) -> exp.Expression:
        return tree

    def loader(self, table: Table, layout: Layout) -> Loader:
        from batch_ops.database.postgresql_load import CopyLoader

        return CopyLoader(self, table, layout)

    def merger(self, work: Merging) -> Merger:
        from batch_ops.database.postgresql_upsert import PostgreSQLMerger

        return PostgreSQLMerger(self, work)

    def stage_sql(self, name: str, columns: str) -> str:
        """Emptied by each commit: rows that are only deleted would stay in its file."""
        return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT DELETE ROWS"

    def empty_sql(self, name: str) -> str:
        return f"TRUNCATE {name}"

    def differs(self, column: Column, there: str) -> str:
        """JSON, other than JSONB, cannot be compared: its text is."""
        name = self.quote(column.name)
        kind = "::text" if column.sql_type.upper() == "JSON" else ""
        return f"{there}.{name}{kind} IS DISTINCT FROM EXCLUDED.{name}{kind}"

    def boundaries(
        self, connection: Connection, query: str, parameters: dict[str, Any], every: int
    ) -> Generator[Boundary]:
        from batch_ops.database.walk import walk_cursor

        return walk_cursor(connection, query, parameters, every)

    def seams(self, connection: Connection, table: Table, parts: int) -> Sequence[Key]:
        """From a sample of whole pages, in the order of the key's own collation."""
        name = self.table_sql(table.name, table.schema)
        size = text("SELECT pg_relation_size(to_regclass(:name)) / 8192")
        pages = connection.execute(size, {"name": name}).scalar() or 0
        if pages < LARGE_PAGES:
            return ()
        columns = [self.quote(column) for column in table.key]
        key, falling = ", ".join(columns), ", ".join(f"{column} DESC" for column in columns)
        sampled = text(
            f"SELECT {key} FROM (SELECT DISTINCT ON (bo_part) bo_part, {key} FROM"
            f" (SELECT {key}, ntile(:parts) OVER (ORDER BY {key}) AS bo_part FROM {name}"
            " TABLESAMPLE SYSTEM (:share)) AS sample"
            f" WHERE bo_part < :parts ORDER BY bo_part, {falling}) AS seams ORDER BY bo_part"
        )
        bound = {"parts": parts, "share": min(100, 100 * SAMPLED_PAGES / pages)}
        keys = [tuple(row) for row in connection.execute(sampled, bound)]
        return [key for key in keys if None not in key]


def _unnamed(driver: BaseException) -> FaultKind:
    """Errors without SQLSTATE come from the client: a connection that is gone, or a usage error."""
    import psycopg

    if isinstance(driver, psycopg.OperationalError | psycopg.InterfaceError):
        return FaultKind.TRANSIENT
    if isinstance(driver, psycopg.DataError):
        return FaultKind.ROW
    return FaultKind.SYSTEMIC
