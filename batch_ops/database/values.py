"""Values as text: keys as JSON and back, exactly, for cursors, bounds and rejects; any value as a
database reads it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

import orjson

from batch_ops.database.plain import plain_value

Key = tuple[Any, ...]

_ENCODERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (datetime, "ts", lambda v: v.isoformat()),
    (date, "d", lambda v: v.isoformat()),
    (time, "t", lambda v: v.isoformat()),
    (timedelta, "iv", lambda v: [v.days, v.seconds, v.microseconds]),
    (Decimal, "n", str),
    (UUID, "u", str),
    (bytes, "b", lambda v: base64.b64encode(v).decode("ascii")),
    (memoryview, "b", lambda v: base64.b64encode(v).decode("ascii")),
)
_DECODERS: dict[str, Callable[[Any], Any]] = {
    "ts": datetime.fromisoformat,
    "d": date.fromisoformat,
    "t": time.fromisoformat,
    "iv": lambda v: timedelta(*v),
    "n": Decimal,
    "u": UUID,
    "b": base64.b64decode,
    "i": int,
    "f": float.fromhex,
}
_INT64 = 2**63


def encode(value: Any) -> Any:
    """A JSON-safe form of one value that `decode` turns back into an equal one."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else {"i": str(value)}
    if isinstance(value, float):
        return {"f": value.hex()}
    for kind, tag, form in _ENCODERS:
        if isinstance(value, kind):
            return {tag: form(value)}
    raise TypeError(f"a key value of type {type(value).__name__} cannot be kept")


def decode(value: Any) -> Any:
    """The value `encode` was given."""
    if isinstance(value, dict):
        ((tag, form),) = value.items()
        return _DECODERS[tag](form)
    return value


def dump_key(key: Sequence[Any]) -> str:
    """A key as JSON text."""
    if len(key) == 1 and type(key[0]) is int and -_INT64 <= key[0] < _INT64:
        return f"[{key[0]}]"
    return orjson.dumps([encode(v) for v in key]).decode()


def load_key(text: str | None) -> Key | None:
    """The key `dump_key` was given."""
    return None if text is None else tuple(decode(v) for v in orjson.loads(text))


def plain(value: Any) -> Any:
    """A value as a person reads it in JSON; not meant to be turned back."""
    if isinstance(value, str):
        return printable(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {printable(str(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if (known := plain_value(value)) is not value:
        return plain(known)
    return value.isoformat() if hasattr(value, "isoformat") else printable(str(value))


def in_words(value: Any) -> str | None:
    """A value as an error tells it, whatever it is; None for NULL."""
    try:
        text = as_text(value)
    except (TypeError, ValueError):  # there is no JSON of it
        text = repr(value)
    return None if text is None else printable(text)


def printable(text: str) -> str:
    """A text that can be written as UTF-8: lone surrogates are escaped."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _as_json(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str).decode()
    except orjson.JSONEncodeError:  # whole numbers of more than 64 bits, names that are no texts
        return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":"))


def as_text(value: Any) -> str | None:
    """A value as the text a database reads it from; None for NULL."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, dict | list | tuple):
        return _as_json(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)
