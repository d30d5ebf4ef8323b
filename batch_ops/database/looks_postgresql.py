"""What is asked of PostgreSQL to tell whether it is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database.looks import Blocked, Looks, Session, Walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection, Row

    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Table

_BLOCKED = (
    "SELECT w.pid, w.application_name, coalesce(w.query, '') AS query, w.query_start,"
    " h.pid AS holder, h.application_name AS its_name, coalesce(h.query, '') AS its_query,"
    " h.xact_start AS its_start, coalesce(h.state, '') AS its_state"
    " FROM pg_stat_activity AS w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b(pid)"
    " JOIN pg_stat_activity AS h ON h.pid = b.pid"
    " WHERE w.datname = current_database() AND w.wait_event_type = 'Lock' ORDER BY w.query_start"
)
_READ_ONLY = (
    "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean"
)
_LACKING = text(
    "SELECT r FROM unnest(CAST(:wanted AS text[])) AS r"
    " WHERE NOT has_table_privilege(to_regclass(:table), r) AND (r = 'DELETE'"
    " OR NOT has_any_column_privilege(to_regclass(:table), r))"
)
_PREPARED = "batch_ops_look"


class PostgreSQLLooks(Looks):
    """First class: rights, sizes, plans for values nobody knows yet, who blocks whom."""

    oldest = (13,)
    product = "PostgreSQL"

    def read_only(self, connection: Connection) -> bool:
        return bool(connection.exec_driver_sql(_READ_ONLY).scalar())

    def may_make_tables(self, connection: Connection, schema: str | None) -> bool:
        query = text(
            "SELECT has_database_privilege(current_database(), 'TEMP') AND"
            " CASE WHEN to_regnamespace(coalesce(:schema, current_schema())) IS NULL"
            " THEN has_database_privilege(current_database(), 'CREATE')"
            " ELSE has_schema_privilege(coalesce(:schema, current_schema()), 'CREATE') END"
        )
        return bool(connection.execute(query, {"schema": schema}).scalar())

    def lacking(
        self, connection: Connection, table: Table, wanted: Collection[str]
    ) -> Sequence[str]:
        name = self._dialect.table_sql(table.name, table.schema)
        found = connection.execute(_LACKING, {"table": name, "wanted": sorted(wanted)})
        return [str(right) for (right,) in found]

    def sees_sessions(self, connection: Connection) -> bool:
        query = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
        return bool(connection.exec_driver_sql(query).scalar())

    def rows_about(self, connection: Connection, table: Table) -> int | None:
        """As the last ANALYZE found it; before the first one nobody can tell."""
        query = text(
            "SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = to_regclass(:name)"
        )
        name = self._dialect.table_sql(table.name, table.schema)
        found = connection.execute(query, {"name": name}).scalar()
        return None if found is None or found < 0 else int(found)

    def walk(self, connection: Connection, statement: Statement, table: Table) -> Walk | None:
        """Values that are known are planned with; where one is not, as for any value."""
        sql, values = _numbered(connection, statement)
        known = all(value is not None for value in values)
        mode = "force_custom_plan" if known else "force_generic_plan"
        connection.exec_driver_sql(f"SET LOCAL plan_cache_mode = {mode}")
        connection.exec_driver_sql(f"PREPARE {_PREPARED} AS {sql}")
        try:
            given = f"({', '.join(_literals(connection, values))})" if values else ""
            asked = f"EXPLAIN (FORMAT JSON) EXECUTE {_PREPARED}{given}"
            plan = connection.exec_driver_sql(asked).scalar_one()[0]["Plan"]
        finally:
            connection.exec_driver_sql(f"DEALLOCATE {_PREPARED}")
        return next(_walks(plan, table.name), None)

    def index_sql(self, table: Table, columns: Sequence[str]) -> str:
        return super().index_sql(table, columns).replace("INDEX", "INDEX CONCURRENTLY", 1)

    def blocked(self, connection: Connection) -> Sequence[Blocked]:
        return [_blocked(row) for row in connection.exec_driver_sql(_BLOCKED)]


def _numbered(connection: Connection, statement: Statement) -> tuple[str, list[Any]]:
    """A statement with `$1 …` in the place of names, and the values in their order."""
    sql, bound = statement
    kind: Any = type(connection.dialect)
    compiled = text(sql).compile(dialect=kind(paramstyle="numeric_dollar"))
    return str(compiled), [bound[name] for name in compiled.positiontup or ()]


def _literals(connection: Connection, values: Sequence[Any]) -> list[str]:
    from psycopg.sql import Literal

    driver: Any = connection.connection.driver_connection
    return [Literal(value).as_string(driver) for value in values]


def _walks(plan: dict[str, Any], table: str) -> Iterator[Walk]:
    """Of each node of a plan that reads the table, from above: whether it reads all of it."""
    if plan.get("Relation Name") == table:
        narrowed = "Index Cond" in plan or plan["Node Type"] == "Bitmap Heap Scan"
        workers = plan.get("Workers Planned", 1) or 1
        yield Walk(whole=not narrowed, rows=int(plan["Plan Rows"]) * workers)
    for part in plan.get("Plans", ()):
        yield from _walks(part, table)


def _blocked(row: Row[Any]) -> Blocked:
    return Blocked(
        Session(row.pid, row.application_name, row.query, row.query_start),
        Session(row.holder, row.its_name, row.its_query, row.its_start, row.its_state),
    )
