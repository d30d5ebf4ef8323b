"""Amounts of memory as people write them: `512 MB`, `2GiB`."""

from __future__ import annotations

import re

_DECIMAL = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_UNITS = _DECIMAL | _BINARY
_AMOUNT = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([a-zA-Z]+)\s*")
MOST = 2**50


def parse_amount(text: str) -> int:
    """The bytes a text means.

    Raises:
        ValueError: it is none; the message says which forms are understood.
    """
    found = _AMOUNT.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if not found or unit is None:
        raise ValueError("an amount of memory with its unit, for example '512 MB' or '2 GiB'")
    amount = round(float(found[1]) * unit)
    if not _UNITS["mb"] <= amount <= MOST:
        raise ValueError("an amount of memory from 1 MB on")
    return amount


def shown(amount: int) -> str:
    """An amount in whole megabytes."""
    return f"{amount / _UNITS['mb']:,.0f} MB"
