"""Columns that the database computes from a record's fields, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from batch_ops.database.render import ListOf, Scalar
from batch_ops.spec.model import FieldType, RowsSource
from batch_ops_tests.support.goods import Goods
from batch_ops_tests.support.loading import value


@pytest.fixture
def ground(database_url, tmp_path):
    made = Goods(database_url, tmp_path)
    yield made
    made.database.dispose()


@pytest.mark.parametrize("kind", ["csv", "lines", "rows"])
def test_computed_columns_are_what_the_database_computes(ground, kind):
    values = {
        "id": value(":r.id"),
        "name": value("upper(:r.name) || '-' || :suffix"),
        "price": value(":r.price * 1.5"),
        "active": value(":r.price > 9"),
    }
    parameters: dict[str, Any] = {"suffix": "x"}
    if kind == "csv":
        given: Any = ground.csv(b"id,name,price\n1,a,10.50\n2,,2\n3,c,\n")
    elif kind == "lines":
        given = ground.lines(
            b'{"id": 1, "name": "a", "price": 10.50}\n{"id": 2, "price": 2}\n{"id": 3, "name": "c"}'
        )
    else:
        given = RowsSource("items")
        parameters["items"] = [
            {"id": 1, "name": "a", "price": Decimal("10.50")},
            {"id": 2, "price": 2},
            {"id": 3, "name": "c"},
        ]
    binds = {"suffix": Scalar("x", FieldType.TEXT)}
    found = ground.load(given, values, parameters=parameters, binds=binds)
    assert found.rejects == []
    assert ground.rows == [
        (1, "A-x", Decimal("15.75"), True),
        (2, None, Decimal(3), False),
        (3, "C-x", None, None),
    ]


def test_a_numbers_type_is_known_by_the_records_where_no_column_tells_it(ground):
    values = {
        "id": value(":r.n + 1"),
        "price": value(":r.net * 2"),
        "active": value(":r.yes AND :r.net > 1"),
    }
    ground.load(ground.lines(b'{"n": 1, "net": 1.25, "yes": true}\n{"n": 2, "net": null}'), values)
    assert ground.rows == [(2, None, Decimal("2.5"), True), (3, None, None, None)]


def test_a_field_is_not_rounded_or_cut_before_it_is_computed_with(ground):
    values = {"id": value(":r.id"), "price": value(":r.price * 100")}
    ground.load(ground.csv(b"id,price\n1,0.12345\n"), values)
    ((_, _, price, _),) = ground.rows
    assert price.quantize(Decimal("0.01"), ROUND_HALF_UP) == Decimal("12.35")


def test_a_record_the_database_refuses_costs_no_other(ground):
    values = {
        "id": value(":r.id"),
        "name": value("upper(:r.name)"),
        "price": value(":r.price + 1"),
    }
    lines = [b"%d,n%d,%d.5" % (number, number, number) for number in range(1, 1001)]
    lines[4], lines[700] = b"5,n5,abc", b"701,n701,1.2.3"
    found = ground.load(ground.csv(b"id,name,price\n" + b"\n".join(lines)), values)
    assert (found.created, found.total) == (998, 1000)
    assert found.reasons == {5: ("22P02", "price"), 701: ("22P02", "price")}
    first = found.rejects[0]
    assert (first.outcome, first.key) == ("failed", {"id": "5"})
    assert first.data == {"id": "5", "name": "n5", "price": "abc"}
    assert "invalid input syntax for type numeric" in first.message
    assert ground.rows[0] == (1, "N1", Decimal("2.5"), None)


def test_a_division_by_zero_is_a_reject(ground):
    values = {"id": value(":r.id"), "price": value("100 / :r.price")}
    lines = b"".join(b"%d,%d\n" % (number, number % 50) for number in range(1, 1001))
    found = ground.load(ground.csv(b"id,price\n" + lines), values)
    assert found.created == 980
    assert [reject.row for reject in found.rejects] == list(range(50, 1001, 50))
    assert {(r.code, r.column, r.outcome) for r in found.rejects} == {("22012", "price", "failed")}
    assert "division by zero" in found.rejects[0].message
    assert found.rejects[0].key == {"id": "50"}
    assert found.rejects[0].data == {"id": "50", "price": "0"}


def test_a_text_that_is_no_number_where_one_is_cast_is_a_reject(ground):
    values = {"id": value(":r.id"), "price": value("CAST(:r.text AS numeric) * 2")}
    found = ground.load(ground.csv(b"id,text\n1,1.5\n2,abc\n3,2\n"), values)
    assert [(reject.row, reject.column) for reject in found.rejects] == [(2, "price")]
    assert [row[2] for row in ground.rows] == [Decimal(3), Decimal(4)]


def test_sub_selects_lists_and_functions_of_python_are_computed_too(ground):
    with ground.database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE kinds (code TEXT, id INTEGER)")
        connection.exec_driver_sql("INSERT INTO kinds VALUES ('a', 7), ('b', 8)")
    values = {
        "id": value("(SELECT kinds.id FROM kinds WHERE kinds.code = :r.code)"),
        "name": value("my_name() || :r.code"),
        "active": value(":r.code = ANY(:codes)"),
    }
    asked: list[int] = []
    calls = {"my_name": lambda: asked.append(1) or "me-"}
    binds = {"codes": ListOf(["a", "c"], FieldType.TEXT)}
    ground.load(ground.csv(b"code\na\nb\n"), values, binds=binds, calls=calls)
    assert ground.rows == [(7, "me-a", None, True), (8, "me-b", None, False)]
    assert asked == [1]


def test_now_in_a_computed_value_is_that_time_too(ground):
    before = datetime.now(UTC)
    values = {"id": value(":r.id"), "at": value("NOW() + INTERVAL '1 day'")}
    ground.load(ground.csv(b"id\n1\n2\n"), values)
    first, second = ground.moments
    assert first == second
    assert timedelta(0) <= first - before - timedelta(days=1) < timedelta(minutes=1)


def test_what_the_database_cannot_compute_at_all_is_its_own_error(postgresql_url, tmp_path):
    """A text cannot be multiplied: no record is to blame."""
    ground = Goods(postgresql_url, tmp_path)
    with pytest.raises(Exception, match="operator does not exist"):
        ground.load(ground.csv(b"n,x\n1,2\n"), {"id": value(":r.n * :r.x")})
    ground.database.dispose()
