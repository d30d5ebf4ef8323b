"""From the journal of an earlier version to this program's: what each version changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Integer, String, Text, inspect, update
from sqlalchemy.schema import CreateColumn

from batch_ops.database.types import UtcDateTime
from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal.tables import VERSION, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table
    from sqlalchemy.engine.interfaces import Dialect as Driver
    from sqlalchemy.types import TypeEngine

    from batch_ops.database.dialect import Dialect


@dataclass(frozen=True, slots=True)
class NewColumn:
    """A column a table had not before; rows that are there have NULL in it."""

    table: str
    name: str
    type: TypeEngine[Any]


CHANGES: dict[int, tuple[NewColumn, ...]] = {
    2: (
        NewColumn("batch_operations", "purged_at", UtcDateTime()),
        NewColumn("batch_operations", "discarded_count", BigInteger()),
        NewColumn("batch_operations", "undone_at", UtcDateTime()),
        NewColumn("batch_steps", "fields", Text()),
        NewColumn("batch_chunks", "retry", Integer()),
        *(
            NewColumn("batch_operation_errors", name, kind)
            for name, kind in (
                ("damaged", Text()),
                ("place", Text()),
                ("retry_of", BigInteger()),
                ("state", String(20)),
                ("retry", Integer()),
                ("ended_at", UtcDateTime()),
                ("ended_by", String(255)),
                ("ended_how", String(255)),
                ("because", Text()),
            )
        ),
    ),
}
"""By version, what it changed in the tables of the one before it."""
NEW_TABLES: dict[int, tuple[str, ...]] = {
    2: ("batch_retries", "batch_images", "batch_undos"),
}
"""By version, the tables it added; they are made as they are in a new journal."""


def judge(database: str, version: int) -> None:
    """Refuse a journal of another version than this program's.

    Raises:
        DatabaseUnfitError: it is newer, or it is older and wants to be upgraded.
    """
    if version > VERSION:
        raise DatabaseUnfitError(
            f"The journal in {database} has version {version}; this batch_ops is older and knows"
            f" version {VERSION}.",
            todo="Use the batch_ops that upgraded it, or a newer one; a journal is never taken back"
            " to an earlier version.",
        )
    if version < VERSION:
        raise DatabaseUnfitError(
            f"The journal in {database} has version {version}, of an earlier batch_ops; this one"
            f" needs version {VERSION}.",
            todo="Upgrade it: batch-ops init --journal. Nothing in it is lost, and unfinished"
            " executions can be resumed; programs of the earlier version are refused from then on.",
        )


def apply(tables: Tables, connection: Connection, dialect: Dialect, version: int) -> None:
    """Make a journal of `version` one of this program's version; call it under the schema lock.

    What is there already is passed over: where a database ends a transaction at each change of a
    table, an upgrade that broke off is done again.
    """
    for change in _changes(version):
        if change.name not in _known(connection, change.table, tables.schema):
            connection.exec_driver_sql(_added(change, tables, dialect, connection.dialect))
    tables.metadata.create_all(connection)
    connection.execute(update(tables.version).values(version=VERSION))


def statements(tables: Tables, dialect: Dialect, driver: Driver, version: int) -> list[str]:
    """What `apply` does to the tables that are there, as SQL."""
    return [_added(change, tables, dialect, driver) for change in _changes(version)]


def added(tables: Tables, version: int) -> list[Table]:
    """The tables that later versions than this one added."""
    later = range(version + 1, VERSION + 1)
    names = {name for number in later for name in NEW_TABLES.get(number, ())}
    return [table for table in tables.metadata.sorted_tables if table.name in names]


def _known(connection: Connection, table: str, schema: str | None) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table, schema=schema)}


def _changes(version: int) -> Iterator[NewColumn]:
    for number in range(version + 1, VERSION + 1):
        yield from CHANGES[number]


def _added(change: NewColumn, tables: Tables, dialect: Dialect, driver: Driver) -> str:
    table = dialect.table_sql(change.table, tables.schema)
    column = CreateColumn(Column(change.name, change.type)).compile(dialect=driver)
    return f"ALTER TABLE {table} ADD COLUMN {column}"
