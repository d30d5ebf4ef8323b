"""Rows for the tables of a scratch database: some of them what an operation means, some not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.testing.values import Values, distinct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database import Column, Database
    from batch_ops.spec.model import Entity, Field
    from batch_ops.testing.pools import Pools

Row = dict[str, Any]


def in_order(entities: Mapping[str, Entity], pools: Pools) -> list[Entity]:
    """Those that others refer to first."""
    done: dict[str, Entity] = {}
    waiting = list(entities.values())
    while waiting:
        ready = [e for e in waiting if _wants(e, pools) & entities.keys() <= done.keys() | {e.name}]
        for entity in ready or waiting[:1]:
            done[entity.name] = entity
            waiting.remove(entity)
    return list(done.values())


def _wants(entity: Entity, pools: Pools) -> set[str]:
    referred = {field.references.entity for field in entity.fields if field.references}
    return referred | {of for name, (of, _) in pools.alike.items() if name in entity.columns}


class RowMaker:
    """Makes rows of one entity.

    Attributes:
        known: the rows that are in other tables, for references.
    """

    def __init__(self, entity: Entity, values: Values, known: Mapping[str, Sequence[Row]]) -> None:
        self.entity, self.known = entity, known
        self._values, self._pools = values, values.pools

    def rows(self, count: int, first: int = 0) -> list[Row]:
        """That many rows with keys of their own; fewer where there are no more keys."""
        found: dict[tuple[Any, ...], Row] = {}
        for number in range(first, first + count):
            row = {field.name: self._value(field, number) for field in self.entity.fields}
            found.setdefault(tuple(row[name] for name in self.entity.key), row)
        return list(found.values())

    def _value(self, field: Field, number: int) -> Any:
        if field.references is not None and field.references.entity != self.entity.name:
            return self._of(field.references.entity, field.references.field, field, number)
        if self._is_own(field) or field.unique:
            return distinct(field, number)
        if field.references is not None:
            return None
        of, column = self._pools.alike.get(field.name, ("", ""))
        if of and self.known.get(of) and self._values.chance.random() < 0.6:
            return self._values.chance.choice(list(self.known[of]))[column]
        return self._values.value(field)

    def other(self, field: Field) -> Any:
        """A value for a field that is no column."""
        return self._values.value(field)

    def _is_own(self, field: Field) -> bool:
        """Whether it tells rows apart: the last key column that refers to nothing does."""
        free = [name for name in self.entity.key if not self.entity.field(name).references]
        return bool(free) and field.name in free

    def _of(self, entity: str, column: str, field: Field, number: int) -> Any:
        there = list(self.known.get(entity, ()))
        if not there:
            return None
        if field.name in self.entity.key:
            return there[number % len(there)][column]
        lacks = field.nullable and self._values.chance.random() < 0.1
        return None if lacks else self._values.chance.choice(there)[column]


class Writer:
    """Puts rows into a table, one by one, and reads them."""

    def __init__(self, database: Database, entity: Entity, columns: Mapping[str, Column]) -> None:
        self._dialect, self._entity, self._columns = database.dialect, entity, columns
        self.name = self._dialect.table_sql(entity.table, entity.schema)

    def put(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        """Insert rows; those the database takes."""
        return [row for row in rows if self._put(connection, row)]

    def _put(self, connection: Connection, row: Row) -> bool:
        names = ", ".join(map(self._dialect.quote, row))
        marks = [self._dialect.bind(f"v{n}", self._columns[name]) for n, name in enumerate(row)]
        insert = text(f"INSERT INTO {self.name} ({names}) VALUES ({', '.join(marks)})")
        bound = {f"v{n}": self._dialect.moment(value) for n, value in enumerate(row.values())}
        try:
            with connection.begin_nested():
                connection.execute(insert, bound)
        except DBAPIError:
            return False
        return True

    def read(self, connection: Connection) -> Iterator[Row]:
        """All rows, in key order."""
        columns = ", ".join(map(self._dialect.quote, self._entity.columns))
        key = ", ".join(map(self._dialect.quote, self._entity.key))
        query = text(f"SELECT {columns} FROM {self.name} ORDER BY {key}")
        return (dict(row) for row in connection.execute(query).mappings())
