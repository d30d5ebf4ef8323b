"""A value comes back as it was given, by every way in and on every database, or is refused with the
same code and column.
"""

# ruff: noqa: DTZ001, DTZ901  (naive moments are among the values)

from __future__ import annotations

import datetime as dt
import enum
import json
import math
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np
import orjson
import pandas as pd
import pytest
import sqlalchemy as sa
from pydantic import BaseModel, SecretStr
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from batch_ops import BatchTable
from batch_ops_tests.integration.bulk.kit import (
    MARIADB,
    POSTGRESQL,
    SQLITE,
    codes,
    connected,
    kind,
    rows_of,
    run,
)

UUID_1 = UUID("12345678-1234-5678-1234-567812345678")
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))
WEST = dt.timezone(-dt.timedelta(hours=3))
MOMENT = dt.datetime(2020, 1, 2, 3, 4, 5, 678901)
IN_INDIA = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=INDIA)
IN_UTC = dt.datetime(2020, 1, 1, 21, 34, 5)
HUGE = 10**30


class Letter(enum.StrEnum):
    A = "a"


class Plain(enum.Enum):
    A = "a"
    ONE = 1


class Whole(enum.IntEnum):
    ONE = 1


class Nested(BaseModel):
    at: dt.date
    tags: tuple[str, ...]


class Bare:
    """A value nobody has a text for."""


COLUMNS = {
    "text": ("TEXT", "TEXT", "LONGTEXT"),
    "short": ("VARCHAR(5)",) * 3,
    "whole": ("INTEGER",) * 3,
    "large": ("BIGINT",) * 3,
    "amount": ("NUMERIC", "NUMERIC", "DECIMAL(65, 30)"),
    "money": ("NUMERIC(12, 2)", "NUMERIC(12, 2)", "DECIMAL(12, 2)"),
    "real_number": ("FLOAT", "DOUBLE PRECISION", "DOUBLE"),
    "flag": ("BOOLEAN",) * 3,
    "day": ("DATE",) * 3,
    "clock": ("TIME", "TIME", "TIME(6)"),
    "moment": ("DATETIME", "TIMESTAMP", "DATETIME(6)"),
    "uuid": ("CHAR(36)", "UUID", "CHAR(36)"),
    "document": ("JSON", "JSONB", "JSON"),
    "raw": ("BLOB", "BYTEA", "LONGBLOB"),
}

TEXTS = [
    *("", " ", "  a  ", "it's", 'say "x"', "a,b", "a;b|c", "\t", "a\nb", "a\r\nb", "a\r", "\r"),
    *("\n", "\\", "\\n", "\\N", "\\NN", "\\.", "a\n\\.\nb", "NULL", "null", "None", "nan", "%s %%"),
    *(":name", "äöü €", "日本語", "😀", "e\u0301", "\x01\x7f", "\u2028", "\ufeff", "x" * 300_000),
]
JSONS: list[Any] = [
    *({}, [], "", "text", '{"a": 1}', "null", 0, 1.5, True, False, 2**53 + 1, 2**63 - 1),
    *({"a": [1, None, "x", {"b": True}]}, [[], [1]], {"q": "a'b\"c\\d\n\x01 €😀\\u0000"}),
]
KEPT: dict[str, list[Any]] = {
    "text": TEXTS,
    "short": ["", "abcde", "äöüßé", "日本語😀x"],
    "whole": [0, -1, 2**31 - 1, -(2**31)],
    "large": [2**63 - 1, -(2**63), 2**53 + 1],
    "amount": [Decimal("1.5"), Decimal("0.1"), Decimal("-123456789012.345"), Decimal(0)],
    "money": [Decimal("1.50"), Decimal("9999999999.99"), Decimal("-0.01")],
    "real_number": [1.5, 0.1, 1e308, 5e-324, -2.25, 0.0],
    "flag": [True, False],
    "day": [dt.date(2020, 2, 29), dt.date.min, dt.date.max],
    "clock": [dt.time(1, 2, 3), dt.time(1, 2, 3, 4), dt.time.min, dt.time.max],
    "moment": [MOMENT, dt.datetime(1, 1, 1), dt.datetime.max],
    "uuid": [UUID_1, UUID(int=0)],
    "document": JSONS,
    "raw": [b"", b"\0\xff", bytes(range(256)), b"\\x41", b"\\N", b'\r\n,"', b"NULL", b"\\."],
}
"""Values that come back as they were given."""

