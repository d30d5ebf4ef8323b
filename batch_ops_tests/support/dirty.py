"""A dirty file, and what becomes of it row by row: single INSERTs, rules in plain Python."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import psycopg

from batch_ops.spec.model import Entity, Field, FieldType, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NULLS = ("", "NA")
RULES = (
    "amount > 0",
    "note IS NULL OR length(note) < 30",
    "state IN ('new', 'old') OR ref IS NULL",
)
FIELDS = (
    Field("id", FieldType.INTEGER, nullable=False),
    Field("email", FieldType.STRING, unique=True, length=12),
    Field("amount", FieldType.DECIMAL, precision=(8, 2)),
    Field("ratio", FieldType.FLOAT),
    Field("active", FieldType.BOOLEAN),
    Field("born", FieldType.DATE),
    Field("seen", FieldType.TIMESTAMP),
    Field("ref", FieldType.STRING, length=2, references=Reference("parents", "code")),
    Field("state", FieldType.TEXT, nullable=False),
    Field("note", FieldType.TEXT),
    Field("mark", FieldType.UUID),
)
NAMES = tuple(one.name for one in FIELDS)
PARENTS = Entity("parents", "parents", (Field("code", FieldType.STRING, length=2),), ("code",))
THINGS = Entity("things", "things", FIELDS, ("id",))

_ODD: dict[str, tuple[str, ...]] = {
    "id": (" 12 ", "+5", "007", "x", "99999999999999999999", "1.0", "NA", "-3"),
    "email": ("much too long@x", "short       ", "", 'a"b', "a,b", "é@x"),
    "amount": ("1234567.00", " 5.5 ", "1e2", "-1", "0", "abc", "999999.999", "12.345", ".5", "+3"),
    "ratio": ("1e400", "1.5e3", " 2 ", "x", "-0.25", "1e-400"),
    "active": ("T", "TRUE", "yes", "maybe", "1", "o", " on ", "fal"),
    "born": ("2020-02-30", "20200131", "2020-1-5", "nope", "2020-01-01 10:00"),
    "seen": (
        "2020-01-01T10:00:00Z",
        "2020-01-01 10:00:00.25",
        "2020-01-01 10:00:00+02",
        "2020-01-01 10:00:00.123456-05:30",
        "2020-01-01 25:00:00",
        "2020-01-01 10:00",
        "soon",
    ),
    "ref": ("ZZ", "A", "ABC", "NA"),
    "state": ("", "NA", "odd", "two\nlines", "new"),
    "note": ("x" * 40, 'say "hi"', "a\r\nb", "tail\n", "\\.", "NULL", "null", "é" * 29, " "),
    "mark": ("no", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
}


@dataclass
class Dirty:
    """A file's bytes, and per record its fields or what is broken about it."""

    data: bytes
    records: list[list[str] | str] = field(default_factory=list)


def dirty_file(seed: int, rows: int) -> Dirty:
    """A file with every kind of dirt, the same for the same seed."""
    dice = random.Random(seed)
    ending = dice.choice(("\n", "\r\n"))
    share = dice.choice((0.002, 0.02, 0.2))
    made = Dirty((",".join(NAMES) + ending).encode())
    for number in range(rows):
        if dice.random() < share / 2:
            line, what = _broken(dice, number)
            made.records.append(what)
            made.data += line + ending.encode()
            continue
        fields = _fields(dice, number, rows, share)
        made.records.append(fields)
        made.data += ",".join(_written(dice, text) for text in fields).encode() + ending.encode()
        if dice.random() < share:
            made.data += ending.encode()
    return made


