"""Values of libraries as values of Python's own types."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta


def plain_value(value: Any) -> Any:
    """A value of Python's own types: NaN, NaT and pandas' NA are None; numbers of numpy are
    numbers; of an enumeration's member the value; of pydantic's secrets what they hide.
    """
    if isinstance(value, Enum):
        return plain_value(value.value)
    if value is None or isinstance(value, str | int):
        return value
    if type(value).__module__ == "numpy" and hasattr(value, "dtype"):
        value = _of_numpy(value)
    if isinstance(value, float):
        return None if isnan(value) else value
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    return _of_library(value)


def _of_numpy(value: Any) -> Any:
    """Moments and time spans go to the microsecond, as Python's do."""
    kind = value.dtype.kind
    return (value.astype(f"{kind}8[us]") if kind in "mM" else value).tolist()


def _of_library(value: Any) -> Any:
    kind = type(value).__name__
    if kind in ("NAType", "NaTType"):
        return None
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if kind == "Timedelta":
        return value.to_pytimedelta()
    return value.to_pydatetime(warn=False) if kind == "Timestamp" else value


def is_worded(value: Any) -> bool:
    """Whether a value's text says all there is to it."""
    if isinstance(value, str | int | float | Decimal):
        return True
    if isinstance(value, bytes | bytearray) or hasattr(type(value), "model_fields"):
        return False
    return getattr(type(value), "__str__", None) is not object.__str__


def interval_text(value: timedelta) -> str:
    """A time span as databases and `Converter` read it."""
    days, seconds = value.days, value.seconds
    sign = ""
    if days < 0:
        value = -value
        days, seconds, sign = value.days, value.seconds, "-"
    clock = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    fraction = f".{value.microseconds:06}" if value.microseconds else ""
    return f"{sign}{days} days {clock}{fraction}" if days else clock + fraction