READ: dict[str, list[tuple[Any, Any]]] = {
    "text": [
        *((5, "5"), (1.5, "1.5"), (True, "true"), (Decimal("1.50"), "1.50")),
        *((UUID_1, str(UUID_1)), (dt.date(2020, 1, 2), "2020-01-02")),
        *((Letter.A, "a"), (Plain.A, "a"), (Plain.ONE, "1"), (Whole.ONE, "1")),
        *((np.str_("q"), "q"), (np.int64(5), "5"), (SecretStr("s"), "s")),
        *((IPv4Address("127.0.0.1"), "127.0.0.1"), (PurePosixPath("/a"), "/a")),
        (dt.timedelta(days=1, seconds=2), "1 days 00:00:02"),
    ],
    "short": [("abcde   ", "abcde"), (Letter.A, "a")],
    "whole": [
        *(("5", 5), (" 5 ", 5), (5.0, 5), (Decimal("1E+3"), 1000), (True, 1), (Whole.ONE, 1)),
        *((np.int32(7), 7), (np.float64(3), 3), (np.bool_(True), 1), (Plain.ONE, 1)),
    ],
    "large": [(np.uint64(2**63 - 1), 2**63 - 1), (2.0**62, 2**62), (str(2**63 - 1), 2**63 - 1)],
    "amount": [
        *((1, Decimal(1)), (0.1, Decimal("0.1")), ("1.5", Decimal("1.5"))),
        *(("1e3", Decimal(1000)), (np.float64(2.5), Decimal("2.5")), (10**14, Decimal(10**14))),
    ],
    "money": [(Decimal("1.005"), Decimal("1.01")), ("1.999", Decimal(2)), (1.1, Decimal("1.1"))],
    "real_number": [
        *((1, 1.0), (Decimal("1.5"), 1.5), ("1.5", 1.5), (np.float32(1.5), 1.5)),
        *((2**53 + 1, float(2**53)), (np.float64(0.1), 0.1)),
    ],
    "flag": [(0, False), (1, True), (1.0, True), (np.bool_(True), True)],
    "day": [
        *((dt.datetime(2020, 1, 2), dt.date(2020, 1, 2)), ("2020-01-02", dt.date(2020, 1, 2))),
        (pd.Timestamp("2020-01-02"), dt.date(2020, 1, 2)),
        (np.datetime64("2020-01-02"), dt.date(2020, 1, 2)),
    ],
    "clock": [("01:02", dt.time(1, 2)), ("01:02:03.5", dt.time(1, 2, 3, 500_000))],
    "moment": [
        *((IN_INDIA, IN_UTC), (IN_INDIA.astimezone(dt.UTC), IN_UTC)),
        *((IN_INDIA.isoformat(), IN_UTC), ("2020-01-01T21:34:05Z", IN_UTC)),
        *((dt.date(2020, 1, 2), dt.datetime(2020, 1, 2)), (pd.Timestamp(IN_INDIA), IN_UTC)),
        (pd.Timestamp("2020-01-02 03:04:05.678901234"), MOMENT),
        (np.datetime64("2020-01-02T03:04:05.678901234"), MOMENT),
        (np.datetime64("2020-01-02T03:04:05.678901"), MOMENT),
    ],
    "uuid": [(str(UUID_1), UUID_1)],
    "document": [
        *(((1, 2), [1, 2]), (Letter.A, "a"), ({"a": Plain.ONE}, {"a": 1}), ({1: 2}, {"1": 2})),
        *(({"n": math.nan}, {"n": None}), ([np.int64(1), np.float64(0.5)], [1, 0.5])),
        *((np.array([1, 2]), [1, 2]), ({"d": dt.date(2020, 1, 2)}, {"d": "2020-01-02"})),
        *(({"u": UUID_1}, {"u": str(UUID_1)}), ({"d": Decimal("1.10")}, {"d": "1.10"})),
        *(([pd.NA, pd.NaT], [None, None]), ({"big": HUGE}, {"big": HUGE})),
        (Nested(at=dt.date(2020, 1, 2), tags=("x",)), {"at": "2020-01-02", "tags": ["x"]}),
    ],
    "raw": [
        *((bytearray(b"x"), b"x"), (memoryview(b"y"), b"y"), (np.bytes_(b"z"), b"z")),
        *(("abc", b"abc"), ("\\x00ff", b"\0\xff")),
    ],
}
"""Values that come back as others, which mean the same to the column."""

NOTHING: list[Any] = [None, math.nan, np.nan, np.float32("nan"), Decimal("NaN"), pd.NA, pd.NaT]
NOTHING.append(np.datetime64("NaT"))

