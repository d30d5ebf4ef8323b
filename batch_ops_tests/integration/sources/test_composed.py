"""Rows composed of a record's fields, literals and parameters, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from batch_ops.errors import SourceError
from batch_ops.spec.model import CsvSource, Entity, Field, FieldType, Literal, RowsSource
from batch_ops_tests.support.goods import GOODS, PLAIN, Goods
from batch_ops_tests.support.loading import database_with, load, opened, rows, value


@pytest.fixture
def ground(database_url, tmp_path):
    made = Goods(database_url, tmp_path)
    yield made
    made.database.dispose()


def test_fields_literals_and_parameters_become_columns(ground):
    values = {
        "id": value(":product.number"),
        "name": value(":product.title"),
        "price": value(":amount"),
        "active": Literal(value=True),
    }
    given = ground.csv(b'number,other,title\n1,x,"a,""b"\n2,x,\n3,x,\xc3\xa9\n')
    found = ground.load(given, values, parameters={"amount": Decimal("1.10")})
    assert found.rejects == []
    assert ground.rows == [
        (1, 'a,"b', Decimal("1.1"), True),
        (2, None, Decimal("1.1"), True),
        (3, "é", Decimal("1.1"), True),
    ]


def test_an_empty_literal_is_a_text_and_no_null(ground):
    ground.load(ground.csv(b"id\n1\n"), {"id": value(":r.id"), "name": Literal("")})
    ground.load(ground.csv(b"id\n2\n"), {"id": value(":r.id"), "name": Literal(None)})
    assert [row[:2] for row in ground.rows] == [(1, ""), (2, None)]


def test_every_null_text_of_a_file_stays_null(ground):
    given = ground.csv(b'id,name\n1,NA\n2,-\n3,"NA"\n4,a\n', null_values=("NA", "-"))
    ground.load(given, PLAIN)
    assert [row[1] for row in ground.rows] == [None, None, None, "a"]


def test_one_record_without_a_source_is_made_of_values_alone(ground):
    found = ground.load(RowsSource(None), {"id": Literal(5), "name": value("upper('a')")})
    assert (found.created, found.total) == (1, 1)
    assert ground.rows == [(5, "A", None, None)]


def test_one_record_alone_is_a_list_of_one(ground):
    ground.load(RowsSource("one"), PLAIN, parameters={"one": {"id": 1, "name": "a"}})
    assert ground.rows == [(1, "a", None, None)]


def test_now_is_the_time_when_the_batch_is_read(ground):
    before = datetime.now(UTC)
    values = {"id": value(":r.id"), "at": value("NOW()")}
    found = ground.load(ground.csv(b"id\n1\n2\n"), values)
    assert before <= ground.moments[0] <= datetime.now(UTC)
    assert len(set(ground.moments)) == 1
    assert found.good == 2


def test_a_constant_is_used_where_neither_value_nor_record_sets_the_column(ground):
    expiry = datetime(2030, 1, 1, 12, tzinfo=UTC)
    own = datetime(2024, 1, 1, tzinfo=UTC)
    given = ground.lines(
        b'{"id": 1, "at": "2024-01-01 00:00:00"}\n{"id": 2}\n{"id": 3, "at": null}'
    )
    ground.load(given, {}, constants={"at": expiry})
    ground.load(ground.csv(b"id,name\n4,a\n"), {}, constants={"at": expiry})
    values = {"id": Literal(5), "at": Literal("2024-01-01 00:00:00")}
    ground.load(RowsSource(None), values, constants={"at": expiry})
    ground.load(RowsSource(None), {"id": Literal(6)}, constants={"at": expiry})
    assert ground.moments == [own, expiry, expiry, expiry, own, expiry]


def test_rules_are_judged_on_the_composed_columns(ground):
    values = {"id": value(":r.n"), "name": value("upper(:r.title)"), "price": value(":r.p * 2")}
    given = ground.lines(b'{"n": 1, "title": "a", "p": 1}\n{"n": 2, "title": "b", "p": 5}')
    found = ground.load(given, values, rules=["price > 2", "name <> 'X'"])
    (reject,) = found.rejects
    assert (reject.row, reject.code, reject.column, reject.outcome) == (
        1,
        "rule",
        "price",
        "invalid",
    )
    assert (reject.key, reject.value) == ({"id": "1"}, "2")
    assert reject.data == {"n": "1", "title": "a", "p": "1"}
    assert ground.rows == [(2, "B", Decimal(10), None)]


def test_a_reject_shows_the_original_record_and_the_targets_key(ground):
    values = {"id": value(":r.number"), "name": value(":r.title")}
    given = ground.csv(b"number,title,more\n1,a,m\nx,b,m\n1,c,m\n2,d,m,n\n3,\x00,m\n")
    found = ground.load(given, values)
    by_type, taken, ragged, nul = found.rejects
    assert (by_type.code, by_type.column, by_type.value) == ("22P02", "id", "x")
    assert (by_type.key, by_type.data) == ({"id": "x"}, {"number": "x", "title": "b", "more": "m"})
    assert (taken.code, taken.row, taken.key) == ("23505", 3, {"id": "1"})
    assert taken.data == {"number": "1", "title": "c", "more": "m"}
    assert (ragged.code, ragged.key) == ("ragged_row", None)
    assert ragged.data == {"number": "2", "title": "d", "more": "m", "field 4": "n"}
    assert (nul.code, nul.key, nul.row) == ("nul_byte", {"id": "3"}, 5)


def test_one_field_may_go_to_several_columns(ground):
    given = ground.csv(b"n,x\n1,5\n", mapping={"id": "n", "name": "n", "price": "n"})
    ground.load(given, {})
    assert ground.rows == [(1, "1", Decimal(1), None)]


def test_a_mapping_and_values_make_a_row_together(ground):
    given = ground.csv(b"n,title\n1,a\n", mapping={"id": "n"})
    ground.load(given, {"name": value("upper(:r.title)")})
    assert ground.rows == [(1, "A", None, None)]


def test_texts_that_mean_something_in_csv_pass_through(ground):
    given = [
        {"id": 1, "name": "a\r"},
        {"id": 2, "name": 'a"b,c\n'},
        {"id": 3, "name": "\\."},
        {"id": 4, "name": " x\r\n"},
    ]
    ground.load(RowsSource("items"), PLAIN, parameters={"items": given})
    assert [row[1] for row in ground.rows] == ["a\r", 'a"b,c\n', "\\.", " x\r\n"]


def test_a_single_composed_column_may_be_empty(database_url, tmp_path):
    words = Entity("words", "words", (Field("word", FieldType.TEXT),))
    (tmp_path / "in.csv").write_bytes(b"a,b\n,1\nx,2\n\\.,3\n")
    database = database_with(database_url, "CREATE TABLE words (word TEXT)")
    source = opened(
        database,
        CsvSource("in.csv", null_values=()),
        words,
        folder=tmp_path,
        values={"word": value(":r.a")},
    )
    assert load(database, source, words).created == 3
    assert sorted(rows(database, "SELECT word FROM words")) == [("",), ("\\.",), ("x",)]
    database.dispose()


def test_each_record_can_bear_its_row_number(ground):
    values = {"id": value(":r.id")}
    (ground.folder / "in.csv").write_bytes(b"id,name\n7,a\n8\n\n9,b\n")
    source = opened(
        ground.database,
        CsvSource("in.csv"),
        GOODS,
        folder=ground.folder,
        values=values,
        numbered="bo_row",
    )
    assert source.layout.targets == ("id", "bo_row")
    plan = source.scan(10)
    with source.batches(plan.ranges[0].start, plan.ranges[-1].end, 2) as batches:
        found = [list(b.records.texts(b.records.good)) for b in batches]
    assert found == [[["7", "1"]], [["9", "3"]]]


def test_the_text_that_stands_for_null_is_refused_in_a_file(ground):
    found = ground.load(ground.csv(b"id,name\n1,\x02NULL\x02\n2,a\n"), PLAIN)
    assert found.reasons == {1: ("null_text", None)}
    assert ground.rows == [(2, "a", None, None)]


@pytest.mark.parametrize("field", ["nmae", "x"])
def test_a_field_that_records_do_not_have_is_told_at_once(ground, field):
    values = {"id": value(":r.id"), "name": value(f"upper(:r.{field})")}
    for given in (
        ground.csv(b"id,name\n1,a\n"),
        ground.lines(b'{"id": 1}\n{"id": 2, "name": "b"}'),
        RowsSource("items"),
    ):
        parameters = {"items": [{"id": 1, "name": "a"}]}
        with pytest.raises(
            SourceError, match=f"no '{field}', which the value of 'name' reads"
        ) as caught:
            opened(
                ground.database,
                given,
                GOODS,
                folder=ground.folder,
                values=values,
                parameters=parameters,
            )
        assert ("Did you mean 'name'?" if field == "nmae" else "Known: id, name.") in str(
            caught.value
        )