def _fields(dice: random.Random, number: int, rows: int, share: float) -> list[str]:
    fields = [
        str(number),
        f"u{number}@x",
        f"{dice.randrange(1, 90_000)}.{dice.randrange(100):02d}",
        f"{dice.randrange(1000) / 8}",
        dice.choice(("true", "false")),
        f"19{dice.randrange(50, 99)}-0{dice.randrange(1, 9)}-1{dice.randrange(9)}",
        f"2024-05-{dice.randrange(10, 28)} 1{dice.randrange(9)}:00:0{dice.randrange(9)}",
        dice.choice(("AA", "BB", "NA", "")),
        dice.choice(("new", "old")),
        dice.choice(("", "plain", "NA", "with, comma")),
        f"00000000-0000-4000-8000-{number:012x}",
    ]
    if dice.random() < share:
        name = dice.choice(NAMES)
        fields[NAMES.index(name)] = dice.choice(_ODD[name])
    if dice.random() < share:  # the key of another record, before or after
        place = dice.choice((0, 1))
        other = dice.randrange(rows)
        fields[place] = (str(other), f"u{other}@x")[place]
    return fields


def _broken(dice: random.Random, number: int) -> tuple[bytes, str]:
    return dice.choice(
        (
            (f"{number},too,few".encode(), "ragged_row"),
            (f"{number}{',' * 15}".encode(), "ragged_row"),
            (f"{number},a\0b{',x' * 9}".encode(), "nul_byte"),
            (f"{number},".encode() + b"\xff\xfe" + b",x" * 9, "encoding"),
            (f'{number},5" disk{",x" * 9}'.encode(), "irregular_quote"),
            (f'{number},"a"b{",x" * 9}'.encode(), "irregular_quote"),
        )
    )


def _written(dice: random.Random, text: str) -> str:
    if any(sign in text for sign in ',"\n\r') or dice.random() < 0.1:
        return '"' + text.replace('"', '""') + '"'
    return text


class Oracle:
    """Inserts one row after the other into PostgreSQL, and says why a row is refused."""

    def __init__(self, connection: psycopg.Connection[Any], types: Sequence[str]) -> None:
        self._connection = connection
        self._types = types

    def judge(self, dirty: Dirty) -> Iterator[tuple[int, str, str | None]]:
        """Row, code and column of every refused row."""
        for row, record in enumerate(dirty.records, 1):
            found = (record, None) if isinstance(record, str) else self._insert(record)
            if found is not None:
                yield row, *found

    def _insert(self, fields: list[str]) -> tuple[str, str | None] | None:
        values = [None if text in NULLS else text for text in fields]
        return self._type_error(values) or _rule_broken(values) or self._refused(values)

    def _type_error(self, values: list[str | None]) -> tuple[str, str] | None:
        for name, value in zip(NAMES, values, strict=True):
            error = self._try(f"INSERT INTO probe ({name}) VALUES (%s)", [value])
            if error is not None:
                return str(error.sqlstate), name
        return None

    def _refused(self, values: list[str | None]) -> tuple[str, str | None] | None:
        marks = ", ".join(["%s"] * len(NAMES))
        error = self._try(f"INSERT INTO things ({', '.join(NAMES)}) VALUES ({marks})", values)
        if error is None:
            return None
        detail = error.diag.message_detail or ""
        named = detail.partition("Key (")[2].partition(")")[0] or None
        return str(error.sqlstate), error.diag.column_name or named

    def _try(self, statement: str, values: list[str | None]) -> psycopg.Error | None:
        try:
            with self._connection.transaction():
                self._connection.execute(statement, values)
        except psycopg.Error as error:
            return error
        return None


def _rule_broken(values: list[str | None]) -> tuple[str, str | None] | None:
    amount, ref, state, note = (values[NAMES.index(n)] for n in ("amount", "ref", "state", "note"))
    if amount is None or not _number(amount) > 0:
        return "rule", "amount"
    if note is not None and not len(note) < 30:
        return "rule", "note"
    if not (state in ("new", "old") or ref is None):
        return "rule", None
    return None


def _number(text: str) -> Decimal:
    try:
        return Decimal(text.strip()).quantize(Decimal("0.01"))
    except InvalidOperation:
        return Decimal(0)
