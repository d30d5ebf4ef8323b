"""MySQL and MariaDB, through PyMySQL: the portable path."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from batch_ops.database.dialect import Capabilities, Dialect
from batch_ops.database.faults import (
    ENDED_STATES,
    Fault,
    FaultKind,
    first_line,
    kind_of_sqlstate,
    original,
)
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType, OnConflict

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from sqlalchemy import URL, Connection, Engine
    from sqlglot import exp

    from batch_ops.database.bounds import Bounds
    from batch_ops.database.cascade_sql import CascadeSQL
    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.looks import Looks
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
_JSON_COLUMN = re.compile(r"CHECK \(json_valid\([`\"](.+?)[`\"]\)\)")
_CHECK = re.compile(r"CONSTRAINT `(.+)` failed for `.+`\.`(.+)`")
_KEY = re.compile(r"Duplicate entry .* for key '(?:.+\.)?(.+?)'$", re.DOTALL)
_COLUMN = re.compile(r"(?:[Cc]olumn|Field) (?:'([^']+)'|(?:`[^`]+`\.)*`([^`]+)`)")
_IN_TRANSACTION = 1  # a bit of the status the server sends with each answer
_UNKNOWN = 1305
"""Of a savepoint: a deadlock has ended its transaction, and was not told for the way back to it."""
_STATES = {
    1062: "23505",
    1048: "23502",
    1364: "23502",
    1451: "23503",
    1452: "23503",
    1216: "23503",
    1217: "23503",
    3819: "23514",
    4025: "23514",
    1264: "22003",
    1406: "22001",
    1265: "22P02",
    1366: "22P02",
    1292: "22007",
    1644: "P0001",
    1690: "22003",
    1365: "22012",
    1411: "22007",
    1300: "22021",
    3140: "22P02",
    1242: "21000",
    1586: "23505",
}
"""MySQL's numbers of errors, as the SQLSTATEs of the same errors elsewhere."""
_TROUBLES = {
    1205: "55P03",
    3572: "55P03",
    1213: "40P01",
    1020: "40001",
    1317: "57014",
    1969: "57014",
    3024: "57014",
    1040: "53300",
    1203: "53300",
    1206: "53200",
    1021: "53100",
    1114: "53100",
    1053: "57P01",
    1927: "57P01",
    2002: "08001",
    2003: "08001",
    2006: "08006",
    2013: "08006",
    2055: "08006",
    1290: "25006",
    1792: "25006",
    1836: "25006",
    1044: "42501",
    1142: "42501",
    1143: "42501",
    1227: "42501",
    1370: "42501",
    1054: "42703",
    1064: "42601",
    1146: "42P01",
}
"""The same for what is no row's fault."""
_DEADLOCK = "40P01"


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
        loads_texts=False,
        exact_decimals=True,
        infinities=False,
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
            hide_parameters=True,
            max_overflow=-1,  # how many lanes there are is said elsewhere
        )

    def at_work(self, connection: Connection) -> int:
        row = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Threads_running'").one()
        return max(int(row[1]) - 1, 0)

    @contextmanager
    def bounded(self, connection: Connection, bounds: Bounds) -> Iterator[None]:
        """Locks are waited for in whole seconds."""
        own: dict[str, float] = {}
        if bounds.lock_timeout is not None:
            own["innodb_lock_wait_timeout"] = max(1, round(bounds.lock_timeout.total_seconds()))
        if bounds.statement_timeout is not None:
            _refuse_elsewhere(connection)
            own["max_statement_time"] = bounds.statement_timeout.total_seconds()
        self._set(connection, own)
        try:
            yield
        finally:
            if not connection.invalidated:
                self._set(connection, dict.fromkeys(own, "DEFAULT"))

    def _set(self, connection: Connection, settings: Mapping[str, Any]) -> None:
        if settings:
            told = ", ".join(f"SESSION {name} = {value}" for name, value in settings.items())
            connection.exec_driver_sql(f"SET {told}")
            connection.rollback()

    def session_of(self, connection: Connection) -> int:
        driver: Any = connection.connection.driver_connection
        return int(driver.thread_id())

    def end_session(self, connection: Connection, session: int, application_name: str) -> None:
        with suppress(DBAPIError):  # it is gone already, or may not be ended
            connection.exec_driver_sql(f"KILL CONNECTION {session}")
        connection.rollback()

    def break_off(self, engine: Engine, driver: Any) -> None:
        with engine.connect() as other:
            other.exec_driver_sql(f"KILL QUERY {driver.thread_id()}")

    def commits_itself(self, connection: Connection) -> bool:
        driver: Any = connection.connection.driver_connection
        return bool(driver.get_autocommit()) and not driver.server_status & _IN_TRANSACTION

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
        message = str(driver.args[1]) if len(driver.args) > 1 else first_line(error)
        code = _STATES.get(number) or _TROUBLES.get(number) or str(number)
        if number == _UNKNOWN and message.startswith("SAVEPOINT"):
            code = _DEADLOCK
        kind = kind_of_sqlstate(code) if code != str(number) else FaultKind.SYSTEMIC
        column, constraint = _blamed(message)
        ended = code.startswith(ENDED_STATES)
        return Fault(kind, code, message, column, constraint, connection_lost=ended)

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

    def member_of_rows(self, left: Sequence[str], name: str, columns: Sequence[Column]) -> str:
        kinds = [f"v{i} {c.sql_type} PATH '$[{i}]'" for i, c in enumerate(columns)]
        rows = f"JSON_TABLE(:{name}, '$[*]' COLUMNS ({', '.join(kinds)})) AS listed"
        return f"({', '.join(left)}) IN (SELECT * FROM {rows})"

    def moment(self, value: Any) -> Any:
        if isinstance(value, datetime) and value.tzinfo:
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def json_columns(self, connection: Connection, name: str, schema: str | None) -> frozenset[str]:
        """MariaDB's JSON is a text with a CHECK."""
        query = f"SHOW CREATE TABLE {self.table_sql(name, schema)}"
        plain = {"no_parameters": True}
        declared = connection.exec_driver_sql(query, execution_options=plain).one()[1]
        found = _JSON_COLUMN.findall(declared)
        return frozenset(column.replace("``", "`") for column in found)

    def rewrite(self, tree: exp.Expression) -> exp.Expression:
        from batch_ops.database.mysql_expressions import rewrite

        return rewrite(tree)

    def loader(self, table: Table, layout: Layout) -> Loader:
        from batch_ops.database.mysql_load import MySQLLoader

        return MySQLLoader(self, table, layout)

    def update_joined(
        self, target: str, stage: str, settings: Mapping[str, str], where: str
    ) -> str:
        sets = ", ".join(f"t.{self.quote(name)} = {value}" for name, value in settings.items())
        return f"UPDATE {target} AS t JOIN {stage} AS s ON {where} SET {sets}"

    def delete_staged(self, target: str, stage: str, key: Sequence[str], where: str) -> str:
        same = " AND ".join(f"t.{self.quote(name)} = s.{self.quote(name)}" for name in key)
        return f"DELETE t FROM {target} AS t JOIN {stage} AS s ON {same} WHERE {where}"

    def index_stage_sql(self, name: str, plain: str) -> None:
        """An index ends the transaction."""

    def has_triggers(self, connection: Connection, table: Table) -> bool:
        query = text(
            "SELECT count(*) FROM information_schema.triggers WHERE event_object_table = :name"
            " AND event_object_schema = COALESCE(:schema, DATABASE())"
        )
        bound = {"name": table.name, "schema": table.schema}
        return bool(connection.execute(query, bound).scalar_one())

    def drop_stage_sql(self, name: str) -> str:
        return f"DROP TEMPORARY TABLE IF EXISTS {name}"

    @property
    def lock_rows(self) -> str:
        return " FOR UPDATE"

    def looks(self) -> Looks:
        from batch_ops.database.looks_mysql import MySQLLooks

        return MySQLLooks(self)

    def cascade_sql(self) -> CascadeSQL:
        from batch_ops.database.cascade_mysql import MySQLCascade

        return MySQLCascade(self)

    def merger(self, work: Merging) -> Merger:
        from batch_ops.database.mysql_upsert import MySQLMerger

        if work.conflict or work.mode is OnConflict.ERROR:
            return MySQLMerger(self, work)
        given = [group for group in work.target.unique if set(group) <= set(work.columns)]
        others = tuple(group for group in given if group != work.target.key)
        return MySQLMerger(self, replace(work, conflict=work.target.key), others)

    def boundaries(
        self, connection: Connection, query: str, parameters: dict[str, Any], every: int
    ) -> Generator[Boundary]:
        from batch_ops.database.walk import walk_numbered

        return walk_numbered(connection, query, parameters, every)


def _refuse_elsewhere(connection: Connection) -> None:
    """MySQL bounds the time of a SELECT alone."""
    if not getattr(connection.dialect, "is_mariadb", False):
        raise DatabaseUnfitError(
            "MySQL cannot bound the time of a statement that writes; MariaDB can.",
            todo="Take `statement_timeout` away; `lock_timeout` and `timeout` hold there, too.",
        )


def _blamed(message: str) -> tuple[str | None, str | None]:
    """The column, or else the constraint, that a refusal is about."""
    if found := _CHECK.match(message):
        return _checked(found[1], found[2])
    if found := _KEY.match(message):
        return None, found[1]
    found = _COLUMN.search(message)
    return (found[1] or found[2], None) if found else (None, None)


def _checked(name: str, table: str) -> tuple[str | None, str | None]:
    """A column's own CHECK is called like it, behind the name of its table."""
    own = f"{table}."
    return (name.removeprefix(own), None) if name.startswith(own) else (None, name)
