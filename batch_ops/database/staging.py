"""A session's stage: a temporary table with a target's types and none of its constraints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from batch_ops.database.judging import broken
from batch_ops.database.merge import ROW
from batch_ops.database.tables import Column, Table
from batch_ops.database.wording import plainly, text
from batch_ops.spec.model import Field, FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect

_AT_ONCE = 10_000
"""Rows that one statement takes out of a stage."""


@dataclass(frozen=True)
class Stage:
    """The rows of one batch before they are merged into their table, numbered by `ROW`.

    Attributes:
        table: the stage as a table; lives in one session.
    """

    dialect: Dialect
    table: Table

    @classmethod
    def of(
        cls,
        dialect: Dialect,
        target: Table,
        columns: Sequence[str],
        name: str,
        more: Sequence[Column] = (),
    ) -> Stage:
        """A stage for these columns of a target, and more."""
        number = Column(ROW, dialect.field_sql(Field(ROW, FieldType.BIGINT)), FieldType.BIGINT)
        taken = tuple(replace(target.column(column), nullable=True) for column in columns)
        return cls(dialect, Table(name, None, (number, *taken, *more), (ROW,)))

    @property
    def name(self) -> str:
        """The table's name, quoted."""
        return self.dialect.table_sql(self.table.name, None)

    def open(self, connection: Connection) -> None:
        """Make it where this session has none yet, and empty it."""
        columns = ", ".join(
            f"{self.dialect.quote(column.name)} {column.sql_type}" for column in self.table.columns
        )
        plainly(connection, self.dialect.stage_sql(self.name, columns))
        plainly(connection, self.dialect.empty_sql(self.name))

    def index(self, connection: Connection) -> None:
        """See to it that rows are found by their number, where that is cheap."""
        statement = self.dialect.index_stage_sql(self.name, self.table.name)
        if statement:
            plainly(connection, statement)

    def where_not(self, connection: Connection, condition: str) -> list[int]:
        """The numbers of rows for which a condition, in this database's SQL, is false."""
        row = self.dialect.quote(ROW)
        query = f"SELECT {row} FROM {self.name} WHERE NOT ({condition}) ORDER BY {row}"
        return [int(number) for (number,) in plainly(connection, query)]

    def judged(self, connection: Connection, rules: Sequence[str]) -> list[tuple[int, int]]:
        """The numbers of rows that break one of the rules, and which: see `broken`."""
        row, told = self.dialect.quote(ROW), broken(rules)
        query = (
            f"SELECT {row}, bo_told FROM (SELECT k.{row}, {told} AS bo_told FROM {self.name} AS k)"
            f" AS t WHERE bo_told > 0 ORDER BY {row}"
        )
        found = plainly(connection, query).mappings()
        return [(int(each[ROW]), int(each["bo_told"])) for each in found]

    def drop(self, connection: Connection) -> None:
        """Remove it from the session."""
        plainly(connection, self.dialect.drop_stage_sql(self.name))

    def fill(
        self, connection: Connection, source: str, exprs: Mapping[str, str], bound: dict[str, Any]
    ) -> int:
        """Take rows of the database: `ROW` and columns from expressions over `source`, a FROM item;
        how many there were.
        """
        names = ", ".join(self.dialect.quote(name) for name in exprs)
        values = ", ".join(exprs.values())
        statement = f"INSERT INTO {self.name} ({names}) SELECT {values} FROM {source}"
        return int(connection.execute(text(statement), bound).rowcount)

    def numbers(self, connection: Connection) -> list[int]:
        """The numbers of the rows, in order."""
        row = self.dialect.quote(ROW)
        found = plainly(connection, f"SELECT {row} FROM {self.name} ORDER BY {row}")
        return [int(number) for (number,) in found]

    def taken_out(self, connection: Connection, numbers: Sequence[int]) -> list[Mapping[str, Any]]:
        """Take the rows of these numbers out, and give them, by number."""
        rows: list[Mapping[str, Any]] = []
        for where in self._where(numbers):
            rows += self._rows(connection, where, {})
        self.remove(connection, numbers)
        return rows

    def remove(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Take the rows of these numbers out; many at once, since no index leads to one."""
        for where in self._where(numbers):
            plainly(connection, f"DELETE FROM {self.name} WHERE {where}")

    def _where(self, numbers: Sequence[int]) -> Iterator[str]:
        for start in range(0, len(numbers), _AT_ONCE):
            some = ", ".join(str(int(number)) for number in numbers[start : start + _AT_ONCE])
            yield f"{self.dialect.quote(ROW)} IN ({some})"

    def broken(
        self, connection: Connection, rule: str, bound: dict[str, Any]
    ) -> list[Mapping[str, Any]]:
        """The rows for which a rule is not true, in order; they are taken out."""
        where = f"CASE WHEN ({rule}) THEN 0 ELSE 1 END = 1"
        rows = self._rows(connection, where, bound)
        self.remove(connection, [row[ROW] for row in rows])
        return rows

    def _rows(
        self, connection: Connection, where: str, bound: dict[str, Any]
    ) -> list[Mapping[str, Any]]:
        row = self.dialect.quote(ROW)
        query = f"SELECT * FROM {self.name} WHERE {where} ORDER BY {row}"
        return [dict(found) for found in connection.execute(text(query), bound).mappings()]


def put_rows(
    connection: Connection, dialect: Dialect, table: Table, rows: Iterable[Mapping[str, Any]]
) -> int:
    """Insert rows of values into a table; how many."""
    names = ", ".join(dialect.quote(column.name) for column in table.columns)
    marks = ", ".join(dialect.bind(f"v{n}", column) for n, column in enumerate(table.columns))
    into = dialect.table_sql(table.name, table.schema)
    statement = text(f"INSERT INTO {into} ({names}) VALUES ({marks})")
    bound = [{f"v{n}": row[c.name] for n, c in enumerate(table.columns)} for row in rows]
    if bound:
        connection.execute(statement, bound)
    return len(bound)


def hand_on(
    connection: Connection,
    dialect: Dialect,
    target: Table,
    stage: Table,
    output: Table,
    match: Sequence[str],
) -> None:
    """Put the target's rows that are staged into an output table, each once."""
    quote, name = dialect.quote, dialect.table_sql
    columns = ", ".join(quote(column) for column in output.column_names)
    taken = ", ".join(f"t.{quote(column)}" for column in output.column_names)
    same = " AND ".join(f"t.{quote(column)} = s.{quote(column)}" for column in match)
    known = " AND ".join(f"o.{quote(column)} = t.{quote(column)}" for column in output.key)
    into = name(output.name, output.schema)
    plainly(
        connection,
        f"INSERT INTO {into} ({columns}) SELECT DISTINCT {taken}"
        f" FROM {name(target.name, target.schema)} AS t JOIN {name(stage.name, stage.schema)} AS s"
        f" ON {same} WHERE NOT EXISTS (SELECT 1 FROM {into} AS o WHERE {known})",
    )


def hand_on_keys(
    connection: Connection,
    dialect: Dialect,
    target: Table,
    output: Table,
    keys: Sequence[tuple[Any, ...]],
) -> None:
    """Put the target's rows of these keys into an output table."""
    columns = ", ".join(dialect.quote(column) for column in output.column_names)
    where = " AND ".join(
        f"{dialect.quote(column.name)} = {dialect.bind(f'k{n}', column)}"
        for n, column in enumerate(target.key_columns)
    )
    statement = text(
        f"INSERT INTO {dialect.table_sql(output.name, output.schema)} ({columns})"
        f" SELECT {columns} FROM {dialect.table_sql(target.name, target.schema)} WHERE {where}"
    )
    if keys:
        connection.execute(statement, [{f"k{n}": v for n, v in enumerate(key)} for key in keys])
