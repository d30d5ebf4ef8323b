"""What loaders share that hand values to a driver: converting, rules, and reading refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.convert import NOT_NULL, Converter, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import InputBatch, Layout
    from batch_ops.database.tables import Table
    from batch_ops.results import Reject


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Why the database refused a row; `column` where one is to blame."""

    code: str
    message: str
    column: str | None = None


class Suspects:
    """Judges the records the screen could not: types by conversion, rules by the database."""

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._columns = [table.column(name) for name in layout.targets]
        self._converters = [Converter(dialect, column) for column in self._columns]
        self._rules = layout.rules
        self._question = _question(dialect, table, layout) if layout.rules else ""

    def judged(
        self, connection: Connection, batch: InputBatch, ordinals: Sequence[int], mark: str
    ) -> Iterator[tuple[int, Sequence[Any] | Reject]]:
        """Each record's values, or why it is refused. `mark` is the driver's placeholder."""
        question = self._question.replace("\0", mark)
        for ordinal, texts in zip(ordinals, batch.records.texts(ordinals), strict=True):
            try:
                values = self.values(texts)
                broken = self._broken(connection, question, batch, ordinal, values)
                if broken is None:
                    self._judge_nulls(values)
            except Refusal as refusal:
                broken = batch.records.reject(
                    ordinal, refusal.code, refusal.message, column=refusal.column
                )
                values = []
            yield ordinal, broken or values

    def values(self, texts: Sequence[str | None]) -> list[Any]:
        """The texts as values.

        Raises:
            Refusal: a text is none of its column's values.
        """
        return [read(text) for read, text in zip(self._converters, texts, strict=True)]

    def _judge_nulls(self, values: Sequence[Any]) -> None:
        for column, value in zip(self._columns, values, strict=True):
            if value is None and not column.nullable:
                message = f'null value in column "{column.name}" violates not-null constraint'
                raise Refusal(NOT_NULL, message, column.name)

    def _broken(
        self,
        connection: Connection,
        question: str,
        batch: InputBatch,
        ordinal: int,
        values: Sequence[Any],
    ) -> Reject | None:
        """The reject of the first rule the values break."""
        if not self._rules:
            return None
        answers = connection.exec_driver_sql(question, tuple(values)).one()
        for rule, answer in zip(self._rules, answers, strict=True):
            if not answer:
                message = f"the rule does not hold: {rule.text}"
                return batch.records.reject(
                    ordinal, "rule", message, column=rule.column, outcome="invalid"
                )
        return None


def _question(dialect: Dialect, table: Table, layout: Layout) -> str:
    """A SELECT of all rules over one row; NUL stands for the driver's placeholder."""
    placeholder = "\0"
    fields = ", ".join(
        f"{dialect.typed(placeholder, table.column(name))} AS {dialect.quote(name)}"
        for name in layout.targets
    )
    rules = ", ".join(f"({rule.sql})" for rule in layout.rules)
    return f"SELECT {rules} FROM (SELECT {fields}) AS r"


def insert_sql(dialect: Dialect, table: Table, layout: Layout, values: Sequence[str]) -> str:
    """`INSERT` of the target columns with these value expressions."""
    names = ", ".join(dialect.quote(name) for name in layout.targets)
    into = dialect.table_sql(table.name, table.schema)
    return f"INSERT INTO {into} ({names}) VALUES ({', '.join(values)})"


def absent_parent(
    connection: Connection,
    dialect: Dialect,
    table: Table,
    layout: Layout,
    values: Sequence[Any],
    mark: str,
) -> str | None:
    """The column whose foreign key finds no row; None where it cannot be told."""
    by_name = dict(zip(layout.targets, values, strict=True))
    for key in table.foreign_keys:
        wanted = [by_name.get(name) for name in key.columns]
        if any(value is None for value in wanted):
            continue
        target = dialect.table_sql(key.table, key.schema)
        where = " AND ".join(f"{dialect.quote(name)} = {mark}" for name in key.target_columns)
        query = f"SELECT 1 FROM {target} WHERE {where}"
        if connection.exec_driver_sql(query, tuple(wanted)).first() is None:
            return key.columns[0]
    return None
