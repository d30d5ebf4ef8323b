"""MySQL and MariaDB, through PyMySQL: the portable path."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import create_engine, text

from batch_ops.database.dialect import Capabilities, Dialect
from batch_ops.database.faults import Fault, FaultKind, first_line, original
from batch_ops.spec.model import FieldType, OnConflict

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from sqlalchemy import URL, Connection, Engine
    from sqlglot import exp

    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.merge import Merger, Merging
    from batch_ops.database.tables import Column, Table
    from batch_ops.database.walk import Boundary
    from batch_ops.spec.model import Field

SCHEMA_LOCK = "batch_ops.schema"
INDEXED_TEXT = 191  # utf8mb4 characters that fit an index key on every supported version

_TYPES = {
    FieldType.UUID: "CHAR(36)",
    FieldType.STRING: "VARCHAR(255)",
    FieldType.TEXT: "LONGTEXT",
    FieldType.INTEGER: "INTEGER",
    FieldType.BIGINT: "BIGINT",
    FieldType.DECIMAL: "DECIMAL(38, 10)",
    FieldType.FLOAT: "DOUBLE",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.TIME: "TIME(6)",
    FieldType.TIMESTAMP: "DATETIME(6)",
    FieldType.INTERVAL: "VARCHAR(64)",
    FieldType.JSON: "JSON",
    FieldType.BINARY: "LONGBLOB",
}
_TRANSIENT = frozenset({1040, 1205, 1213, 2002, 2003, 2006, 2013, 1053})
_ROW = frozenset(
    {1048, 1062, 1264, 1265, 1292, 1364, 1366, 1406, 1451, 1452, 1216, 1217, 1644, 3819, 4025}
)
_LOST = frozenset({2002, 2003, 2006, 2013, 1053})


class MySQL(Dialect):
    """MySQL 8.0.16 / MariaDB 10.6 or newer, in strict mode."""

    name = "mysql"
    sqlglot_name = "mysql"
    quote_char = "`"
    capabilities = Capabilities(
        concurrent_writers=True,
        returning=False,
        row_values=False,
        kills_sessions=False,
        typed=True,
        zones=False,
    )

    def create_engine(self, url: URL, application_name: str) -> Engine:
        init = "SET time_zone = '+00:00', sql_mode = 'TRADITIONAL,ANSI_QUOTES,PIPES_AS_CONCAT'"
        return create_engine(
            url.set(drivername="mysql+pymysql"),
            connect_args={
                "init_command": init,
                "charset": "utf8mb4",
                "program_name": application_name,
            },
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
        )

    @contextmanager
    def schema_lock(self, connection: Connection) -> Iterator[None]:
        connection.execute(text("SELECT GET_LOCK(:name, 60)"), {"name": SCHEMA_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": SCHEMA_LOCK})

    def fault(self, error: BaseException) -> Fault:
        driver = original(error)
        number = driver.args[0] if driver.args and isinstance(driver.args[0], int) else 0
        kind = FaultKind.TRANSIENT if number in _TRANSIENT else FaultKind.SYSTEMIC
        if number in _ROW:
            kind = FaultKind.ROW
        message = str(driver.args[1]) if len(driver.args) > 1 else first_line(error)
        return Fault(kind, str(number), message, connection_lost=number in _LOST)

    def field_sql(self, field: Field, *, indexed: bool = False) -> str:
        if field.type is FieldType.STRING and field.length:
            return f"VARCHAR({field.length})"
        if field.type is FieldType.DECIMAL and field.precision:
            return "DECIMAL({}, {})".format(*field.precision)
        if indexed and field.type in (FieldType.STRING, FieldType.TEXT):
            return f"VARCHAR({INDEXED_TEXT})"
        return _TYPES[field.type]

    def member_of_list(self, left: str, name: str, column: Column | None) -> str:
        kind = column.sql_type if column else "VARCHAR(255)"
        values = f"JSON_TABLE(:{name}, '$[*]' COLUMNS (v {kind} PATH '$')) AS listed"
        return f"{left} IN (SELECT v FROM {values})"

    def list_value(self, values: Sequence[Any]) -> Any:
        return orjson.dumps(list(values), default=str).decode()

    def moment(self, value: Any) -> Any:
        if isinstance(value, datetime) and value.tzinfo:
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def rewrite(self, tree: exp.Expression) -> exp.Expression:
        from batch_ops.database.mysql_expressions import rewrite

        return rewrite(tree)

    def loader(self, table: Table, layout: Layout) -> Loader:
        from batch_ops.database.mysql_load import MySQLLoader

        return MySQLLoader(self, table, layout)

    def merger(self, work: Merging) -> Merger:
        from batch_ops.database.mysql_upsert import MySQLMerger

        if not work.conflict and work.mode is not OnConflict.ERROR:
            work = replace(work, conflict=work.target.key)
        return MySQLMerger(self, work)

    def boundaries(
        self, connection: Connection, query: str, parameters: dict[str, Any], every: int
    ) -> Generator[Boundary]:
        from batch_ops.database.walk import walk_numbered

        return walk_numbered(connection, query, parameters, every)
