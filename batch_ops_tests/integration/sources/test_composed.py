"""Rows composed of a record's fields, literals and computed values, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.database.compute import Computing
from batch_ops.database.render import ListOf, Scalar
from batch_ops.errors import SourceError
from batch_ops.spec.model import (
    CsvSource,
    Entity,
    Field,
    FieldType,
    FileFormat,
    Literal,
    RecordFile,
    RowsSource,
)
from batch_ops_tests.support.loading import database_with, load, opened, rows, value

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops_tests.support.loading import Loaded

FIELDS = (
    Field("id", FieldType.INTEGER, nullable=False),
    Field("name", FieldType.TEXT),
    Field("price", FieldType.DECIMAL, precision=(12, 2)),
    Field("active", FieldType.BOOLEAN),
    Field("at", FieldType.TIMESTAMP),
)
GOODS = Entity("goods", "goods", FIELDS, ("id",))
COLUMNS = "id INTEGER NOT NULL PRIMARY KEY, name TEXT, price NUMERIC(12, 2), active BOOLEAN"
QUERY = "SELECT id, name, price, active FROM goods ORDER BY id"
PLAIN = {"id": value(":r.id"), "name": value(":r.name")}


class Ground:
    """A database with the table, and records to load into it."""

    def __init__(self, url: str, folder: Path) -> None:
        moment = "TIMESTAMP WITH TIME ZONE" if url.startswith("postgresql") else "DATETIME"
        self.folder = folder
        self.database = database_with(url, f"CREATE TABLE goods ({COLUMNS}, at {moment})")

    def load(self, source: Any, values: dict[str, Any], **more: Any) -> Loaded:
        binds = more.pop("binds", {})
        opening = {
            "folder": self.folder,
            "values": values,
            "compute": Computing(self.database.reading, binds, more.pop("calls", {})),
            **more,
        }
        return load(self.database, opened(self.database, source, GOODS, **opening), GOODS)

    def csv(self, data: bytes, **options: Any) -> CsvSource:
        (self.folder / "in.csv").write_bytes(data)
        return CsvSource("in.csv", **options)

    def lines(self, data: bytes) -> RecordFile:
        (self.folder / "in.jsonl").write_bytes(data)
        return RecordFile(FileFormat.JSONL, "in.jsonl")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return [
            (
                key,
                name,
                price if price is None else Decimal(str(price)),
                active if active is None else bool(active),
            )
            for key, name, price, active in rows(self.database, QUERY)
        ]

    @property
    def moments(self) -> list[datetime | None]:
        found = rows(self.database, "SELECT at FROM goods ORDER BY id")
        return [_utc(moment) for (moment,) in found]


def _utc(moment: Any) -> datetime | None:
    if moment is None:
        return None
    read = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


@pytest.fixture
def ground(database_url: str, tmp_path: Path):
    made = Ground(database_url, tmp_path)
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


def test_a_division_by_zero_is_a_reject_where_the_database_refuses_it(postgresql_url, tmp_path):
    ground = Ground(postgresql_url, tmp_path)
    values = {"id": value(":r.id"), "price": value("100 / :r.price")}
    lines = b"".join(b"%d,%d\n" % (number, number % 50) for number in range(1, 1001))
    found = ground.load(ground.csv(b"id,price\n" + lines), values)
    assert found.created == 980
    assert found.reasons == dict.fromkeys(range(50, 1001, 50), ("22012", "price"))
    assert found.rejects[0].key == {"id": "50"}
    assert found.rejects[0].data == {"id": "50", "price": "0"}
    ground.database.dispose()


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


def test_now_is_the_time_when_the_batch_is_read(ground):
    before = datetime.now(UTC)
    values = {"id": value(":r.id"), "at": value("NOW()")}
    found = ground.load(ground.csv(b"id\n1\n2\n"), values)
    assert before <= ground.moments[0] <= datetime.now(UTC)
    assert len(set(ground.moments)) == 1
    assert found.good == 2


def test_now_in_a_computed_value_is_that_time_too(ground):
    before = datetime.now(UTC)
    values = {"id": value(":r.id"), "at": value("NOW() + INTERVAL '1 day'")}
    ground.load(ground.csv(b"id\n1\n2\n"), values)
    first, second = ground.moments
    assert first == second
    assert timedelta(0) <= first - before - timedelta(days=1) < timedelta(minutes=1)


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


def test_what_the_database_cannot_compute_at_all_is_its_own_error(postgresql_url, tmp_path):
    """A text cannot be multiplied: no record is to blame."""
    ground = Ground(postgresql_url, tmp_path)
    with pytest.raises(Exception, match="operator does not exist"):
        ground.load(ground.csv(b"n,x\n1,2\n"), {"id": value(":r.n * :r.x")})
    ground.database.dispose()


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
