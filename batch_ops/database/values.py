"""Values as text: keys as JSON and back, exactly, for cursors, bounds and rejects; any value as a
database reads it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

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
    return orjson.dumps([encode(v) for v in key]).decode()


def load_key(text: str | None) -> Key | None:
    """The key `dump_key` was given."""
    return None if text is None else tuple(decode(v) for v in orjson.loads(text))


def plain(value: Any) -> Any:
    """A value as a person reads it in JSON; not meant to be turned back."""
    if value is None or isinstance(value, bool | str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def as_text(value: Any) -> str | None:
    """A value as the text a database reads it from; None for NULL."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, dict | list | tuple):
        return orjson.dumps(value, default=str).decode()
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)
