"""What loaders share that hand values to a driver: converting, rules, and reading refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.convert import Converter, Refusal
from batch_ops.database.faults import FOREIGN_KEY, NOT_NULL
from batch_ops.database.wording import marked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import InputBatch, Layout, Records
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
        question = marked(self._question, mark)
        given = batch.records.values(ordinals)
        rows = batch.records.texts(ordinals) if given is None else given
        for ordinal, row in zip(ordinals, rows, strict=True):
            try:
                values = row if given is not None else self.values(row)
                broken = self._broken(connection, question, batch, ordinal, values)
                if broken is None:
                    self._judge_nulls(values)
            except Refusal as refusal:
                broken = batch.records.reject(
                    ordinal, refusal.code, refusal.message, column=refusal.column
                )
                values = []
            yield ordinal, broken or values

    def all_values(self, records: Records, ordinals: Sequence[int]) -> Iterator[Sequence[Any]]:
        """Values of records, converted where they are texts.

        Raises:
            Refusal: a text is none of its column's values.
        """
        given = records.values(ordinals)
        return iter(given) if given is not None else map(self.values, records.texts(ordinals))

    def values(self, texts: Sequence[str | None]) -> Sequence[Any]:
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


def tried_again(
    rejects: Iterable[Reject], insert: Callable[[Reject], Reject | None]
) -> list[Reject]:
    """What is left of the rejects when those that lacked their parent are tried again, from the
    last one on, as long as some come through: it may be a row of the same batch that came later.

    insert: puts a refused row in; the reject, where it is refused again.
    """
    others = [reject for reject in rejects if reject.code != FOREIGN_KEY]
    waiting = [reject for reject in rejects if reject.code == FOREIGN_KEY]
    before = len(waiting) + 1
    while 0 < len(waiting) < before:
        before = len(waiting)
        found = [insert(reject) for reject in reversed(waiting)]
        waiting = [reject for reject in reversed(found) if reject is not None]
    return [*others, *waiting]


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
    given = [
        (key, wanted)
        for key in table.foreign_keys
        if None not in (wanted := [by_name.get(name) for name in key.columns])
    ]
    if len(given) == 1:
        return given[0][0].columns[0]
    for key, wanted in given:
        target = dialect.table_sql(key.table, key.schema)
        where = " AND ".join(f"{dialect.quote(name)} = \0" for name in key.target_columns)
        query = f"SELECT 1 FROM {target} WHERE {where}"
        if connection.exec_driver_sql(marked(query, mark), tuple(wanted)).first() is None:
            return key.columns[0]
    return None
