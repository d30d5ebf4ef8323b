"""Step outputs: a table per step whose rows a later step refers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.database.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.journal.store import Journal


OUTPUT_PREFIX = "batch_output_"
NUMBER = "bo_row"
"""The key of rows that have none of their own: in the order they were given."""


@dataclass(frozen=True, slots=True)
class Output:
    """The output table of a step, by its columns; `key` is what it is walked by."""

    name: str
    schema: str | None
    key: tuple[Column, ...]
    kept: tuple[Column, ...] = ()

    @property
    def table(self) -> Table:
        """The same as a table."""
        columns = (*self.key, *self.kept)
        return Table(self.name, self.schema, columns, tuple(column.name for column in self.key))


def output_name(short_id: str, number: int, what: str = "") -> str:
    """The name of the output table of an execution's step; `what` it holds besides its rows."""
    return f"{outputs_of(short_id)}{number}{what}"


def outputs_of(short_id: str) -> str:
    """What the names of an execution's output tables begin with."""
    return f"{OUTPUT_PREFIX}{short_id}_"


def create(journal: Journal, connection: Connection, output: Output) -> None:
    """Make the output table."""
    dialect = journal.database.dialect
    columns = [f"{_column(dialect, column)} NOT NULL" for column in output.key]
    columns += [_column(dialect, column) for column in output.kept]
    key = ", ".join(dialect.quote(column.name) for column in output.key)
    name = dialect.table_sql(output.name, output.schema)
    connection.exec_driver_sql(f"CREATE TABLE {name} ({', '.join(columns)}, PRIMARY KEY ({key}))")


def _column(dialect: Dialect, column: Column) -> str:
    return f"{dialect.quote(column.name)} {column.sql_type}"


def add_rows(journal: Journal, connection: Connection, output: Output, into: str) -> None:
    """Put the rows of one output table to those of another that has the same columns; a key that
    is there already stays as it is.
    """
    dialect = journal.database.dialect
    table, other = (dialect.table_sql(name, output.schema) for name in (into, output.name))
    columns = ", ".join(dialect.quote(name) for name in output.table.column_names)
    key = [dialect.quote(name) for name in output.table.key]
    same = " AND ".join(f"o.{name} = n.{name}" for name in key)
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {other} AS n"
        f" WHERE NOT EXISTS (SELECT 1 FROM {table} AS o WHERE {same})"
    )


def drop(journal: Journal, connection: Connection, names: Sequence[str]) -> None:
    """Purge output tables."""
    for name in names:
        table = journal.database.dialect.table_sql(name, journal.tables.schema)
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
