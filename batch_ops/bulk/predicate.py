"""Rows of a table chosen by a condition: to be gone through, changed, or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from batch_ops.database.reading import rows_read
from batch_ops.database.render import Bind, ListOf, Scalar
from batch_ops.database.statements import Target
from batch_ops.database.values import load_key
from batch_ops.database.wording import text
from batch_ops.errors import Location, ParameterError
from batch_ops.planning.keyset import boundaries_between
from batch_ops.spec.expressions import Gate
from batch_ops.spec.model import Entity, Expression, Field, FieldType
from batch_ops.spec.nodes import Node

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.bulk.shape import Shape
    from batch_ops.database import Table
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.values import Key

T = TypeVar("T")


@dataclass(frozen=True)
class Rows(Generic[T]):
    """The rows for which a condition is true: `BatchTable.where`. Iterating reads them in key
    order, a batch at a time.

    Example:
        >>> for user in users.where("age > :least", least=30):
        ...     print(user["name"])
        Ada
        Cleo
    """

    condition: str
    parameters: Mapping[str, Any]
    read: Callable[[Rows[T], int], Iterator[T]]
    batch_size: int
    table: str

    def __iter__(self) -> Iterator[T]:
        return self.read(self, self.batch_size)


class Choosing:
    """Conditions and values over one table, as this database understands them."""

    def __init__(self, dialect: Dialect, shape: Shape) -> None:
        self._dialect, self._table = dialect, shape.table
        fields = tuple(_field(column) for column in shape.table.columns)
        table = shape.table
        self._entity = Entity(table.name, table.name, fields, table.key, table.schema)

    def target(self, rows: Rows[Any]) -> Target:
        """The rows a condition chooses, as a target of statements.

        Raises:
            DeclarationError: it is no condition the language of declarations knows.
            ParameterError: a parameter has no value, or stands for nothing; or the rows are those
                of another table.
        """
        mine = self._table.full_name
        if rows.table != mine:
            raise ParameterError(
                f"The condition is one on the table {rows.table!r}, not on {mine!r}.",
                todo="Call where(…) of the object whose rows are meant.",
            )
        where = self._expression(rows.condition)
        self._judge(where, rows.parameters)
        return Target(
            dialect=self._dialect,
            table=self._table,
            where=where,
            binds={name: _bind(value) for name, value in rows.parameters.items()},
            outputs={},
            moment=datetime.now(UTC),
        )

    def computed(self, value: Mapping[str, Any]) -> Expression:
        """What `{"sql": "age + 1"}` means."""
        return self._expression(str(value["sql"]))

    def _expression(self, condition: Any) -> Expression:
        if not isinstance(condition, str) or not condition.strip():
            raise ParameterError("A condition is a text.", todo='Write where("age > :n", n=30).')
        node = Node(condition, Location("where", 1, 1, condition), lines=(condition,))
        return Gate(self._entity, {self._entity.name: self._entity}).expression(node)

    def _judge(self, where: Expression, given: Mapping[str, Any]) -> None:
        for name in sorted(where.parameters - given.keys()):
            what = f"The condition's parameter :{name} has no value."
            raise ParameterError(what, todo=f"Write where({where.text!r}, {name}=…).")
        for name in sorted(given.keys() - where.parameters):
            what = f"The condition has no parameter :{name}."
            known = ", ".join(f":{p}" for p in sorted(where.parameters)) or "none"
            raise ParameterError(what, todo=f"Its parameters: {known}.")


def is_expression(value: Any) -> bool:
    """Whether a value to be set is `{"sql": …}`."""
    return isinstance(value, Mapping) and set(value) == {"sql"}


def spans(connection: Connection, target: Target, size: int) -> list[tuple[Key | None, Key | None]]:
    """Ranges `(lower, upper]` of keys with so many chosen rows each, in key order."""
    ends = [
        load_key(end) for end in boundaries_between(connection, target, None, None, size).boundaries
    ]
    return list(zip([None, *ends], ends, strict=False))


def read_span(
    connection: Connection, target: Target, table: Table, span: tuple[Key | None, Key | None]
) -> list[dict[str, Any]]:
    """The chosen rows of a range, in key order."""
    dialect = target.dialect
    rows, parameters = target.rows(*span)
    names = ", ".join(dialect.quote(column.name) for column in table.columns)
    key = ", ".join(dialect.quote(name) for name in table.key)
    query = text(f"SELECT {names} FROM {rows} AS r ORDER BY {key}")
    return list(rows_read(connection.execute(query, parameters), table.columns, dialect))


def _field(column: Any) -> Field:
    return Field(column.name, column.type or FieldType.TEXT, length=column.length)


def _bind(value: Any) -> Bind:
    if isinstance(value, list | tuple | set | frozenset):
        return ListOf(list(value))
    return Scalar(value)
