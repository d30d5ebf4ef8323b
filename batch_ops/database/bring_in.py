"""Many rows of batch_ops' own tables at once, past the layer that looks at each row by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from batch_ops.database.faults import understood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psycopg
    import sqlalchemy as sa


def by_copy(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """COPY the rows into the table."""
    prepared = connection.dialect.identifier_preparer
    names = ", ".join(map(prepared.quote, rows[0]))
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    statement = f"COPY {prepared.format_table(table)} ({names}) FROM STDIN"
    with understood(connection), driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in _bound(connection, table, rows):
            copy.write_row(row)


def by_driver(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Hand the rows to the driver, all with one statement."""
    prepared = connection.dialect.identifier_preparer
    names = ", ".join(map(prepared.quote, rows[0]))
    values = ", ".join("?" * len(rows[0]))
    statement = f"INSERT INTO {prepared.format_table(table)} ({names}) VALUES ({values})"
    connection.exec_driver_sql(statement, list(_bound(connection, table, rows)))


def _bound(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Any, ...]]:
    """The rows' values as the driver takes them; all rows have the columns of the first."""
    ways: dict[int, Callable[[Any], Any]] = {}
    for place, name in enumerate(rows[0]):
        way = table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
        if way is not None:
            ways[place] = way
    for row in rows:
        values = list(row.values())
        for place, bind in ways.items():
            values[place] = bind(values[place])
        yield tuple(values)
