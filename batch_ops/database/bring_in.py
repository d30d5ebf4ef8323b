"""Many rows of batch_ops' own tables at once, past the layer that looks at each row by itself."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from batch_ops.database.faults import understood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import psycopg
    import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows for a table.

    Attributes:
        common: what is the same in all of them.
        names: the other columns.
        values: of each row the values of these.
    """

    common: Mapping[str, Any]
    names: Sequence[str]
    values: Sequence[tuple[Any, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.common, *self.names)

    def dicts(self) -> list[dict[str, Any]]:
        """Each row by column."""
        given = [dict(zip(self.names, row, strict=True)) for row in self.values]
        return [{**self.common, **row} for row in given]


def by_copy(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """COPY the rows into the table."""
    prepared = connection.dialect.identifier_preparer
    names = ", ".join(map(prepared.quote, rows.columns))
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    statement = f"COPY {prepared.format_table(table)} ({names}) FROM STDIN"
    with understood(connection), driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in _bound(connection, table, rows):
            copy.write_row(row)


def by_list(connection: sa.Connection, table: sa.Table, rows: Rows) -> None:
    """Hand the rows to SQLite: what differs in them as one list, where JSON can carry it, and what
    is the same in all of them once.
    """
    columns = list(zip(*_bound(connection, table, rows), strict=True))
    if not columns:
        return
    alike = [column.count(column[0]) == len(column) for column in columns]
    varying = [column for column, same in zip(columns, alike, strict=True) if not same]
    listed = _as_json(varying) if varying else None
    places = itertools.count()
    values = [
        "?" if same or listed is None else f"json_extract(value, '$[{next(places)}]')"
        for same in alike
    ]
    prepared = connection.dialect.identifier_preparer
    names = ", ".join(map(prepared.quote, rows.columns))
    statement = f"INSERT INTO {prepared.format_table(table)} ({names}) SELECT {', '.join(values)}"
    if listed is None:
        connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))
        return
    once = [column[0] for column, same in zip(columns, alike, strict=True) if same]
    connection.exec_driver_sql(f"{statement} FROM json_each(?)", (*once, listed))


def _as_json(columns: Sequence[Sequence[Any]]) -> str | None:
    """Rows of values as a list; None where it would not give them back as they are."""
    if not set().union(*(map(type, column) for column in columns)) <= {int, str, type(None)}:
        return None
    try:
        listed = orjson.dumps(list(zip(*columns, strict=True)))
    except TypeError:  # half a character
        return None
    return None if b"\\u0000" in listed else listed.decode()


def _bound(connection: sa.Connection, table: sa.Table, rows: Rows) -> Iterator[tuple[Any, ...]]:
    """The rows' values as the driver takes them."""
    ways = {name: _way(connection, table.c[name]) for name in rows.columns}
    first = tuple(way(v) if (way := ways[n]) else v for n, v in rows.common.items())
    bound = [(place, way) for place, name in enumerate(rows.names) if (way := ways[name])]
    if not bound:
        yield from (first + row for row in rows.values)
        return
    for row in rows.values:
        values = list(row)
        for place, bind in bound:
            values[place] = bind(values[place])
        yield first + tuple(values)


def _way(connection: sa.Connection, column: sa.Column[Any]) -> Callable[[Any], Any] | None:
    kind = column.type.dialect_impl(connection.dialect)
    return kind.bind_processor(connection.dialect)