NO_TEXT, NO_VALUE, TOO_BIG, TOO_LONG = "22021", "22P02", "22003", "22001"
NO_MOMENT, OVERFLOW = "22007", "22008"
REFUSED: dict[str, list[tuple[Any, str]]] = {
    "text": [
        *(("\0", NO_TEXT), ("a\0b", NO_TEXT), ("\ud800", NO_TEXT), ("a\udfff", NO_TEXT)),
        *((b"x", NO_VALUE), ({"a": 1}, NO_VALUE), ([1], NO_VALUE), ({1}, NO_VALUE)),
        *((Bare(), NO_VALUE), (Nested(at=dt.date.min, tags=()), NO_VALUE)),
    ],
    "short": [
        *(("abcdef", TOO_LONG), ("abcde x", TOO_LONG), ("äöüßéx", TOO_LONG)),
        *(("abc\0def", NO_TEXT), ("abcdef\ud800", NO_TEXT)),
    ],
    "whole": [
        *(("x", NO_VALUE), ("", NO_VALUE), ("5.0", NO_VALUE), (5.5, NO_VALUE), (b"5", NO_VALUE)),
        *((math.inf, NO_VALUE), (dt.date(2020, 1, 1), NO_VALUE), ("1_000", NO_VALUE)),
        *(("٣", NO_VALUE), ([1], NO_VALUE), (Letter.A, NO_VALUE), ("1\0", NO_TEXT)),
        *((2**63, TOO_BIG), (HUGE, TOO_BIG)),
    ],
    "large": [(2**63, TOO_BIG), (-(2**63) - 1, TOO_BIG), (np.uint64(2**63), TOO_BIG)],
    "amount": [
        *(("x", NO_VALUE), ("", NO_VALUE), (True, NO_VALUE), (dt.date(2020, 1, 1), NO_VALUE)),
        *((Decimal("Infinity"), TOO_BIG), (math.inf, TOO_BIG)),
    ],
    "money": [
        *((Decimal(10**10), TOO_BIG), (Decimal("9999999999.995"), TOO_BIG), (1e300, TOO_BIG)),
        (f"1{'0' * 50}", TOO_BIG),
    ],
    "real_number": [
        *(("x", NO_VALUE), (True, NO_VALUE), (dt.time(), NO_VALUE), (10**400, TOO_BIG)),
        *((Decimal("1E+400"), TOO_BIG), ("1e400", TOO_BIG)),
    ],
    "flag": [("x", NO_VALUE), ("", NO_VALUE), (1.5, NO_VALUE), (b"1", NO_VALUE)],
    "day": [
        *(("x", NO_MOMENT), ("", NO_MOMENT), ("2020-02-30", OVERFLOW), (5, NO_VALUE)),
        *((dt.datetime(2020, 1, 2, 3), NO_MOMENT), (dt.time(), NO_VALUE)),
    ],
    "clock": [
        *(("x", NO_MOMENT), ("25:00", OVERFLOW), (5, NO_VALUE), (MOMENT, NO_VALUE)),
        (dt.time(1, tzinfo=dt.UTC), NO_MOMENT),
    ],
    "moment": [
        *(("x", NO_MOMENT), ("", NO_MOMENT), ("2020-13-01", OVERFLOW), (5, NO_VALUE)),
        (dt.datetime.min.replace(tzinfo=INDIA), OVERFLOW),
        *((dt.datetime.max.replace(tzinfo=WEST), OVERFLOW), (dt.time(), NO_VALUE)),
    ],
    "document": [
        *(
            ({1, 2}, NO_VALUE),
            (b"x", NO_VALUE),
            (Bare(), NO_VALUE),
            ({"a": {"b": Bare()}}, NO_VALUE),
        ),
        *(({"n": "\0"}, "22P05"), ("\ud800", NO_TEXT), ({"\ud800": 1}, NO_TEXT)),
    ],
    "raw": [(5, NO_VALUE), ([1], NO_VALUE), ("\\xzz", "22023"), ("\ud800", NO_TEXT)],
}


PLACES = (SQLITE, POSTGRESQL, MARIADB)


def table_of(url: str, *columns: str, rule: str = "") -> BatchTable[dict[str, Any]]:
    """A table with a column of each kind, called like it."""
    place = PLACES.index(kind(url))
    fields = "".join(f", {name} {COLUMNS[name][place]} {rule}" for name in columns or COLUMNS)
    run(url, f"CREATE TABLE t (id INTEGER PRIMARY KEY{fields})")
    return BatchTable(url, "t")


def numbered(given: list[tuple[str, Any]], first: int = 0) -> list[dict[str, Any]]:
    """A row for each value of a column."""
    return [{"id": n, column: value} for n, (column, value) in enumerate(given, first)]


