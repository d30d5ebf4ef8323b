"""PostgreSQL 13 or newer, through psycopg 3."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, text

from batch_ops.database import postgresql_isolate
from batch_ops.database.bounds import bounds_of, milliseconds
from batch_ops.database.bring_in import by_copy
from batch_ops.database.dialect import Capabilities, Dialect
from batch_ops.database.faults import (
    ENDED_STATES,
    NO_PRIVILEGE,
    Fault,
    FaultKind,
    first_line,
    kind_of_sqlstate,
    original,
)
from batch_ops.database.wording import plainly
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    import sqlalchemy as sa
    from sqlalchemy import URL, Connection, Engine
    from sqlglot import exp

    from batch_ops.database.bring_in import Rows
    from batch_ops.database.cascade_sql import CascadeSQL
    from batch_ops.database.load import Layout, Loader
    from batch_ops.database.looks import Looks
    from batch_ops.database.merge import Merger, Merging
    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Column, Table
    from batch_ops.database.values import Key
    from batch_ops.database.walk import Boundary
    from batch_ops.spec.model import Field

SCHEMA_LOCK = 0x62617463685F6F70  # "batch_op": the advisory lock under which tables are made

_POLICY, _RAISE = "ExecWithCheckOptions", "exec_stmt_raise"
_IDLE = 0  # psycopg's word for: no transaction is open
_KEY = re.compile(r"\w+ \(([^(),]+)[^()]*\)=\(")

BREAK_OFF_S = 2.0
"""How long the server has to take in that a statement is to be broken off."""

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


_AT_WORK = (
    "SELECT count(*) FILTER (WHERE backend_type = 'client backend'"
    " AND state IN ('active', 'fastpath function call')),"
    " count(*) FILTER (WHERE backend_type IS NULL AND datid IS NOT NULL)"
    " FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
)
"""Others' sessions at work, and those of which it is not told whether they are."""


