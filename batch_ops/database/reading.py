"""What a driver gives, as values of Python's own types, by the type of their column."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column

Read = Callable[[Any], Any]

AT_ONCE = 1_000
_SPAN = re.compile(r"(?:([+-]?\d+) days?,? ?)?(?:([+-]?)(\d+):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?")


def rows_read(
    given: Iterable[Sequence[Any]], columns: Sequence[Column], dialect: Dialect
) -> Iterator[dict[str, Any]]:
    """Rows by column."""
    rows = iter(given)
    names = [column.name for column in columns]
    found = [_reader(column, dialect) for column in columns]
    reads = {place: read for place, read in enumerate(found) if read is not None}
    while some := list(itertools.islice(rows, AT_ONCE)):
        by_column: list[Sequence[Any]] = list(zip(*some, strict=True))
        for place, read in reads.items():
            by_column[place] = _column(columns[place].type, read, by_column[place])
        yield from map(dict, map(zip, itertools.repeat(names), zip(*by_column, strict=True)))


def _column(kind: FieldType | None, read: Read, values: Sequence[Any]) -> Sequence[Any]:
    """A column's values as they are meant."""
    given = set(map(type, values))
    if given <= {_MEANT.get(kind), type(None)}:
        return values
    quick = _QUICK.get(kind)
    try:
        if quick is not None and given <= quick[0]:
            return list(quick[1](values))
        return [None if value is None else read(value) for value in values]
    except (ValueError, TypeError, ArithmeticError):
        return [None if value is None else _read(read, value) for value in values]


def _reader(column: Column, dialect: Dialect) -> Read | None:
    return dialect.json_value if column.type is FieldType.JSON else _READERS.get(column.type)


def _read(read: Read, value: Any) -> Any:
    """The value read; one that is none of its column's (some databases take any) as it is."""
    try:
        return read(value)
    except (ValueError, TypeError, ArithmeticError):
        return value


def _decimal(value: Any) -> Any:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _moment(kind: type[date | datetime | time]) -> Read:
    return lambda value: kind.fromisoformat(value) if isinstance(value, str) else value


def _span(value: Any) -> Any:
    """A time span written by `interval_text`; any other text stays as it is."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    days, sign, hours, minutes, seconds, fraction = found.groups()
    clock = timedelta(
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "").ljust(6, "0")),
    )
    return timedelta(days=int(days or 0)) + (-clock if sign == "-" else clock)


def _clock(value: Any) -> Any:
    """MySQL's driver gives a time of the day as a time span."""
    if isinstance(value, timedelta):
        return (datetime.min + value).time()  # noqa: DTZ901  (only the time is taken)
    return time.fromisoformat(value) if isinstance(value, str) else value


_MEANT: dict[FieldType | None, type] = {
    FieldType.BOOLEAN: bool,
    FieldType.DECIMAL: Decimal,
    FieldType.DATE: date,
    FieldType.TIME: time,
    FieldType.TIMESTAMP: datetime,
    FieldType.INTERVAL: timedelta,
    FieldType.UUID: UUID,
    FieldType.BINARY: bytes,
}
_READERS: dict[FieldType | None, Read] = {
    FieldType.BOOLEAN: bool,
    FieldType.DECIMAL: _decimal,
    FieldType.DATE: _moment(date),
    FieldType.TIME: _clock,
    FieldType.TIMESTAMP: _moment(datetime),
    FieldType.INTERVAL: _span,
    FieldType.UUID: lambda value: value if isinstance(value, UUID) else UUID(str(value)),
    FieldType.BINARY: bytes,
}
_Mass = Callable[[Sequence[Any]], Iterable[Any]]
_QUICK: dict[FieldType | None, tuple[AbstractSet[type], _Mass]] = {
    FieldType.DECIMAL: ({int, float}, lambda values: map(Decimal, map(repr, values))),
    FieldType.DATE: ({str}, lambda values: map(date.fromisoformat, values)),
    FieldType.TIME: ({str}, lambda values: map(time.fromisoformat, values)),
    FieldType.TIMESTAMP: ({str}, lambda values: map(datetime.fromisoformat, values)),
}
"""By a column's type: where all values are of these types, they are read at once."""
