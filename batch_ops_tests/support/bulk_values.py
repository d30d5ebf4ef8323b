"""A table of things, and values for its columns, each with what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas as pd

Key = tuple[int, str]
DATETIME = {"sqlite": "DATETIME", "postgresql": "TIMESTAMP WITH TIME ZONE", "mysql": "DATETIME(6)"}
COLLATE = {"mysql": "COLLATE utf8mb4_bin"}
TABLES = (
    "CREATE TABLE parents (code VARCHAR(4) NOT NULL PRIMARY KEY) {collate}",
    """CREATE TABLE things (
      number INTEGER NOT NULL, word VARCHAR(4) NOT NULL, title VARCHAR(8) NOT NULL, amount INTEGER,
      mark VARCHAR(6) UNIQUE, parent VARCHAR(4), state VARCHAR(8) DEFAULT 'new' NOT NULL, note TEXT,
      price NUMERIC(8, 2), at {datetime}, version INTEGER DEFAULT 0 NOT NULL, gone {datetime},
      touched {datetime}, PRIMARY KEY (number, word), CHECK (amount > 0),
      FOREIGN KEY (parent) REFERENCES parents (code)) {collate}""",
    """CREATE TABLE children (
      id INTEGER NOT NULL PRIMARY KEY, number INTEGER, word VARCHAR(4),
      FOREIGN KEY (number, word) REFERENCES things (number, word)) {collate}""",
    "INSERT INTO parents VALUES ('AA'), ('BB')",
)
KEY = ("number", "word")
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("amount", "mark", "parent", "note", "price", "at", "gone", "touched")),
    "state": "new",
    "version": 0,
}
REQUIRED = (*KEY, "title")
COLUMNS = (*REQUIRED, *DEFAULTS)
PARENTS = ("AA", "BB", None)
MARKS = ("m1", "m2", "m3", "m4")


@dataclass(frozen=True)
class Value:
    """A value of one column.

    Attributes:
        given: what is handed to the table.
        kept: what then stands in it.
        code: the SQLSTATE with which it is refused, whatever the row is besides.
        blamed: whether the column is surely named then.
    """

    given: Any
    kept: Any = None
    code: str | None = None
    blamed: bool = True

    def __repr__(self) -> str:
        return f"<{self.given!r}{f': {self.code}' if self.code else ''}>"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))


Row = dict[str, Value]
ABSENT = Value(..., code="23502")
"""No value at all, where one must be."""
NULL = Value(None)


def same(value: Any) -> Value:
    """A value that is kept as it is."""
    return Value(value, value)


def moment(*parts: int) -> datetime:
    """A moment without a zone: in UTC."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def _bad(given: Any, code: str) -> Value:
    return Value(given, code=code)


GOOD: tuple[Row, ...] = (
    {},
    {"title": same("12345678")},
    {"title": same("T")},
    {"title": same("Tt"), "amount": same(3)},
    {"title": Value("12345678  ", "12345678")},
    {"title": Value(Decimal(7), "7")},
    {"title": same(""), "note": same("\\N")},
    {"title": same('é,"\n'), "note": same("\\.")},
    {"amount": NULL},
    {"amount": same(1), "note": NULL},
    {"amount": Value("8", 8)},
    {"amount": Value(3.0, 3), "price": Value(2.5, Decimal("2.50"))},
    {"amount": Value(True, 1), "state": same("old")},
    {"amount": Value(Decimal(6), 6), "version": same(2)},
    {"state": same("old")},
    {"state": same("new"), "note": same("long " * 20)},
    {"note": same("n")},
    {"price": Value(Decimal("1.5"), Decimal("1.50"))},
    {"price": Value(Decimal("1.005"), Decimal("1.01")), "amount": same(4)},
    {"price": Value(1.005, Decimal("1.01"))},
    {"price": Value(2, Decimal("2.00")), "version": same(1)},
    {"price": Value("-3.25", Decimal("-3.25"))},
    {"price": Value(float("nan"))},
    {"price": Value(Decimal("NaN")), "parent": NULL},
    {"parent": same("AA")},
    {"parent": same("BB"), "amount": same(7)},
    {"at": same(moment(2024, 5, 1, 10, 0, 0, 250000))},
    {"at": Value(date(2024, 5, 1), moment(2024, 5, 1))},
    {"at": Value("2024-05-01T10:00:00Z", moment(2024, 5, 1, 10)), "note": same("z")},
    {"at": Value(pd.Timestamp(2024, 5, 2, 3), moment(2024, 5, 2, 3))},
    {
        "at": Value(
            datetime(2024, 5, 1, 1, tzinfo=timezone(timedelta(hours=2))), moment(2024, 4, 30, 23)
        )
    },
    {"at": NULL, "touched": Value(datetime(2024, 5, 3, tzinfo=UTC), moment(2024, 5, 3))},
)
"""What a row may have besides, or instead of, the usual."""
BAD: tuple[Row, ...] = (
    {"title": _bad("123456789", "22001")},
    {"title": _bad(None, "23502")},
    {"title": ABSENT},
    {"title": _bad(b"x", "22P02")},
    {"title": _bad("a\0b", "22021"), "amount": _bad("abc", "22P02")},
    {"amount": _bad(1.5, "22P02")},
    {"amount": _bad(2**70, "22003")},
    {"amount": same(0)},
    {"amount": same(-4), "state": same("old")},
    {"amount": same(95)},
    {"parent": same("ZZ")},
    {"parent": same("YY"), "amount": same(-1)},
    *({"amount": same(-2)}, {"amount": same(-3)}, {"parent": same("XX")}, {"parent": same("WW")}),
    {"parent": _bad("ABCDE", "22001")},
    {"mark": _bad("1234567", "22001")},
    {"state": _bad(None, "23502")},
    {"note": _bad("\ud800", "22021")},
    {"note": _bad(["x"], "22P02")},
    {"price": _bad("abc", "22P02")},
    {"price": _bad(Decimal(1234567), "22003"), "state": _bad("too long!", "22001")},
    {"price": _bad(float("inf"), "22003")},
    {"at": _bad("soon", "22007")},
    {"at": _bad("2020-02-30 00:00:00", "22008")},
    {"at": _bad(5, "22P02")},
    {"version": _bad(None, "23502")},
)
"""What is refused, by a type, by the database, or by the schema alone."""
LACKING: tuple[Row, ...] = ({"number": ABSENT}, {"word": ABSENT})
"""Rows without a key, which no change by key takes."""

KeyValues = tuple[Value, Value]
KEYS: tuple[KeyValues, ...] = tuple((same(n), same(w)) for n in (1, 2, 3) for w in "abc")
ODD_KEYS: tuple[KeyValues, ...] = (
    (Value("1", 1), same("a")),
    (Value(2.0, 2), same("b")),
    (Value(Decimal(3), 3), same("c")),
    (Value(1, 1), same("abcd")),
    (Value(1, 1), Value("abcd   ", "abcd")),
)
BAD_KEYS: tuple[KeyValues, ...] = (
    (_bad("x", "22P02"), same("a")),
    (_bad(None, "23502"), same("b")),
    (_bad(2**70, "22003"), _bad(None, "23502")),
    (same(1), _bad("abcde", "22001")),
    (same(2), _bad(None, "23502")),
)


def key_of(values: KeyValues) -> Key | None:
    """The key as it is kept; None: it is none of the table's."""
    if any(value.code for value in values):
        return None
    return values[0].kept, values[1].kept