class PostgreSQL(Dialect):
    """First class: COPY, arrays, advisory locks, sessions that can be ended."""

    name = "postgresql"
    can_defer = True
    keeps_images = True
    with_own_numbers = "OVERRIDING SYSTEM VALUE "
    sqlglot_name = "postgres"
    capabilities = Capabilities(
        concurrent_writers=True,
        returning=True,
        row_values=True,
        kills_sessions=True,
        typed=True,
        zones=True,
        loads_texts=True,
        exact_decimals=True,
        infinities=True,
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
            hide_parameters=True,
            max_overflow=-1,  # how many lanes there are is said elsewhere
        )

    def begin_write(self, connection: Connection) -> None:
        """The commit of a batch is not waited for: data and journal row are lost together or not at
        all, and the execution's own end is a commit that is waited for, with all before it.
        """
        bounds = bounds_of(connection)
        own = {"statement_timeout": bounds.statement_timeout, "lock_timeout": bounds.lock_timeout}
        settings = [f"{name} = {milliseconds(span)}" for name, span in own.items() if span]
        all_of_them = ["synchronous_commit = off", *settings]
        connection.exec_driver_sql("; ".join(f"SET LOCAL {setting}" for setting in all_of_them))

    def join(self, connection: Connection, *, writes: bool = True) -> None:
        if connection.engine.driver not in ("psycopg", "psycopg_async"):
            raise DatabaseUnfitError(
                f"The engine uses the driver {connection.engine.driver!r}.",
                todo="Make it with a URL that begins with postgresql+psycopg://.",
            )
        super().join(connection, writes=writes)

    def commits_itself(self, connection: Connection) -> bool:
        driver: Any = connection.connection.driver_connection
        return bool(driver.autocommit) and driver.info.transaction_status == _IDLE

    @contextmanager
    def schema_lock(self, connection: Connection) -> Iterator[None]:
        """A transaction's advisory lock: it ends with the transaction, also when that dies."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})
        yield

    def defer_constraints(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")

    def immediate_constraints(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")

    def at_work(self, connection: Connection) -> int:
        connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")  # else a transaction's first
        active, unseen = connection.exec_driver_sql(_AT_WORK).one()
        if unseen:
            raise DatabaseUnfitError(
                "The role may not see what other sessions do.",
                todo="GRANT pg_read_all_stats to it, or take `max_active` out of the throttle.",
            )
        return int(active)

    def bring_in(self, connection: Connection, table: sa.Table, rows: Rows) -> None:
        by_copy(connection, table, rows)

    def be_brief(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = '15s'")

    def end_sessions(self, connection: Connection, application_name: str) -> int:
        statement = text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = :name AND datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        return int(connection.execute(statement, {"name": application_name}).scalar_one())

    def session_of(self, connection: Connection) -> int:
        driver: Any = connection.connection.driver_connection
        return int(driver.info.backend_pid)

    def end_session(self, connection: Connection, session: int, application_name: str) -> None:
        statement = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid = :pid AND application_name = :name AND pid <> pg_backend_pid()"
        )
        with connection.begin():
            connection.execute(statement, {"pid": session, "name": application_name})

    def break_off(self, engine: Engine, driver: Any) -> None:
        driver.cancel_safe(timeout=BREAK_OFF_S)

    def fault(self, error: BaseException) -> Fault:
        driver = original(error)
        state = getattr(driver, "sqlstate", None)
        diag = getattr(driver, "diag", None)
        lost = bool(getattr(error, "connection_invalidated", False)) or state is None
        kind = _kind(state, getattr(diag, "source_function", None)) if state else _unnamed(driver)
        return Fault(
            kind,
            state or type(driver).__name__,
            first_line(error),
            column=_blamed(diag),
            constraint=getattr(diag, "constraint_name", None),
            connection_lost=kind is FaultKind.TRANSIENT
            and (lost or str(state).startswith(ENDED_STATES)),
        )

    def isolated(
        self,
        connection: Connection,
        table: Table,
        keys: Sequence[Key],
        lower: Key | None,
        statement: Callable[[Any, Any], Statement],
    ) -> tuple[int, list[tuple[int, Fault]]] | None:
        found = postgresql_isolate.isolated(connection, table.key_columns, keys, lower, statement)
        if found is None:
            return None
        done, refused = found
        return done, [(place, _row_fault(state, told)) for place, state, told in refused]

    def field_sql(self, field: Field, *, indexed: bool = False) -> str:
        if field.type is FieldType.STRING and field.length:
            return f"VARCHAR({field.length})"
        if field.type is FieldType.DECIMAL and field.precision:
            return "NUMERIC({}, {})".format(*field.precision)
        return _TYPES[field.type]

    def bind(self, name: str, column: Column | None = None) -> str:
        return f"CAST(:{name} AS {column.cast_type})" if column else f":{name}"

    def member_of_list(self, left: str, name: str, column: Column | None) -> str:
        array = f"CAST(:{name} AS {column.cast_type}[])" if column else f":{name}"
        return f"{left} = ANY({array})"

    def member_of_rows(self, left: Sequence[str], name: str, columns: Sequence[Column]) -> str:
        arrays = [f"CAST(:{name}_{i} AS {c.cast_type}[])" for i, c in enumerate(columns)]
        return f"({', '.join(left)}) IN (SELECT * FROM unnest({', '.join(arrays)}))"

    def list_value(self, values: Sequence[Any]) -> Any:
        """Whole numbers as the server reads an array: the driver would look at each by itself."""
        if set(map(type, values)) == {int}:
            return f"{{{','.join(map(str, values))}}}"
        return list(values)

    def rows_value(self, name: str, rows: Sequence[Sequence[Any]], width: int) -> dict[str, Any]:
        return {f"{name}_{i}": self.list_value([row[i] for row in rows]) for i in range(width)}

    def rewrite(self, tree: exp.Expression) -> exp.Expression:
        return tree

    def other_value(self, value: Any) -> Any:
        """Arrays, ranges and whatever else the driver knows a text for."""
        from psycopg import DataError, ProgrammingError
        from psycopg.adapt import PyFormat, Transformer

        try:
            dumped = Transformer().get_dumper(value, PyFormat.TEXT).dump(value)
        except (DataError, ProgrammingError) as error:
            raise TypeError(f"a value of type {type(value).__name__} is not known") from error
        return None if dumped is None else bytes(dumped).decode()

    def json_value(self, value: Any) -> Any:
        """The driver has read it."""
        return value

    def loader(self, table: Table, layout: Layout) -> Loader:
        from batch_ops.database.postgresql_load import CopyLoader

        return CopyLoader(self, table, layout)

    def looks(self) -> Looks:
        from batch_ops.database.looks_postgresql import PostgreSQLLooks

        return PostgreSQLLooks(self)

    def cascade_sql(self) -> CascadeSQL:
        from batch_ops.database.cascade_postgresql import PostgreSQLCascade

        return PostgreSQLCascade(self)

    def merger(self, work: Merging) -> Merger:
        from batch_ops.database.postgresql_upsert import PostgreSQLMerger

        return PostgreSQLMerger(self, work)

    def stage_sql(self, name: str, columns: str) -> str:
        """Emptied by each commit: rows that are only deleted would stay in its file."""
        return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT DELETE ROWS"

    def empty_sql(self, name: str) -> str:
        return f"TRUNCATE {name}"

    def compares_exactly(self, column: Column) -> bool:
        """Texts, too, unless they have a collation of their own, which may be nondeterministic, or
        are of a fixed length, where spaces at the end do not count.
        """
        text, kind = column.type in (FieldType.STRING, FieldType.TEXT), column.sql_type.upper()
        plain = "COLLATE" not in kind and not kind.startswith(("CITEXT", "CHAR"))
        return super().compares_exactly(column) or (text and plain)

    @property
    def lock_rows(self) -> str:
        return " FOR UPDATE OF t"

    def has_triggers(self, connection: Connection, table: Table) -> bool:
        from batch_ops.database.postgresql_judge import OWN_WAY

        name = self.table_sql(table.name, table.schema)
        found = connection.exec_driver_sql(OWN_WAY, (name,)).scalar()
        return found is None or bool(found)

    def tells_collations(self, connection: Connection, table: Table) -> bool:
        return True

    def stays(self, column: Column, given: str, stored: str) -> str | None:
        """A CAST cuts a text that is too long for its column."""
        if column.type is None or "COLLATE" in column.sql_type:
            return None
        if column.type not in (FieldType.STRING, FieldType.TEXT):
            return ""
        return f"CAST({given} AS text) IS NOT DISTINCT FROM CAST({stored} AS text)"

    def type_names(
        self, connection: Connection, name: str, schema: str | None
    ) -> Mapping[str, str]:
        query = text(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped"
        )
        found = connection.execute(query, {"table": self.table_sql(name, schema)})
        return {str(column): str(kind) for column, kind in found}

    def differs(self, column: Column, there: str) -> str:
        """JSON, other than JSONB, is compared as what JSONB makes of it, where it takes it."""
        name = self.quote(column.name)
        pair = [f"{there}.{name}", f"EXCLUDED.{name}"]
        if column.sql_type.upper() == "JSON":
            pair = [
                f"CASE WHEN position('\\u0000' IN {one}::text) > 0 THEN {one}::text"
                f" ELSE {one}::jsonb::text END"
                for one in pair
            ]
        elif column.type is None:  # not every such type can be compared
            pair = [f"{one}::text" for one in pair]
        return " IS DISTINCT FROM ".join(pair)

    def changed(self, column: Column, one: str, other: str) -> str:
        """By their texts where equal values may look different, or cannot be compared."""
        pair = [one, other]
        if not Dialect.compares_exactly(self, column):
            pair = [f'CAST({each} AS text) COLLATE "C"' for each in pair]
        return f"({' IS DISTINCT FROM '.join(pair)})"

    def analyze(self, connection: Connection, name: str) -> None:
        plainly(connection, f"ANALYZE {name}")

    def acting_references(self, connection: Connection, table: Table) -> Sequence[str]:
        query = text(
            "SELECT DISTINCT CAST(CAST(conrelid AS regclass) AS text) FROM pg_constraint"
            " WHERE contype = 'f' AND confrelid = to_regclass(:table)"
            " AND (confdeltype NOT IN ('a', 'r') OR confupdtype NOT IN ('a', 'r')) ORDER BY 1"
        )
        found = connection.execute(query, {"table": self.table_sql(table.name, table.schema)})
        return [str(name) for (name,) in found]

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


def _row_fault(state: str, told: Any) -> Fault:
    """A refusal of a row that the server itself met."""
    message = told.message.splitlines()[0] if told.message else state
    column, constraint = _blamed(told), told.constraint_name
    return Fault(FaultKind.ROW, state, message, column=column, constraint=constraint)


def _blamed(diag: object) -> str | None:
    """The column that is to blame, as far as the server tells it."""
    return getattr(diag, "column_name", None) or _key_column(diag)


def _key_column(diag: object) -> str | None:
    """The first column of the key a refusal is about: its detail begins `Key (a, b)=(`."""
    found = _KEY.match(getattr(diag, "message_detail", None) or "")
    return found[1].strip('"').replace('""', '"') if found else None


def _kind(state: str, raised_by: str | None) -> FaultKind:
    """What an SQLSTATE means. A trigger's author may raise any, and a row that its table's policy
    does not let in has the one of a missing privilege: the server's own function tells them.
    """
    kind = kind_of_sqlstate(state)
    of_policy = state == NO_PRIVILEGE and raised_by == _POLICY
    if kind is FaultKind.SYSTEMIC and (of_policy or raised_by == _RAISE):
        return FaultKind.ROW
    return kind


def _unnamed(driver: BaseException) -> FaultKind:
    """Errors without SQLSTATE come from the client: a connection that is gone, or a usage error."""
    import psycopg

    if isinstance(driver, psycopg.OperationalError | psycopg.InterfaceError):
        return FaultKind.TRANSIENT
    if isinstance(driver, psycopg.DataError):
        return FaultKind.ROW
    return FaultKind.SYSTEMIC
