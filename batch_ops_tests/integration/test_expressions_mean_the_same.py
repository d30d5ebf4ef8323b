"""An expression has the same answer on every database, or is refused by name before it is asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from batch_ops.database.choice import dialect_for
from batch_ops.database.ddl import create_table_sql
from batch_ops.database.faults import FaultKind
from batch_ops.database.render import ListOf, Renderer, Scalar
from batch_ops.database.tables import Column
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

COLUMNS = {
    field.name: Column(field.name, "", field.type, length=field.length, precision=field.precision)
    for field in T.fields
}
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


def assigned(connection: Connection, column: str, text_: str) -> Any:
    """What a column of the first row holds after an expression was assigned to it."""
    dialect = dialect_for(connection.dialect.name)
    renderer, name = Renderer(dialect, BINDS, NOW), dialect.quote(column)
    value = renderer.assigned(Gate(T, {"t": T}).expression(node(text_)), COLUMNS[column])
    with connection.begin() as transaction:
        statement = text(f"UPDATE t SET {name} = {value} WHERE id = 7")
        connection.execute(statement, renderer.parameters)
        where = "WHERE doc IS NOT NULL"
        answer = connection.execute(text(f"SELECT {name} FROM t {where}")).scalar()
        if isinstance(answer, timedelta):
            told = text(f"SELECT CAST({name} AS TEXT) FROM t {where}")
            answer = connection.execute(told).scalar()
        transaction.rollback()
    return plain(answer)


@pytest.mark.parametrize("database", ["on_sqlite", "on_postgresql"])
@pytest.mark.parametrize(("column", "expression", "expected"), cases.ASSIGNED)
def test_a_column_gets_the_same_value_on_every_database(
    request, database, column, expression, expected
):
    """Rounded to its digits, brought to its type."""
    found = assigned(request.getfixturevalue(database), column, expression)
    assert found == expected
    assert (found is None) is (expected is None)


@pytest.mark.parametrize(("column", "expression", "told"), cases.ASSIGNED_REFUSED)
def test_a_value_the_column_does_not_take_is_refused(column, expression, told):
    checked = Gate(T, {"t": T}).expression(node(expression))
    with pytest.raises(DeclarationError) as caught:
        Renderer(dialect_for("sqlite"), BINDS, NOW).assigned(checked, COLUMNS[column])
    assert told in caught.value.what


@pytest.mark.parametrize(
    ("database", "expression", "told"),
    [
        ("on_sqlite", "id / nothing_at_all", "division by zero"),
        ("on_sqlite", "price / (price - 10)", "division by zero"),
        ("on_sqlite", "CAST(name AS INTEGER)", "'Straße Äpfel' is no whole number"),
        ("on_sqlite", "SQRT(-price)", "square root of a negative number"),
        ("on_postgresql", "price / (price - 10)", "division by zero"),
        ("on_postgresql", "CAST(name AS INTEGER)", "invalid input syntax"),
    ],
)
def test_what_fails_for_a_value_is_the_rows_own_fault_and_says_why(
    request, database, expression, told
):
    """The row is refused, and the step goes on."""
    connection = request.getfixturevalue(database)
    with pytest.raises(DBAPIError) as caught:
        ask(connection, expression.replace("nothing_at_all", "(id - 7)"), condition=False)
    fault = dialect_for(connection.dialect.name).fault(caught.value)
    assert fault.kind is FaultKind.ROW
    assert told in fault.message


def test_a_check_of_a_table_uses_what_everyone_understands():
    """No function that connections of batch_ops alone have, and no sign of a bound parameter."""
    gate, renderer = Gate(T, {"t": T}), Renderer(dialect_for("sqlite"), {}, NOW)
    plain_check = gate.expression(node("short LIKE 'a:b%' AND price > 0"))
    assert renderer.constraint(plain_check) == "`short` LIKE 'a:b%' AND `price` > 0"
    with pytest.raises(DeclarationError, match="needs what this database has not itself"):
        renderer.constraint(gate.expression(node("price * 2 > 1")))


def test_there_are_enough_of_them():
    assert len({case[0] for case in CASES}) >= 150
