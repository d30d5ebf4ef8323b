"""EXTRACT: the parts of dates, times, timestamps and intervals."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from batch_ops.database import intervals
from batch_ops.database.intervals import DAY, SECOND, Interval, divided
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Number = int | float

_EPOCH = datetime.fromisoformat("1970-01-01")
_MICROSECOND = timedelta(microseconds=1)


def of_moment(part: str, text: str) -> Number:
    """A part of a date or timestamp."""
    return _MOMENT[part](datetime.fromisoformat(text).replace(tzinfo=None))


def of_time(part: str, text: str) -> Number:
    """A part of a time of day."""
    clock = time.fromisoformat(text)
    return _CLOCK[part](
        ((clock.hour * 60 + clock.minute) * 60 + clock.second) * SECOND + clock.microsecond
    )


def of_interval(part: str, text: str) -> Number:
    """A part of an interval: hours are not cut at 24, months are those beside the years."""
    return _INTERVAL[part](intervals.parse(text))


def parts_of(kind: FieldType | None) -> frozenset[str]:
    """The parts EXTRACT takes from values of a kind; none where it takes no such values."""
    found: Mapping[FieldType | None, Mapping[str, object]] = {
        FieldType.DATE: _CALENDAR,
        FieldType.TIMESTAMP: _MOMENT,
        FieldType.TIME: _CLOCK,
        FieldType.INTERVAL: _INTERVAL,
    }
    return frozenset(found.get(kind, ()))


def _number(micros: int, size: int) -> Number:
    whole, rest = divmod(micros, size)
    return float(Decimal(micros) / size) if rest else whole


def _within(micros: int, of: int, size: int) -> Number:
    """What is left of a whole `of`, in units of `size`; towards zero."""
    return _number(divided(micros, of)[1], size)


def _epoch(span: Interval) -> Number:
    """Years of 365.25 days, months of 30."""
    years, months = divided(span.months, 12)
    days = Decimal(years) * Decimal("365.25") + months * 30 + span.days
    return _number(int(days * DAY) + span.micros, SECOND)


_CLOCK: dict[str, Callable[[int], Number]] = {
    "hour": lambda micros: divided(micros, 3600 * SECOND)[0],
    "minute": lambda micros: divided(divided(micros, 60 * SECOND)[0], 60)[1],
    "second": lambda micros: _within(micros, 60 * SECOND, SECOND),
    "milliseconds": lambda micros: _within(micros, 60 * SECOND, 1000),
    "microseconds": lambda micros: _within(micros, 60 * SECOND, 1),
    "epoch": lambda micros: _number(micros, SECOND),
}
_CALENDAR: dict[str, Callable[[datetime], Number]] = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "quarter": lambda moment: (moment.month + 2) // 3,
    "week": lambda moment: moment.isocalendar().week,
    "isoyear": lambda moment: moment.isocalendar().year,
    "dow": lambda moment: moment.isoweekday() % 7,
    "isodow": lambda moment: moment.isoweekday(),
    "doy": lambda moment: moment.timetuple().tm_yday,
    "decade": lambda moment: moment.year // 10,
    "century": lambda moment: (moment.year + 99) // 100,
    "millennium": lambda moment: (moment.year + 999) // 1000,
    "epoch": lambda moment: _number((moment - _EPOCH) // _MICROSECOND, SECOND),
}


def _by_clock(part: str) -> Callable[[datetime], Number]:
    def found(moment: datetime) -> Number:
        return _CLOCK[part](
            (moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)) // _MICROSECOND
        )

    return found


def _of_its_clock(part: str) -> Callable[[Interval], Number]:
    return lambda span: _CLOCK[part](span.micros)


_MOMENT = {part: _by_clock(part) for part in _CLOCK} | _CALENDAR
_INTERVAL: dict[str, Callable[[Interval], Number]] = {
    "year": lambda span: divided(span.months, 12)[0],
    "month": lambda span: divided(span.months, 12)[1],
    "day": lambda span: span.days,
    **{part: _of_its_clock(part) for part in _CLOCK},
    "epoch": _epoch,
}
