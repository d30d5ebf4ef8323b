"""Step outputs: a table per selecting step, for the steps that refer to its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.database.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal


OUTPUT_PREFIX = "batch_output_"


def output_name(short_id: str, number: int) -> str:
    """The name of the output table of an execution's step."""
    return f"{OUTPUT_PREFIX}{short_id}_{number}"


def output_columns(target: Table, select_fields: Sequence[str]) -> tuple[str, ...]:
    """The columns an output keeps: the target's key, then what the step selects besides."""
    return tuple(dict.fromkeys((*target.key, *select_fields)))


def create(journal: Journal, connection: Connection, target: Table, output: Table) -> None:
    """Make the output table: the target's types, the target's key as primary key."""
    dialect = journal.database.dialect
    columns = [
        f"{dialect.quote(column.name)} {column.sql_type}"
        + (" NOT NULL" if column.name in target.key else "")
        for column in output.columns
    ]
    key = ", ".join(dialect.quote(name) for name in target.key)
    name = dialect.table_sql(output.name, output.schema)
    connection.exec_driver_sql(f"CREATE TABLE {name} ({', '.join(columns)}, PRIMARY KEY ({key}))")


def shape(journal: Journal, name: str, target: Table, select_fields: Sequence[str]) -> Table:
    """The output table as a Table."""
    columns = output_columns(target, select_fields)
    return Table(
        name=name,
        schema=journal.tables.schema,
        columns=tuple(target.column(column) for column in columns),
        key=target.key,
    )


def drop(journal: Journal, connection: Connection, name: str) -> None:
    """Purge an output table."""
    table = journal.database.dialect.table_sql(name, journal.tables.schema)
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
