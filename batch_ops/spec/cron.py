"""Judging a cron text: five fields, each within its range."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_MACROS = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"})
_ITEM = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?")


def judge_cron(text: str) -> None:
    """Refuse what is no cron text of five fields (or `@daily` and its kind).

    Raises:
        ValueError: what was expected.
    """
    fields = text.split()
    if text.strip() in _MACROS:
        return
    if len(fields) != len(_FIELDS):
        raise ValueError('a cron text of five fields, for example "0 3 * * *"')
    for field, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        if not all(_fits(item, low, high, words) for item in field.split(",")):
            raise ValueError(f"a {name} of {low} to {high} instead of {field!r} in the cron text")


def _fits(item: str, low: int, high: int, words: tuple[str, ...]) -> bool:
    found = _ITEM.fullmatch(item)
    if not found or found.group(4) == "0":
        return False
    ends = [_number(end, low, words) for end in found.group(2, 3) if end]
    within = all(end is not None and low <= end <= high for end in ends)
    return within and ends == sorted(end for end in ends if end is not None)


def _number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if text.isdecimal():
        return int(text)
    return words.index(text.lower()) + low if text.lower() in words else None
