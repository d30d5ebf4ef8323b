"""Values that only the database can compute from a record's fields, before the record is loaded."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.database.convert import Converter, Refusal
from batch_ops.database.faults import FaultKind
from batch_ops.database.render import Renderer, SqlText
from batch_ops.database.tables import Column
from batch_ops.database.value_load import RefusedRow
from batch_ops.database.values import as_text
from batch_ops.spec.model import Field, FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlalchemy import Connection, TextClause

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.render import Bind
    from batch_ops.spec.model import Expression

    Texts = Sequence[str | None]
    _Asked = tuple[int, Sequence[Any]]

RECORDS_AT_ONCE = 400
"""Records of one statement; SQLite takes 500 SELECTs in a UNION."""
BINDS_AT_ONCE = 15_000
_RECORD, _NUMBER, _MOMENT = "bo_record", "bo_number", "bo"
_WIDENED = {
    FieldType.INTEGER: FieldType.BIGINT,
    FieldType.STRING: FieldType.TEXT,
    FieldType.BIGINT: FieldType.BIGINT,
    FieldType.TEXT: FieldType.TEXT,
    FieldType.DECIMAL: FieldType.DECIMAL,
    FieldType.FLOAT: FieldType.FLOAT,
}


@dataclass(frozen=True, slots=True)
class Computing:
    """With what values are computed.

    Attributes:
        reading: a transaction that reads, on a connection of its own: `Database.reading`.
        binds: what each `:name` means.
        calls: what to call for the functions that Python answers, by name in lower case.
    """

    reading: Callable[[], AbstractContextManager[Connection]]
    binds: Mapping[str, Bind] = field(default_factory=dict)
    calls: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


def field_column(
    dialect: Dialect, name: str, column: Column | None, kind: FieldType | None
) -> Column:
    """As what a record's field is read: as the column of its name, as wide as its kind can be, so
    that nothing is rounded or cut before it is computed with; else as `kind` or text.
    """
    if column is not None and column.type not in _WIDENED:
        return column
    wide = _WIDENED[column.type] if column and column.type else kind or FieldType.TEXT
    return Column(name, dialect.field_sql(Field(name, wide)), wide)


class Computer:
    """Computes some target columns of records, many records with one statement.

    Args:
        fields: what the expressions read of a record, `(x, field)` for `:x.field`, and as what; a
            record is handed over as the texts of these fields, in this order.
        expressions: by target column.
    """

    def __init__(
        self,
        dialect: Dialect,
        fields: Mapping[tuple[str, str], Column],
        expressions: Mapping[str, Expression],
        computing: Computing,
    ) -> None:
        self.dialect = dialect
        self._fields = tuple(fields)
        self._columns = tuple(fields.values())
        self._readers = [Converter(dialect, column) for column in self._columns]
        self._casts = any(dialect.bind("x", c) != dialect.bind("x") for c in self._columns)
        self._expressions = dict(expressions)
        self.columns = tuple(expressions)
        self._binds = dict(computing.binds)
        for place, ((name, of), column) in enumerate(fields.items()):
            self._binds[f"{name}.{of}"] = SqlText(f"{_RECORD}.f{place}", column.type)
        self._reading, self._calls = computing.reading, computing.calls
        self._at_once = max(1, min(RECORDS_AT_ONCE, BINDS_AT_ONCE // (len(fields) or 1)))
        self._rendering = threading.Lock()
        self._rendered: dict[str, str] = {}
        self._bound: dict[str, Any] = {}
        self._statements: dict[tuple[int, tuple[str, ...]], TextClause] = {}

    def compute(self, records: Sequence[Texts], now: datetime) -> list[Texts | RefusedRow]:
        """For each record the texts of the computed columns, or why the database refuses it.

        Raises:
            DBAPIError: the database refuses what is no record's own fault.
        """
        bound = self._bound_at(now)
        found: dict[int, Texts | RefusedRow] = {}
        asked: list[_Asked] = []
        for place, record in enumerate(records):
            try:
                asked.append((place, self._values(record)))
            except Refusal as refusal:
                found[place] = RefusedRow(refusal.code, refusal.message, self._reads(refusal))
        if asked:
            found |= self._ask_all(asked, bound)
        return [found[place] for place in range(len(records))]

    def _values(self, record: Texts) -> Sequence[Any]:
        """The fields as values; as texts where the database itself reads them as their types.

        Raises:
            Refusal: a text is no value of its type.
        """
        if self._casts:
            return record
        return [read(text) for read, text in zip(self._readers, record, strict=True)]

    def _reads(self, refusal: Refusal) -> str | None:
        """The one target column that reads the refused field."""
        reading = [
            column
            for column, expression in self._expressions.items()
            if any(field == refusal.column for _, field in expression.fields)
        ]
        return reading[0] if len(reading) == 1 else None

    def _ask_all(self, asked: list[_Asked], bound: dict[str, Any]) -> dict[int, Texts | RefusedRow]:
        """The answers, by place; where nothing of a record is read, one is the answer for all."""
        with self._reading() as connection:
            ask = _Question(self, connection, bound)
            if not self._columns:
                ((_, answer),) = ask.answers(asked[:1])
                return {place: answer for place, _ in asked}
            found: dict[int, Texts | RefusedRow] = {}
            for begin in range(0, len(asked), self._at_once):
                found |= ask.answers(asked[begin : begin + self._at_once])
            return found

    def reads(self, column: str, values: Sequence[Any]) -> Sequence[Any]:
        """The fields of a record, NULL where the column does not read them."""
        read = self._expressions[column].fields
        pairs = zip(self._fields, values, strict=True)
        return [value if field in read else None for field, value in pairs]

    def statement(self, records: int, columns: tuple[str, ...]) -> TextClause:
        """The SELECT for so many records."""
        known = self._statements.get((records, columns))
        if known is not None:
            return known
        chosen = ", ".join([f"{_RECORD}.{_NUMBER}", *(self._rendered[name] for name in columns)])
        given = " UNION ALL ".join(self._record(number) for number in range(records))
        made = text(f"SELECT {chosen} FROM ({given}) AS {_RECORD} ORDER BY 1")
        if records == self._at_once:
            self._statements[records, columns] = made
        return made

    def _record(self, number: int) -> str:
        """One record as a SELECT without FROM."""
        dialect = self.dialect
        fields = [
            f"{dialect.typed(dialect.bind(f'r{number}_{place}', column), column)} AS f{place}"
            for place, column in enumerate(self._columns)
        ]
        return f"SELECT {', '.join([f'{number} AS {_NUMBER}', *fields])}"

    def _bound_at(self, now: datetime) -> dict[str, Any]:
        """What the expressions bind; they are rendered once, NOW() is another each time."""
        moment = now.astimezone(UTC)
        with self._rendering:
            if not self._rendered:
                renderer = Renderer(
                    self.dialect, self._binds, moment, prefix=_MOMENT, calls=self._calls
                )
                self._rendered = {n: renderer.sql(e) for n, e in self._expressions.items()}
                self._bound = renderer.parameters
        bound = dict(self._bound)
        for name, value in ((f"{_MOMENT}_now", moment), (f"{_MOMENT}_today", moment.date())):
            if name in bound:
                bound[name] = self.dialect.moment(value)
        return bound


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked over one connection, with one moment."""

    computer: Computer
    connection: Connection
    bound: Mapping[str, Any]

    def answers(self, asked: list[_Asked]) -> list[tuple[int, Texts | RefusedRow]]:
        """The answers to some records; those the database refuses are found by halving."""
        try:
            rows = self._ask(asked, self.computer.columns)
        except DBAPIError as error:
            fault = self.computer.dialect.fault(error)
            if fault.kind is not FaultKind.ROW:
                raise
            self.connection.rollback()
            if len(asked) == 1:
                column = self._refused_column(asked)
                return [(asked[0][0], RefusedRow(fault.code, fault.message, column))]
            half = len(asked) // 2
            return self.answers(asked[:half]) + self.answers(asked[half:])
        return [(place, row) for (place, _), row in zip(asked, rows, strict=True)]

    def _refused_column(self, asked: list[_Asked]) -> str | None:
        """The first column whose value cannot be computed of a record."""
        ((place, values),) = asked
        for column in self.computer.columns:
            mine = self.computer.reads(column, values)
            try:
                self._ask([(place, mine)], (column,))
            except DBAPIError:
                self.connection.rollback()
                return column
        return None

    def _ask(self, asked: list[_Asked], columns: tuple[str, ...]) -> list[Texts]:
        bound = dict(self.bound)
        for number, (_, values) in enumerate(asked):
            bound.update({f"r{number}_{n}": value for n, value in enumerate(values)})
        rows = self.connection.execute(self.computer.statement(len(asked), columns), bound)
        return [[as_text(value) for value in row[1:]] for row in rows]
