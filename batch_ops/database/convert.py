"""Texts as a column's values, as strictly and as leniently as PostgreSQL reads them.

For databases that do not judge a text themselves. The codes are PostgreSQL's SQLSTATEs, so that
the same bad row has the same code everywhere.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from batch_ops.database.limits import integer_range
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column

INVALID_TEXT = "22P02"
OUT_OF_RANGE = "22003"
TOO_LONG = "22001"
INVALID_DATETIME = "22007"
DATETIME_OVERFLOW = "22008"

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_MOMENT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ T]+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?)?"
    r"\s*(Z|z|UTC|[+-]\d{1,2}(?::?\d\d)?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?")
_INTERVAL = re.compile(
    r"(?:[+-]?\d+ (?:second|minute|hour|day|week|month|year)s? ?)*"
    r"(?:[+-]?\d+:\d\d(?::\d\d(?:\.\d+)?)?)?",
    re.IGNORECASE,
)
_TRUTH = ("true", "yes", "on", "1")
_FALSITY = ("false", "no", "off", "0")


class Refusal(Exception):
    """A text that is no value of its column."""

    def __init__(self, code: str, message: str, column: str) -> None:
        self.code, self.message, self.column = code, message, column
        super().__init__(message)


def too_long(column: Column) -> Refusal:
    """What is said of a text that is longer than the column."""
    message = f"value too long for type character varying({column.length})"
    return Refusal(TOO_LONG, message, column.name)


class Converter:
    """Turns texts into the values one column takes, in canonical form.

    Integers become int, floats float, booleans 0 or 1, binary bytes; all others stay text:
    decimals as they are, dates `YYYY-MM-DD`, timestamps `YYYY-MM-DD HH:MM:SS.ffffff` in UTC,
    times `HH:MM:SS.ffffff`, uuids in lower case.
    """

    def __init__(self, dialect: Dialect, column: Column) -> None:
        self._column = column
        self._limits = integer_range(dialect, column)
        self._read = self._reader()

    def __call__(self, text: str | None) -> Any:
        """The value.

        Raises:
            Refusal: the text is none of the column's values.
        """
        return None if text is None else self._read(text)

    def _reader(self) -> Callable[[str], Any]:
        readers: dict[FieldType, Callable[[str], Any]] = {
            FieldType.INTEGER: self._integer,
            FieldType.BIGINT: self._integer,
            FieldType.DECIMAL: self._decimal,
            FieldType.FLOAT: self._float,
            FieldType.BOOLEAN: self._boolean,
            FieldType.DATE: self._date,
            FieldType.TIME: self._time,
            FieldType.TIMESTAMP: self._timestamp,
            FieldType.UUID: self._uuid,
            FieldType.JSON: self._json,
            FieldType.BINARY: self._binary,
            FieldType.INTERVAL: self._interval,
        }
        kind = self._column.type
        return readers.get(kind, self._text) if kind else self._text

    def _refuse(self, code: str, message: str) -> Refusal:
        return Refusal(code, message, self._column.name)

    def _invalid(self, kind: str) -> Refusal:
        return self._refuse(INVALID_TEXT, f"invalid input syntax for type {kind}")

    def _text(self, text: str) -> str:
        length = self._column.length
        if length and len(text) > length:
            if text[length:].strip(" "):
                raise too_long(self._column)
            return text[:length]
        return text

    def _integer(self, text: str) -> int:
        stripped = text.strip()
        if not _INTEGER.fullmatch(stripped):
            raise self._invalid("integer")
        value = int(stripped) if len(stripped) < 40 else 10**40
        if not self._limits[0] <= value <= self._limits[1]:
            raise self._refuse(OUT_OF_RANGE, "value is out of range for type integer")
        return value

    def _decimal(self, text: str) -> str:
        stripped = text.strip()
        if not _NUMBER.fullmatch(stripped):
            raise self._invalid("numeric")
        if self._column.precision is None:
            return stripped
        return self._rounded(stripped, *self._column.precision)

    def _rounded(self, text: str, digits: int, scale: int) -> str:
        with localcontext() as context:
            context.prec = max(len(text) + scale, digits) + 10
            try:
                value = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
            except InvalidOperation as error:
                raise self._refuse(OUT_OF_RANGE, "numeric field overflow") from error
        if value and value.adjusted() >= digits - scale:
            raise self._refuse(OUT_OF_RANGE, "numeric field overflow")
        return format(value, "f")

    def _float(self, text: str) -> float:
        stripped = text.strip()
        if not _NUMBER.fullmatch(stripped):
            raise self._invalid("double precision")
        value = float(stripped)
        lost = value == 0 and any(digit in "123456789" for digit in re.split("[eE]", stripped)[0])
        if math.isinf(value) or lost:
            raise self._refuse(OUT_OF_RANGE, "value is out of range for type double precision")
        return value

    def _boolean(self, text: str) -> int:
        word = text.strip().lower()
        if word and any(full.startswith(word) for full in _TRUTH) and word != "o":
            return 1
        if word and any(full.startswith(word) for full in _FALSITY) and word != "o":
            return 0
        raise self._invalid("boolean")

    def _date(self, text: str) -> str:
        moment, _ = self._moment(text, "date")
        return moment.date().isoformat()

    def _timestamp(self, text: str) -> str:
        moment, offset = self._moment(text, "timestamp")
        if offset:
            moment = self._shifted(moment, offset)
        return moment.isoformat(sep=" ", timespec="microseconds")

    def _moment(self, text: str, kind: str) -> tuple[datetime, str | None]:
        stripped = text.strip()
        found = _MOMENT.fullmatch(stripped)
        if found is None:
            compact = _COMPACT.fullmatch(stripped)
            if compact is None:
                raise self._refuse(INVALID_DATETIME, f"invalid input syntax for type {kind}")
            return self._built([*compact.groups(), None, None, None, None]), None
        *parts, offset = found.groups()
        return self._built(parts), offset

    def _built(self, parts: list[str | None]) -> datetime:
        year, month, day, hour, minute, second = (int(part or 0) for part in parts[:6])
        fraction = int((parts[6] or "").ljust(6, "0"))
        try:
            return datetime(year, month, day, hour, minute, second, fraction)  # noqa: DTZ001
        except ValueError as error:
            message = "date/time field value out of range"
            raise self._refuse(DATETIME_OVERFLOW, message) from error

    def _shifted(self, moment: datetime, offset: str) -> datetime:
        if offset[0] not in "+-":
            return moment
        digits = offset[1:].replace(":", "")
        hours, minutes = (digits[:2], digits[2:]) if len(digits) > 1 else (digits, "")
        zoned = f"{offset[0]}{hours.zfill(2)}:{minutes.zfill(2)}"
        try:
            return (
                datetime.fromisoformat(moment.isoformat() + zoned)
                .astimezone(UTC)
                .replace(tzinfo=None)
            )
        except (ValueError, OverflowError) as error:
            raise self._refuse(DATETIME_OVERFLOW, "time zone displacement out of range") from error

    def _time(self, text: str) -> str:
        found = _TIME.fullmatch(text.strip())
        if found is None:
            raise self._refuse(INVALID_DATETIME, "invalid input syntax for type time")
        hour, minute, second, fraction = found.groups()
        try:
            moment = time(
                int(hour), int(minute), int(second or 0), int((fraction or "").ljust(6, "0"))
            )
        except ValueError as error:
            message = "date/time field value out of range"
            raise self._refuse(DATETIME_OVERFLOW, message) from error
        return moment.isoformat(timespec="microseconds")

    def _uuid(self, text: str) -> str:
        try:
            return str(UUID(text.strip()))
        except ValueError as error:
            raise self._invalid("uuid") from error

    def _json(self, text: str) -> str:
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise self._invalid("json") from error
        return text

    def _binary(self, text: str) -> bytes:
        if not text.startswith("\\x"):
            return text.encode()
        try:
            return bytes.fromhex(text[2:])
        except ValueError as error:
            raise self._refuse("22023", "invalid hexadecimal data") from error

    def _interval(self, text: str) -> str:
        if not text.strip() or not _INTERVAL.fullmatch(text.strip()):
            raise self._refuse(INVALID_DATETIME, "invalid input syntax for type interval")
        return text.strip()