def as_items(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as what `update_many` takes."""
    return [
        {"key": row["id"], "data": {name: row[name] for name in row if name != "id"}}
        for row in rows
    ]


def differing(
    table: BatchTable[dict[str, Any]], url: str, wanted: list[tuple[str, Any]], first: int = 0
) -> list[Any]:
    """The values that are not as they should be, with what should be there."""
    found = table.get_many(range(first, first + len(wanted))).found
    pairs = [
        (column, row[column], own(url, column, value))
        for row, (column, value) in zip(found, wanted, strict=True)
    ]
    return [one for one in pairs if not same(*one[1:])]


def own(url: str, column: str, value: Any) -> Any:
    """A value as this database's own type, known by name alone, has it."""
    texts = column == "uuid" and kind(url) != POSTGRESQL and value is not None
    return str(value) if texts else value


def same(found: Any, wanted: Any) -> bool:
    exact = type(found) is type(wanted) or {type(found), type(wanted)} == {bool, int}
    return exact and bool(found == wanted)


ALL_KEPT = [(column, value) for column, values in KEPT.items() for value in values]
GIVEN = [
    *ALL_KEPT,
    *((column, value) for column, pairs in READ.items() for value, _ in pairs),
]
WANTED = [
    *ALL_KEPT,
    *((column, value) for column, pairs in READ.items() for _, value in pairs),
]
BAD = [(column, value) for column, pairs in REFUSED.items() for value, _ in pairs]
WHY = [(column, code) for column, pairs in REFUSED.items() for _, code in pairs]


def test_a_value_is_kept_by_every_way_in(any_url: str):
    table, number = table_of(any_url), len(GIVEN)
    rows = numbered(GIVEN)
    assert table.create_many(rows).stats.created == number
    assert differing(table, any_url, WANTED) == []
    assert table.upsert_many(rows).stats.unchanged == number
    assert table.upsert_many(numbered(GIVEN, 1000)).stats.created == number
    assert differing(table, any_url, WANTED, 1000) == []
    table.create_many([{"id": 2000 + n} for n in range(number)])
    assert table.update_many(as_items(numbered(GIVEN, 2000))).stats.updated == number
    assert differing(table, any_url, WANTED, 2000) == []
    nothing = [(column, None) for column, _ in GIVEN]
    assert table.update_many(as_items(numbered(nothing, 2000))).stats.updated == number
    assert differing(table, any_url, nothing, 2000) == []


def test_values_of_one_type_are_kept_as_among_others(any_url: str):
    """Columns whose values are all of the type of the column go another way."""
    table = table_of(any_url)
    rows = numbered(ALL_KEPT)
    assert table.create_many(rows, batch_size=1).stats.created == len(rows)
    assert differing(table, any_url, ALL_KEPT) == []


def test_what_is_no_value_of_the_column_is_refused_by_every_way_in(any_url: str):
    table = table_of(any_url)
    wanted = [(n, code, column) for n, (column, code) in enumerate(WHY)]
    rows = numbered(BAD)
    good = {"id": 9999}
    assert codes(table.create_many([*rows, good], atomic=False)) == wanted
    assert codes(table.upsert_many(rows, atomic=False)) == wanted
    assert codes(table.upsert_many(rows, atomic=False, batch_size=1)) == wanted
    assert [row["id"] for row in table.where("TRUE")] == [9999]
    table.create_many([{"id": row["id"]} for row in rows])
    assert codes(table.update_many(as_items(rows), atomic=False)) == wanted
    assert differing(table, any_url, [(column, None) for column, _ in BAD]) == []


def test_nothing_is_null_where_that_may_be_and_else_refused(any_url: str):
    nothing = [(column, value) for column in COLUMNS for value in NOTHING]
    rows = numbered(nothing)
    table = table_of(any_url)
    assert table.create_many(rows).stats.created == len(rows)
    assert differing(table, any_url, [(column, None) for column, _ in nothing]) == []
    assert table.upsert_many(rows).stats.unchanged == len(rows)
    run(any_url, "DROP TABLE t")
    strict = table_of(any_url, rule="NOT NULL")
    whole = {column: KEPT[column][0] for column in COLUMNS}
    full = [{**whole, **row} for row in rows]
    wanted = [(n, "23502", column) for n, (column, _) in enumerate(nothing)]
    assert codes(strict.create_many(full, atomic=False)) == wanted
    assert codes(strict.upsert_many(full, atomic=False)) == wanted
    strict.create_many([{**whole, "id": row["id"]} for row in rows])
    assert codes(strict.update_many(as_items(rows), atomic=False)) == wanted
    assert differing(strict, any_url, [(column, whole[column]) for column, _ in nothing]) == []


def test_an_empty_text_is_not_null(any_url: str):
    table = table_of(any_url, "short")
    table.create_many([{"id": 1, "short": ""}, {"id": 2, "short": None}])
    assert rows_of(any_url, "SELECT id FROM t WHERE short = ''") == [(1,)]
    assert table.upsert_many([{"id": 1, "short": ""}, {"id": 2}]).stats.unchanged == 2
    swapped = [{"id": 1, "short": None}, {"id": 2, "short": ""}]
    assert table.upsert_many(swapped).stats.updated == 2


def test_what_not_every_database_keeps_is_kept_or_refused(any_url: str):
    """SQLite keeps decimals as floats and has 64 bits for each INTEGER; MariaDB has no infinity."""
    table = table_of(any_url, "amount", "whole", "real_number")
    digits = ["12345678901234567890.123456789", "1234567890123456", "0.1234567890123456"]
    digits.append("100000000000000000000000000001")
    given = [("amount", Decimal(text)) for text in digits]
    given += [("whole", 2**31), ("real_number", math.inf), ("real_number", -math.inf)]
    but = {SQLITE: (0, 1, 2, 3), POSTGRESQL: (4,), MARIADB: (4, 5, 6)}[kind(any_url)]
    result = table.create_many(numbered(given), atomic=False)
    assert codes(result) == [(n, TOO_BIG, given[n][0]) for n in but]
    kept = [n for n in range(len(given)) if n not in but]
    found = table.get_many(kept).found
    assert [row[given[row["id"]][0]] for row in found] == [given[n][1] for n in kept]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_columns_with_a_zone_keep_the_instant_whatever_the_session_says(
    postgresql_url: str, zone: str
):
    run(postgresql_url, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TIMESTAMPTZ)")
    engine = sa.create_engine(postgresql_url, connect_args={"options": f"-c timezone={zone}"})
    table = BatchTable(engine, "t")
    given = [MOMENT, IN_INDIA, IN_INDIA.isoformat(), "2020-01-02 03:04:05.678901"]
    wanted = [MOMENT.replace(tzinfo=dt.UTC), IN_INDIA, IN_INDIA, MOMENT.replace(tzinfo=dt.UTC)]
    rows = [{"id": n, "v": value} for n, value in enumerate(given)]
    table.create_many(rows)
    assert [row["v"] for row in table.get_many(range(4)).found] == wanted
    assert table.upsert_many(rows).stats.unchanged == 4
    ends = [dt.datetime.min.replace(tzinfo=INDIA), dt.datetime.max.replace(tzinfo=WEST)]
    bad = [{"id": 9, "v": moment} for moment in ends]
    assert codes(table.create_many(bad, atomic=False)) == [(n, OVERFLOW, "v") for n in (0, 1)]
    engine.dispose()


def test_intervals_of_postgresql(postgresql_url: str):
    run(postgresql_url, "CREATE TABLE t (id INTEGER PRIMARY KEY, v INTERVAL)")
    table = BatchTable(postgresql_url, "t")
    given = [
        *(dt.timedelta(0), dt.timedelta(days=1), dt.timedelta(days=-1, seconds=5)),
        *(dt.timedelta(microseconds=-1), dt.timedelta(days=400, hours=25, microseconds=7)),
    ]
    rows = [{"id": n, "v": value} for n, value in enumerate(given)]
    table.create_many(rows)
    assert [row["v"] for row in table.get_many(range(5)).found] == given
    assert table.upsert_many(rows).stats.unchanged == len(given)
    more = [pd.Timedelta("1 day 2 s"), np.timedelta64(5, "s"), "1 day"]
    table.upsert_many([{"id": n, "v": value} for n, value in enumerate(more)])
    wanted = [dt.timedelta(1, 2), dt.timedelta(seconds=5), dt.timedelta(1)]
    assert [row["v"] for row in table.get_many(range(3)).found] == wanted
    bad = [{"id": 9, "v": value} for value in ("x", "", 5, MOMENT)]
    refused = [NO_MOMENT, NO_MOMENT, NO_VALUE, NO_VALUE]
    assert [code for _, code, _ in codes(table.create_many(bad, atomic=False))] == refused


def test_arrays_enumerations_and_addresses_of_postgresql(postgresql_url: str):
    run(
        postgresql_url,
        "CREATE TYPE mood AS ENUM ('sad', 'very happy')",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, texts TEXT[], numbers NUMERIC[], ids UUID[],"
        " grid INTEGER[][], mood mood, ip INET, span INT4RANGE)",
    )
    table = BatchTable(postgresql_url, "t")
    row = {
        "id": 1,
        "texts": ["", None, "a,b", '"', "\\", "{}", "NULL", "\n"],
        "numbers": [Decimal("1.10"), None],
        "ids": [UUID_1],
        "grid": [[1, 2], [3, 4]],
        "mood": "very happy",
        "ip": IPv4Address("127.0.0.1"),
    }
    table.create_many([row])
    found = table.get_many([1]).found[0]
    assert {name: found[name] for name in row} == row
    assert table.upsert_many([row]).stats.unchanged == 1
    table.create_many([{"id": 2}])
    table.update_many([{"key": 2, "data": {k: v for k, v in row.items() if k != "id"}}])
    assert table.get_many([2]).found == [{**found, "id": 2}]
    table.upsert_many([{"id": 1, "texts": [], "numbers": np.array([1, 2]), "span": "[1,5)"}])
    assert rows_of(postgresql_url, "SELECT texts, numbers, span FROM t WHERE id = 1")[0][:2] == (
        [],
        [Decimal(1), Decimal(2)],
    )
    bad = [
        *({"id": 3, "mood": "unknown"}, {"id": 4, "mood": "a much longer unknown word"}),
        *({"id": 5, "ip": "nowhere"}, {"id": 6, "ip": Bare()}, {"id": 7, "texts": [Bare()]}),
        {"id": 8, "numbers": ["x"]},
    ]
    refused = ["mood", "mood", "ip", "ip", "texts", "numbers"]
    wanted = [(n, NO_VALUE, column) for n, column in enumerate(refused)]
    assert codes(table.create_many(bad, atomic=False)) == wanted
    assert codes(table.upsert_many(bad, atomic=False)) == wanted


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_types_nobody_has_a_word_for_are_kept_all_the_same(postgresql_url: str):
    run(
        postgresql_url,
        "CREATE TYPE pair AS (a INTEGER, b TEXT)",
        "CREATE DOMAIN positive AS INTEGER CHECK (VALUE > 0)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, pair pair, point POINT, number positive,"
        " bits BIT(3), span NUMRANGE, words TSVECTOR, at TIME WITH TIME ZONE, raw BYTEA[])",
    )
    table = BatchTable(postgresql_url, "t")
    row: dict[str, Any] = {
        "pair": "(1,x)",
        "point": "(1,2)",
        "number": 5,
        "bits": "101",
        "words": "'a' 'b'",
        "at": dt.time(1, 2, tzinfo=dt.UTC),
        "raw": [b"x", None],
    }
    table.create_many([{"id": 1, **row}, {"id": 3}])
    assert table.upsert_many([{"id": 1, **row}, {"id": 2, **row}]).stats.unchanged == 1
    assert table.update_many([(3, {**row, "span": "[1,2)"})]).stats.updated == 1
    found = table.get_many([1, 2, 3]).found
    assert [{name: one[name] for name in row} for one in found] == [row] * 3
    bad = [{"number": -1}, {"number": "x"}, {"bits": "1"}, {"point": "here"}, {"pair": Bare()}]
    rows = [{"id": 7 + n, **more} for n, more in enumerate(bad)]
    wanted = [
        *((0, "23514", "number"), (1, NO_VALUE, "number"), (2, "22026", "bits")),
        *((3, NO_VALUE, "point"), (4, NO_VALUE, "pair")),
    ]
    assert codes(table.create_many(rows, atomic=False)) == wanted
    assert codes(table.upsert_many(rows, atomic=False)) == wanted


def test_columns_of_sqlite_without_a_type_take_what_the_driver_knows(sqlite_url: str):
    run(sqlite_url, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    table = BatchTable(sqlite_url, "t")
    given = [1, 1.5, "x", b"x", Decimal("1.5"), dt.date(2020, 1, 2), MOMENT, UUID_1]
    wanted = [1, 1.5, "x", b"x", 1.5, "2020-01-02", str(MOMENT), str(UUID_1)]
    table.create_many([{"id": n, "v": value} for n, value in enumerate(given)])
    assert [row["v"] for row in table.get_many(range(8)).found] == wanted
    bad = [{"id": 90 + n, "v": value} for n, value in enumerate([{}, [1], Bare(), 2**63])]
    refused = [(0, NO_VALUE, "v"), (1, NO_VALUE, "v"), (2, NO_VALUE, "v"), (3, TOO_BIG, "v")]
    assert codes(table.create_many(bad, atomic=False)) == refused


def test_what_others_have_written_into_sqlite_is_read_though_it_does_not_fit(sqlite_url: str):
    run(
        sqlite_url,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n NUMERIC, d DATE, j JSON, b BLOB)",
        "INSERT INTO t VALUES (1, 'abc', 'soon', '{', 'text')",
    )
    found = BatchTable(sqlite_url, "t").get_many([1]).found
    assert found == [{"id": 1, "n": "abc", "d": "soon", "j": "{", "b": "text"}]


def test_an_error_tells_any_value_and_is_json(database_url: str):
    run(database_url, "CREATE TABLE t (id INTEGER PRIMARY KEY, v DATE)")
    odd: list[Any] = [{1: "x"}, "\ud800", Bare(), math.inf, np.float64("inf"), [Bare()], b"\xff"]
    odd += [{"\ud800": math.nan}, Letter.A, np.int64(1)]
    rows = [{"id": n, "v": value} for n, value in enumerate(odd)]
    result = BatchTable(database_url, "t").create_many(rows, atomic=False)
    assert all(isinstance(row.error.value, str) for row in result.failed)
    told = orjson.loads(orjson.dumps(result.to_dict(), option=0))
    assert [row["error"]["field"] for row in told["failed"]] == ["v"] * len(odd)
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == told
    assert len(result.to_frame()) == len(odd)


# what SQLAlchemy has declared


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Level(enum.IntEnum):
    LOW = 1


class Prefixed(sa.TypeDecorator[str]):
    """Writes something else than it is given."""

    impl = sa.String(50)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else "up:" + value

    def process_result_value(self, value, dialect):
        return None if value is None else value[3:]


class Points(sa.TypeDecorator[Any]):
    """A tuple, kept in JSON."""

    impl = sa.JSON
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else {"points": list(value)}

    def process_result_value(self, value, dialect):
        return None if value is None else tuple(value["points"])


class Guid(sa.TypeDecorator[UUID]):
    """The recipe of SQLAlchemy's own documentation."""

    impl = sa.CHAR
    cache_ok = True

    def load_dialect_impl(self, dialect):
        native = dialect.name == POSTGRESQL
        return dialect.type_descriptor(postgresql.UUID() if native else sa.CHAR(32))

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        return str(value) if dialect.name == POSTGRESQL else value.hex

    def process_result_value(self, value, dialect):
        return value if value is None or isinstance(value, UUID) else UUID(value)


class Base(DeclarativeBase):
    """The declared classes of this module."""


class Thing(Base):
    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    uuid: Mapped[UUID | None] = mapped_column(sa.Uuid)
    uuid_text: Mapped[str | None] = mapped_column(sa.Uuid(as_uuid=False))
    guid: Mapped[UUID | None] = mapped_column(Guid)
    color: Mapped[Color | None] = mapped_column(sa.Enum(Color))
    by_value: Mapped[Color | None] = mapped_column(
        sa.Enum(Color, native_enum=False, values_callable=lambda e: [m.value for m in e])
    )
    level: Mapped[Level | None] = mapped_column(sa.Enum(Level, name="level"))
    words: Mapped[str | None] = mapped_column(sa.Enum("one", "two", name="words"))
    prefixed: Mapped[str | None] = mapped_column(Prefixed)
    points: Mapped[Any] = mapped_column(Points, nullable=True)
    json: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
    jsonb: Mapped[Any] = mapped_column(
        sa.JSON().with_variant(postgresql.JSONB(), POSTGRESQL), nullable=True
    )
    amount: Mapped[Decimal | None] = mapped_column(sa.Numeric(12, 3))
    as_float: Mapped[float | None] = mapped_column(sa.Numeric(12, 3, asdecimal=False))
    as_decimal: Mapped[Decimal | None] = mapped_column(sa.Double(asdecimal=True))
    at: Mapped[dt.datetime | None] = mapped_column(sa.DateTime)
    zoned: Mapped[dt.datetime | None] = mapped_column(sa.DateTime(timezone=True))
    day: Mapped[dt.date | None]
    clock: Mapped[dt.time | None]
    span: Mapped[dt.timedelta | None] = mapped_column(sa.Interval)
    flag: Mapped[bool | None]
    raw: Mapped[bytes | None]
    pickled: Mapped[Any] = mapped_column(sa.PickleType, nullable=True)
    attribute: Mapped[str | None] = mapped_column("column_of_another_name", sa.Text)


VALUES: dict[str, Any] = {
    "uuid": UUID_1,
    "uuid_text": str(UUID_1),
    "guid": UUID_1,
    "color": Color.RED,
    "by_value": Color.BLUE,
    "level": Level.LOW,
    "words": "two",
    "prefixed": "x",
    "points": (1, 2),
    "json": {"a": [1, None]},
    "jsonb": ["x", 2.5],
    "amount": Decimal("1.125"),
    "as_float": 1.5,
    "as_decimal": Decimal("0.25"),
    "at": dt.datetime(2020, 1, 2, 3, 4, 5),
    "zoned": dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    "day": dt.date(2020, 1, 2),
    "clock": dt.time(1, 2, 3),
    "span": dt.timedelta(days=-3, seconds=5),
    "flag": True,
    "raw": b"\0x",
    "pickled": {"any": {1, 2}},
    "attribute": "it's",
}
EMPTY: dict[str, Any] = {
    **VALUES,
    "prefixed": "",
    "points": (),
    "json": {},
    "jsonb": [],
    "amount": Decimal(0),
    "as_float": 0.0,
    "as_decimal": Decimal(0),
    "clock": dt.time(0),
    "span": dt.timedelta(0),
    "flag": False,
    "raw": b"",
    "pickled": (),
    "attribute": "",
}
"""Values that are false to Python are no NULLs."""
BY_COLUMN = {
    ("column_of_another_name" if name == "attribute" else name): value
    for name, value in VALUES.items()
}


def values_of(thing: Thing) -> dict[str, Any]:
    """What a mapped object holds; where a database keeps no zone, moments are in UTC."""
    found = {name: getattr(thing, name) for name in VALUES}
    if found["zoned"] is not None and found["zoned"].tzinfo is None:
        found["zoned"] = found["zoned"].replace(tzinfo=dt.UTC)
    return found


@pytest.fixture
def things_url(any_url: str) -> str:
    with connected(any_url) as connection:
        Base.metadata.create_all(connection)
    return any_url


def told_by_sqlalchemy(url: str) -> dict[int, dict[str, Any]]:
    engine = sa.create_engine(url)
    with Session(engine) as session:
        found = {thing.id: values_of(thing) for thing in session.scalars(sa.select(Thing))}
    engine.dispose()
    return found


def test_sqlalchemy_reads_what_was_given_by_every_way_in(things_url: str):
    table = BatchTable(things_url, Thing)
    table.create_many([{"id": 1, **BY_COLUMN}])
    table.create_many([Thing(id=2, **VALUES)])
    table.upsert_many([Thing(id=3, **VALUES)])
    table.create_many([{"id": 4}])
    table.update_many([{"key": 4, "data": BY_COLUMN}])
    BatchTable(things_url, Thing.__table__).create_many([{"id": 5, **BY_COLUMN}])
    table.create_many([Thing(id=6, **EMPTY)])
    assert told_by_sqlalchemy(things_url) == {**dict.fromkeys(range(1, 6), VALUES), 6: EMPTY}
    assert values_of(table.get_many([6]).found[0]) == EMPTY
    assert table.upsert_many([Thing(id=2, **VALUES)]).stats.unchanged == 1


def test_what_sqlalchemy_wrote_is_read(things_url: str):
    engine = sa.create_engine(things_url)
    with Session(engine) as session:
        session.add(Thing(id=1, **VALUES))
        session.add(Thing(id=2))
        session.commit()
    table = BatchTable(things_url, Thing)
    thing, empty = table.get_many([1, 2]).found
    assert values_of(thing) == VALUES
    assert values_of(empty) == dict.fromkeys(VALUES)
    assert table.upsert_many([Thing(id=1, **VALUES)]).stats.unchanged == 1
    rows = BatchTable(things_url, Thing.__table__).get_many([1]).found
    assert rows[0]["color"] is Color.RED
    assert rows[0]["column_of_another_name"] == "it's"
    engine.dispose()


def test_rows_told_by_a_call_are_as_sqlalchemy_reads_them(things_url: str):
    table = BatchTable(things_url, Thing)
    created = table.create_many([Thing(id=1, **VALUES)], return_rows=True).created
    upserted = table.upsert_many([Thing(id=1, **VALUES), Thing(id=2, **VALUES)], return_rows=True)
    changed = table.update_many([{"key": 1, "data": {"color": Color.BLUE}}], return_rows=True)
    deleted = table.delete_many([2], return_rows=True).deleted
    told = [*created, *upserted.created, *upserted.unchanged, *deleted]
    assert [values_of(thing) for thing in told] == [VALUES] * 4
    assert changed.updated[0].color is Color.BLUE
    assert [thing.color for thing in table.where("id = 1")] == [Color.BLUE]


def test_what_a_declared_type_does_not_take_is_refused(things_url: str):
    table = BatchTable(things_url, Thing)
    bad: list[tuple[str, Any]] = [
        *(("color", "GREY"), ("color", 5), ("words", "six"), ("level", 7), ("prefixed", 5)),
        *(("points", 5), ("guid", "x"), ("uuid", "x"), ("span", 5), ("amount", "x")),
    ]
    wanted = [(n, NO_VALUE, column) for n, (column, _) in enumerate(bad)]
    rows = numbered(bad)
    assert codes(table.create_many([*rows, {"id": 99}], atomic=False)) == wanted
    assert codes(table.upsert_many(rows, atomic=False)) == wanted
    assert list(told_by_sqlalchemy(things_url)) == [99]
    table.create_many([{"id": row["id"]} for row in rows])
    assert codes(table.update_many(as_items(rows), atomic=False)) == wanted
