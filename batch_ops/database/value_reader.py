"""A Python value as a column's value: what is converted, and what is refused."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batch_ops.database.convert import (
    DATETIME_OVERFLOW,
    INVALID_DATETIME,
    INVALID_TEXT,
    OUT_OF_RANGE,
    Converter,
    Refusal,
)
from batch_ops.database.json_text import holds_nul, json_text
from batch_ops.database.limits import integer_range, keeps_zone
from batch_ops.database.plain import interval_text, is_worded
from batch_ops.database.values import as_text
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column

UNTRANSLATABLE, UNTRANSLATABLE_JSON = "22021", "22P05"
SAFE_DIGITS = 15
"""Decimal digits that a number keeps where decimals are kept as floats."""
FLOAT_DIGITS = 308
"""Digits before the point of the largest float, or zeros behind it of the smallest."""
INT64 = 2**63
_NUMBERS = frozenset({int, float, Decimal})


class ValueReader:
    """Adapts single values of one column, other than None."""

    def __init__(self, dialect: Dialect, column: Column) -> None:
        self._dialect, self._column = dialect, column
        self._texts = dialect.capabilities.loads_texts
        self._zoned = keeps_zone(column)
        self._limits = integer_range(dialect, column)
        self._convert = Converter(dialect, column)
        self._read_one: Callable[[Any], Any] = self._reader()

    def __call__(self, value: Any) -> Any:
        """The value as it is written.

        Raises:
            Refusal: it is none of the column's values.
        """
        return self._read_one(value)

    def _reader(self) -> Callable[[Any], Any]:
        readers: dict[FieldType | None, Callable[[Any], Any]] = {
            FieldType.INTEGER: self._integer,
            FieldType.BIGINT: self._integer,
            FieldType.DECIMAL: self._decimal,
            FieldType.FLOAT: self._float,
            FieldType.BOOLEAN: self._boolean,
            FieldType.DATE: self._date,
            FieldType.TIME: self._time,
            FieldType.TIMESTAMP: self._timestamp,
            FieldType.INTERVAL: self._interval,
            FieldType.UUID: self._uuid,
            FieldType.JSON: self._json,
            FieldType.BINARY: self._binary,
            FieldType.STRING: self._text,
            FieldType.TEXT: self._text,
        }
        return readers.get(self._column.type, self._other)

    def _refuse(self, code: str, message: str) -> Refusal:
        return Refusal(code, message, self._column.name)

    def _unfit(self, value: Any) -> Refusal:
        kind = self._column.type or self._column.sql_type or "unknown"
        what = f"a value of type {type(value).__name__} is none of a column of type {kind}"
        return self._refuse(INVALID_TEXT, what)

    def _read(self, text: str) -> Any:
        """A text as the database would read it; one that is handed texts reads it itself."""
        self._judge_text(text)
        read = self._convert(text)
        return text if self._texts else read

    def _judge_text(self, text: str) -> None:
        if not is_text(text):
            message = "the text holds a character that no database can keep"
            raise self._refuse(UNTRANSLATABLE, message)

    def _integer(self, value: Any) -> int:
        if isinstance(value, str):
            self._judge_text(value)
            return int(self._convert(value))
        if not isinstance(value, int | float | Decimal):
            raise self._unfit(value)
        if not math.isfinite(value) or value != int(value):
            raise self._refuse(INVALID_TEXT, "the number is no whole one")
        if not self._limits[0] <= value <= self._limits[1]:
            raise self._refuse(OUT_OF_RANGE, "value is out of range for type integer")
        return int(value)

    def _decimal(self, value: Any) -> Any:
        if type(value) in _NUMBERS and self._is_short(text := str(value)):
            return text if type(value) is Decimal else value
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
            raise self._unfit(value)
        if isinstance(value, float | Decimal) and not math.isfinite(value):
            raise self._refuse(OUT_OF_RANGE, "the number is not finite")
        read = self._convert(value if isinstance(value, str) else _number_text(value))
        if not self._dialect.capabilities.exact_decimals:
            self._judge_digits(str(read))
        return read

    def _is_short(self, text: str) -> bool:
        """Whether a number is written in few digits that the column takes unrounded."""
        if len(text) > SAFE_DIGITS or not text.lstrip("-").replace(".", "", 1).isdecimal():
            return False
        whole, _, fraction = text.partition(".")
        if self._column.precision is None:
            return True
        digits, scale = self._column.precision
        return len(fraction) <= scale and len(whole) <= digits - scale

    def _judge_digits(self, text: str) -> None:
        number = Decimal(text)
        kept = "".join(map(str, number.as_tuple().digits)).strip("0")
        if len(kept) > SAFE_DIGITS:
            message = f"this database keeps {SAFE_DIGITS} digits of a decimal, not {len(kept)}"
            raise self._refuse(OUT_OF_RANGE, message)
        if kept and abs(number.adjusted()) >= FLOAT_DIGITS:
            raise self._refuse(OUT_OF_RANGE, "value is out of range for type numeric")

    def _float(self, value: Any) -> float:
        if isinstance(value, str):
            return float(self._read(value))
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise self._unfit(value)
        number = _as_float(value)
        given = isinstance(value, float) and self._dialect.capabilities.infinities
        if math.isinf(number) and not given:
            message = "value is out of range for type double precision"
            raise self._refuse(OUT_OF_RANGE, message)
        return number

    def _boolean(self, value: Any) -> int:
        if isinstance(value, str):
            return int(self._convert(value))
        if value not in (0, 1) or not isinstance(value, int | float):
            raise self._unfit(value)
        return int(value)

    def _date(self, value: Any) -> Any:
        if isinstance(value, datetime):
            if value.timetz() != time():
                raise self._refuse(INVALID_DATETIME, "a date has no time of the day")
            value = value.date()
        return self._moment(value, date)

    def _time(self, value: Any) -> Any:
        if isinstance(value, time) and value.tzinfo is not None and not self._zoned:
            raise self._refuse(INVALID_DATETIME, "the column keeps no zone beside a time")
        if isinstance(value, time) and not self._texts:
            return value.isoformat(timespec="microseconds")
        return self._moment(value, time)

    def _moment(self, value: Any, kind: type) -> Any:
        if isinstance(value, str):
            return self._read(value)
        if not isinstance(value, kind):
            raise self._unfit(value)
        return value.isoformat()  # type: ignore[attr-defined]

    def _timestamp(self, value: Any) -> str:
        """In UTC, whatever the session's zone is."""
        if isinstance(value, str):
            self._judge_text(value)
            text = str(self._convert(value))
        else:
            text = self._in_utc(value).isoformat(sep=" ", timespec="microseconds")
        return f"{text}+00:00" if self._zoned else text

    def _in_utc(self, value: Any) -> datetime:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)  # noqa: DTZ001
        if not isinstance(value, datetime):
            raise self._unfit(value)
        try:
            moment = value.astimezone(UTC) if value.tzinfo else value
        except OverflowError as error:
            message = "date/time field value out of range"
            raise self._refuse(DATETIME_OVERFLOW, message) from error
        return moment.replace(tzinfo=None)

    def _interval(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._read(value)
        if not isinstance(value, timedelta):
            raise self._unfit(value)
        return interval_text(value)

    def _uuid(self, value: Any) -> Any:
        if isinstance(value, str):
            value = UUID(self._convert(value))
        if not isinstance(value, UUID):
            raise self._unfit(value)
        return value.hex if "(32)" in self._column.sql_type else str(value)

    def _json(self, value: Any) -> str:
        try:
            text = json_text(value)
        except (TypeError, ValueError, RecursionError) as error:
            message = f"a value of type {type(value).__name__} cannot be written as JSON"
            raise self._refuse(INVALID_TEXT, message) from error
        self._judge_text(text)
        if _is_huge(value) and not self._dialect.capabilities.exact_decimals:
            raise self._refuse(OUT_OF_RANGE, "this database keeps whole numbers of 64 bits")
        if holds_nul(text):
            message = "the JSON holds the character NUL, which not every database can keep"
            raise self._refuse(UNTRANSLATABLE_JSON, message)
        return text

    def _binary(self, value: Any) -> bytes:
        if isinstance(value, str):
            self._judge_text(value.replace("\0", ""))
            return bytes(self._convert(value))
        if not isinstance(value, bytes | bytearray | memoryview):
            raise self._unfit(value)
        return bytes(value)

    def _text(self, value: Any) -> str:
        if type(value) is str:
            self._judge_text(value)
            return str(self._convert(value))
        if not is_worded(value):
            raise self._unfit(value)
        text = interval_text(value) if isinstance(value, timedelta) else as_text(value)
        self._judge_text(text or "")
        return str(self._convert(text or ""))

    def _other(self, value: Any) -> Any:
        """A column of a type we have no word for: the driver knows it, or the server."""
        if isinstance(value, str):
            self._judge_text(value)
            return value
        if _is_huge(value):
            raise self._refuse(OUT_OF_RANGE, "value is out of range for type bigint")
        try:
            return self._dialect.other_value(value)
        except TypeError as error:
            raise self._unfit(value) from error


def _as_float(value: float | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and not -INT64 <= value < INT64


def _number_text(value: float | Decimal) -> str:
    return format(value, "f") if isinstance(value, Decimal) else repr(value)


def is_text(text: str) -> bool:
    """Whether every character is one of UTF-8, and none is NUL."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
