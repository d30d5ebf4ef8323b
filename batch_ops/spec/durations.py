"""Durations as people write them: `30 minutes`, `2h`, `1h 30m`, `PT15M`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
_PART = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([a-zA-Z]+)\s*,?")
_ISO = re.compile(
    r"P(?:(?P<w>\d{1,6})W)?(?:(?P<d>\d{1,6})D)?"
    r"(?:T(?:(?P<h>\d{1,6})H)?(?:(?P<m>\d{1,6})M)?(?:(?P<s>\d{1,9}(?:\.\d{1,6})?)S)?)?"
)


def parse_duration(text: str) -> timedelta:
    """The duration a text means.

    Args:
        text: `30 minutes`, `2h`, `1h 30m`, or ISO 8601 without years and months (`PT15M`).

    Raises:
        ValueError: it is none; the message says which forms are understood.
    """
    seconds = _iso(text.strip()) if text.strip().startswith("P") else _human(text)
    if seconds is None:
        raise ValueError("a duration, for example '30 minutes', '2h', '1h 30m' or 'PT15M'")
    if seconds <= 0:
        raise ValueError("a duration longer than nothing")
    try:
        return timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError("a duration of at most 2,700,000 years") from error


def _human(text: str) -> float | None:
    position, seconds = 0, 0.0
    while found := _PART.match(text, position):
        unit = _UNITS.get(found.group(2).lower())
        if unit is None:
            return None
        seconds += float(found.group(1)) * unit
        position = found.end()
    return seconds if position and not text[position:].strip() else None


def _iso(text: str) -> float | None:
    found = _ISO.fullmatch(text)
    if not found or not any(found.groupdict().values()):
        return None
    parts = {unit: value for unit, value in found.groupdict().items() if value}
    return sum(float(value) * _UNITS[unit] for unit, value in parts.items())
