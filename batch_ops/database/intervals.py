"""Intervals as PostgreSQL has them: months, days and microseconds, each counted apart."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

SECOND = 1_000_000
DAY = 86_400 * SECOND
_DAYS_OF_A_MONTH = 30

_UNITS: dict[str, tuple[str, int]] = {
    "millennium": ("months", 12_000),
    "century": ("months", 1_200),
    "decade": ("months", 120),
    "year": ("months", 12),
    "month": ("months", 1),
    "week": ("days", 7),
    "day": ("days", 1),
    "hour": ("micros", 3_600 * SECOND),
    "minute": ("micros", 60 * SECOND),
    "second": ("micros", SECOND),
    "millisecond": ("micros", 1_000),
    "microsecond": ("micros", 1),
}
_OTHER_NAMES = {
    short: name
    for name, shorts in {
        "millennium": "millennia mil",
        "century": "centuries c",
        "decade": "dec",
        "year": "y yr",
        "month": "mon",
        "week": "w",
        "day": "d",
        "hour": "h hr",
        "minute": "m min",
        "second": "s sec",
        "millisecond": "ms msec",
        "microsecond": "us usec",
    }.items()
    for short in shorts.split()
}
_PART = re.compile(
    r"\s*(?:(?P<sign>[+-]?)(?P<hours>\d+):(?P<minutes>[0-5]?\d)(?::(?P<seconds>[0-5]?\d(?:\.\d+)?))?"
    r"|(?P<amount>[+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(?P<unit>[a-zA-Z]+))(?=$|[\s+-]|\d)"
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of time. Its text is PostgreSQL's: `1 year 2 mons 3 days 04:05:06.7`."""

    months: int = 0
    days: int = 0
    micros: int = 0

    def __str__(self) -> str:
        years, months = divided(self.months, 12)
        told: list[str] = []
        for amount, unit in ((years, "year"), (months, "mon"), (self.days, "day")):
            if amount:
                plus = "+" if amount > 0 and told and told[-1].startswith("-") else ""
                told.append(f"{plus}{amount} {unit}{'' if amount == 1 else 's'}")
        if self.micros or not told:
            before = bool(told) and told[-1].startswith("-")
            told.append(_clock(self.micros, plus="+" if before else ""))
        return " ".join(told)

    @property
    def length(self) -> int:
        """Microseconds, with months of 30 days: what intervals are compared by."""
        return (self.months * _DAYS_OF_A_MONTH + self.days) * DAY + self.micros

    def plus(self, other: Interval) -> Interval:
        return Interval(
            self.months + other.months, self.days + other.days, self.micros + other.micros
        )

    def times(self, factor: Decimal) -> Interval:
        """Parts of a month become days of a thirtieth, parts of a day become time."""
        months, days = self.months * factor, self.days * factor
        more = ((months - int(months)) * _DAYS_OF_A_MONTH).quantize(Decimal("1e-6"))
        seconds = ((days - int(days) + more - int(more)) * 86_400).quantize(Decimal("1e-6"))
        whole = int(seconds / 86_400)
        micros = self.micros * factor + (seconds - whole * 86_400) * SECOND
        rounded = int(micros.to_integral_value(ROUND_HALF_EVEN))
        return Interval(int(months), int(days) + int(more) + whole, rounded)

    def after(self, moment: datetime) -> datetime:
        """The moment so much later: months first, cut to the month's last day.

        Raises:
            OverflowError, ValueError: out of the calendar.
        """
        if self.months:
            year, month = divmod(moment.year * 12 + moment.month - 1 + self.months, 12)
            last = monthrange(year, month + 1)[1]
            moment = moment.replace(year=year, month=month + 1, day=min(moment.day, last))
        return moment + timedelta(days=self.days, microseconds=self.micros)


@lru_cache(maxsize=256)
def parse(text: str) -> Interval:
    """The interval a text stands for.

    Raises:
        ValueError: it stands for none.
    """
    body = text.strip().removeprefix("@")
    ago = body.lower().endswith(" ago")
    body = body[:-4].rstrip() if ago else body
    found, place = Interval(), 0
    while place < len(body):
        match = _PART.match(body, place)
        if match is None:
            break
        found, place = found.plus(_part(match)), match.end()
    if place == 0 or place < len(body):
        raise ValueError(f"{text!r} is no interval")
    return found.times(Decimal(-1)) if ago else found


def _part(match: re.Match[str]) -> Interval:
    if match["hours"]:
        clock = (int(match["hours"]) * 60 + int(match["minutes"])) * 60 * SECOND
        clock += _whole(Decimal(match["seconds"] or 0) * SECOND)
        return Interval(micros=-clock if match["sign"] == "-" else clock)
    word = match["unit"].lower()
    names = [_OTHER_NAMES.get(each, each) for each in (word, word.removesuffix("s"))]
    name = next((each for each in names if each in _UNITS), None)
    if name is None:
        raise ValueError(f"{match['unit']!r} is no unit of an interval")
    part, size = _UNITS[name]
    amount = Decimal(match["amount"]) * size
    if part == "micros":
        return Interval(micros=_whole(amount))
    if part == "days":
        return Interval(days=int(amount), micros=_whole((amount - int(amount)) * DAY))
    if size > 1:  # a year's fraction becomes months and no days
        return Interval(months=_whole(amount))
    days = (amount - int(amount)) * _DAYS_OF_A_MONTH
    return Interval(int(amount), int(days), _whole((days - int(days)) * DAY))


def between(later: datetime, earlier: datetime) -> Interval:
    """Their difference in days and time, as `later - earlier` gives it."""
    micros = (later - earlier) // timedelta(microseconds=1)
    days, rest = divided(micros, DAY)
    return Interval(days=days, micros=rest)


def _whole(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_HALF_EVEN))


def divided(number: int, by: int) -> tuple[int, int]:
    """Quotient and rest, towards zero."""
    quotient = abs(number) // by * (1 if number >= 0 else -1)
    return quotient, number - quotient * by


def _clock(micros: int, plus: str) -> str:
    seconds, rest = divmod(abs(micros), SECOND)
    sign = "-" if micros < 0 else plus
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
