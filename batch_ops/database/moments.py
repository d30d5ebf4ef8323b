"""Dates, times and timestamps as text in one form each, and what PostgreSQL does with them.

A date is `2024-05-06`, a time `07:08:09` with a fraction where there is one, and a timestamp
`2024-05-06 07:08:09.000000` in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from batch_ops.database import intervals
from batch_ops.database.intervals import DAY, SECOND, Interval

MIDNIGHT = " 00:00:00.000000"
_MOMENT = re.compile(
    r"\s*(?P<date>(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2}))?"
    r"(?:(?(date)[ T]|)\s*(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}(?:\.\d+)?))?"
    r"\s*(?P<zone>[Zz]|UTC|[+-]\d{1,2}(?::?\d{2})?)?)?\s*"
)


def read_date(text: str) -> str:
    """The date a text stands for, in the one form.

    Raises:
        ValueError: it stands for none.
    """
    return _read(text, "date", zoned=False).date().isoformat()


def read_time(text: str) -> str:
    """The time of day a text stands for, in the one form."""
    return _read(text, "time", zoned=False).time().isoformat()


def time_of(text: str) -> str:
    """The time of day of a timestamp."""
    return _naive(text).time().isoformat()


def time_text(text: str) -> str:
    """A time of day as PostgreSQL writes it: without zeros behind its fraction."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def read_timestamp(text: str) -> str:
    """The moment a text stands for, in the one form; a zone in it is taken into account."""
    return told(_read(text, "timestamp", zoned=True))


def read_local_timestamp(text: str) -> str:
    """The same where a zone has no meaning and is left out."""
    return told(_read(text, "timestamp", zoned=False))


def told(moment: datetime) -> str:
    """A moment in the one form."""
    return moment.isoformat(" ", "microseconds")


def _read(text: str, what: str, *, zoned: bool) -> datetime:
    match = _MOMENT.fullmatch(text)
    if match is None or not (match["hour"] if what == "time" else match["date"]):
        raise ValueError(f"{text!r} is no {what}")
    micros = int((Decimal(match["second"] or 0) * SECOND).to_integral_value())
    try:
        year, month, day = (int(match[part] or 1) for part in ("year", "month", "day"))
        clock = time(int(match["hour"] or 0), int(match["minute"] or 0))
        moment = datetime.combine(date(year, month, day), clock)
    except ValueError as error:
        raise ValueError(f"{text!r} is no {what}: {error}") from error
    if micros >= 60 * SECOND and int(Decimal(match["second"])) >= 60:
        raise ValueError(f"{text!r} is no {what}: second must be in 0..59")
    moment += timedelta(microseconds=micros)
    return moment - _offset(match["zone"]) if zoned else moment


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone.upper() in ("Z", "UTC"):
        return timedelta()
    hours, minutes = int(zone[1:3].rstrip(":")), int(zone[-2:]) if len(zone) > 3 else 0
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset


def _naive(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def later(text: str, span: str) -> str:
    """A date or timestamp and an interval: a timestamp."""
    return told(intervals.parse(span).after(_naive(text)))


def earlier(text: str, span: str) -> str:
    """A date or timestamp less an interval: a timestamp."""
    return told(_negative(span).after(_naive(text)))


def later_time(text: str, span: str) -> str:
    """A time of day and an interval; it goes round at midnight."""
    return _time_of(_micros_of(text) + intervals.parse(span).micros)


def earlier_time(text: str, span: str) -> str:
    """A time of day less an interval."""
    return _time_of(_micros_of(text) - intervals.parse(span).micros)


def later_date(text: str, days: int) -> str:
    """A date so many days later."""
    return (date.fromisoformat(text[:10]) + timedelta(days=days)).isoformat()


def earlier_date(text: str, days: int) -> str:
    """A date so many days earlier."""
    return later_date(text, -days)


def days_between(last: str, first: str) -> int:
    """Days from one date to another."""
    return (date.fromisoformat(last[:10]) - date.fromisoformat(first[:10])).days


def between(last: str, first: str) -> str:
    """The interval from one timestamp (or date) to another."""
    return str(intervals.between(_naive(last), _naive(first)))


def time_between(last: str, first: str) -> str:
    """The interval from one time of day to another."""
    return str(Interval(micros=_micros_of(last) - _micros_of(first)))


def joined(day: str, clock: str) -> str:
    """A date and a time of day: a timestamp."""
    return told(datetime.combine(date.fromisoformat(day[:10]), time.fromisoformat(clock)))


def read_interval(text: str) -> str:
    """The interval a text stands for, in PostgreSQL's form."""
    return str(intervals.parse(text))


def longer(one: str, other: str) -> str:
    """The sum of two intervals."""
    return str(intervals.parse(one).plus(intervals.parse(other)))


def shorter(one: str, other: str) -> str:
    """The difference of two intervals."""
    return str(intervals.parse(one).plus(_negative(other)))


def times(span: str, factor: float) -> str:
    """An interval, so many times."""
    return str(intervals.parse(span).times(Decimal(repr(factor))))


def divided(span: str, by: float) -> str:
    """An interval by a number; ZeroDivisionError where that is 0."""
    if not by:
        raise ZeroDivisionError("division by zero")
    return str(intervals.parse(span).times(1 / Decimal(repr(by))))


def negated(span: str) -> str:
    """An interval backwards."""
    return str(_negative(span))


def length(span: str) -> int:
    """What intervals are compared by."""
    return intervals.parse(span).length


def _negative(span: str) -> Interval:
    return intervals.parse(span).times(Decimal(-1))


def _micros_of(text: str) -> int:
    clock = time.fromisoformat(text)
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * SECOND + clock.microsecond


def _time_of(micros: int) -> str:
    midnight = datetime.combine(date.min, time.min)
    return (midnight + timedelta(microseconds=micros % DAY)).time().isoformat()


def cut(unit: str, text: str) -> str:
    """DATE_TRUNC of a date or timestamp; the unit is one of TRUNCATED."""
    return told(_cut(unit, _naive(text)))


def _cut(unit: str, moment: datetime) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in _YEARS:
        size, first = _YEARS[unit]
        year = moment.year - (moment.year - first) % size
        return day.replace(year=max(year, 1), month=1, day=1)
    if unit == "week":
        return day - timedelta(days=moment.weekday())
    if unit == "day":
        return day
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=(moment.month - 1) // 3 * 3 + 1, day=1)
    size = _FRACTIONS[unit]
    since = (moment - day) // timedelta(microseconds=1)
    return day + timedelta(microseconds=since - since % size)


_YEARS = {"year": (1, 0), "decade": (10, 0), "century": (100, 1), "millennium": (1000, 1)}
_FRACTIONS = {
    "hour": 3600 * SECOND,
    "minute": 60 * SECOND,
    "second": SECOND,
    "milliseconds": 1000,
    "microseconds": 1,
}
TRUNCATED = frozenset({*_YEARS, *_FRACTIONS, "week", "day", "month", "quarter"})
"""What DATE_TRUNC cuts to."""
