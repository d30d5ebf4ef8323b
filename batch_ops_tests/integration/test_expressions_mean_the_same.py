"""An expression has the same answer on every database, or is refused by name before it is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, text

from batch_ops.database.choice import dialect_for
from batch_ops.database.ddl import create_table_sql
from batch_ops.database.render import ListOf, Renderer, Scalar
from batch_ops.errors import DeclarationError
from batch_ops.spec.expressions import Gate
from batch_ops.spec.model import FieldType
from batch_ops_tests.integration import expression_cases as cases
from batch_ops_tests.integration.expression_cases import T
from batch_ops_tests.unit.spec.declare import node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from batch_ops.database.render import Bind
    from batch_ops_tests.support.postgresql import PostgreSQL

NOW = datetime(2025, 3, 31, 12, 30, 45, 123456, tzinfo=UTC)
BINDS: dict[str, Bind] = {
    "numbers": ListOf([1, 7], FieldType.INTEGER),
    "none": ListOf([], FieldType.INTEGER),
    "texts": ListOf(["A-B-C"], FieldType.TEXT),
    "prices": ListOf([Decimal("10.00")], FieldType.DECIMAL),
    "days": ListOf([date(2024, 1, 31)], FieldType.DATE),
    "count": Scalar(3, FieldType.INTEGER),
}


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    folder: Path = tmp_path_factory.mktemp("expressions")
    yield from filled(f"sqlite:///{folder / 'database.db'}")


@pytest.fixture(scope="module")
def on_postgresql(postgresql_server: PostgreSQL) -> Iterator[Connection]:
    name = postgresql_server.create_database()
    yield from filled(postgresql_server.url(name))
    postgresql_server.drop_database(name)


def filled(url: str) -> Iterator[Connection]:
    """A connection to a database with the table and its rows."""
    made = make_url(url)
    dialect = dialect_for(made.get_backend_name())
    engine: Engine = dialect.create_engine(made, "expressions")
    with engine.connect() as connection:
        connection.execute(text(create_table_sql(dialect, T, {"t": T})))
        for row in cases.ROWS:
            columns = {name: T.field(name) for name in row}
            values = ", ".join(f"CAST(:{n} AS {dialect.field_sql(f)})" for n, f in columns.items())
            if dialect.name != "postgresql":
                values = ", ".join(f":{name}" for name in row)
            names = ", ".join(dialect.quote(name) for name in row)
            connection.execute(text(f"INSERT INTO t ({names}) VALUES ({values})"), row)
        connection.commit()
        yield connection
    engine.dispose()


def ask(connection: Connection, text_: str, *, condition: bool) -> Any:
    """The answer of a database: an expression over the first row, or a condition over all."""
    dialect = dialect_for(connection.dialect.name)
    expression = Gate(T, {"t": T}).expression(node(text_), aggregates=condition)
    renderer = Renderer(dialect, BINDS, NOW)
    asked = renderer.sql(expression)
    where = "" if condition else " WHERE id = 7"
    with connection.begin():
        statement = text(f"SELECT {asked} FROM t{where}")
        answer = connection.execute(statement, renderer.parameters).scalar()
        if isinstance(answer, timedelta) and dialect.name == "postgresql":
            statement = text(f"SELECT CAST(({asked}) AS TEXT) FROM t{where}")
            answer = connection.execute(statement, renderer.parameters).scalar()
    return plain(answer)


def plain(answer: Any) -> Any:
    """An answer as the cases write it."""
    if isinstance(answer, datetime):
        moment = answer.astimezone(UTC) if answer.tzinfo else answer
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
    if isinstance(answer, timedelta):
        answer = (datetime.fromisoformat("2000-01-01") + answer).time()
    if hasattr(answer, "isoformat"):
        return answer.isoformat()
    return float(answer) if isinstance(answer, Decimal) else answer


CASES = [(*case, False) for case in cases.SCALARS] + [(*case, True) for case in cases.CONDITIONS]


@pytest.mark.parametrize("database", ["on_sqlite", "on_postgresql"])
@pytest.mark.parametrize(("expression", "expected", "condition"), CASES)
def test_the_answer_is_the_same_on_every_database(
    request, database, expression, expected, condition
):
    found = ask(request.getfixturevalue(database), expression, condition=condition)
    assert found == expected
    assert (found is None) is (expected is None)
    assert isinstance(found, str) is isinstance(expected, str)


REFUSED = [
    *(("sqlite", *case, False) for case in cases.ON_SQLITE),
    *(("sqlite", *case, True) for case in cases.CONDITIONS_ON_SQLITE),
    *(("mysql", *case, False) for case in cases.ON_MYSQL.items()),
]


@pytest.mark.parametrize(("database", "expression", "told", "condition"), REFUSED)
def test_what_is_not_portable_is_refused_by_name(database, expression, told, condition):
    """Before the database is asked, with the place in the declaration and what to do."""
    checked = Gate(T, {"t": T}).expression(node(expression), aggregates=condition)
    with pytest.raises(DeclarationError) as caught:
        Renderer(dialect_for(database), BINDS, NOW).sql(checked)
    assert told in str(caught.value)
    assert caught.value.todo
    assert caught.value.location.line == 1


def test_mariadb_gives_the_same_answers(mariadb_url):
    """To all that is not refused there, and does not go by a column's collation."""
    for connection in filled(mariadb_url):
        found = {
            expression: (ask(connection, expression, condition=condition), expected)
            for expression, expected, condition in CASES
            if expression not in {*cases.ON_MYSQL, *cases.BY_COLLATION}
        }
    assert len(found) > 300
    assert {each: pair for each, pair in found.items() if pair[0] != pair[1]} == {}


def test_there_are_enough_of_them():
    assert len({case[0] for case in CASES}) >= 150
