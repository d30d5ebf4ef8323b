"""Python values as JSON and back: whole numbers of any size, and no value by its `repr`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from batch_ops.database.plain import interval_text, is_worded, plain_value

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def json_text(value: Any) -> str:
    """A value as JSON. NaN is null; decimals, dates, UUIDs and the like are texts.

    Raises:
        TypeError: there is no JSON of it.
        ValueError: the same.
    """
    try:
        return orjson.dumps(value, default=_known, option=_OPTIONS).decode()
    except TypeError:  # a whole number of more than 64 bits, perhaps
        return json.dumps(value, default=_known, ensure_ascii=False, allow_nan=False)


def json_value(text: str | bytes) -> Any:
    """The value JSON stands for."""
    return json.loads(text)


def holds_nul(text: str) -> bool:
    """Whether a text in JSON has the character NUL."""
    return "\\u0000" in text and _NUL.search(text) is not None


def _known(value: Any) -> Any:
    """A value JSON knows instead of one it does not."""
    plain = plain_value(value)
    if plain is not value:
        return plain
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, timedelta):
        return interval_text(value)
    if not is_worded(value):
        raise TypeError(f"a value of type {type(value).__name__} is not JSON")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
