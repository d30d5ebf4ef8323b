"""Text functions as PostgreSQL has them, and texts read as values of other types."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from batch_ops.database import numbers

_WHOLE = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_TRUE, _FALSE = ("true", "yes"), ("false", "no")


class TooLongError(ValueError):
    """A text does not fit its column."""


def upper(text: str) -> str:
    """Letter by letter: what would become several letters stays."""
    return text.upper() if text.isascii() else "".join(map(_upper, text))


def lower(text: str) -> str:
    """Letter by letter: what would become several letters stays."""
    return text.lower() if text.isascii() else "".join(map(_lower, text))


def _upper(letter: str) -> str:
    found = letter.upper()
    return found if len(found) == 1 else letter


def _lower(letter: str) -> str:
    found = letter.lower()
    return found if len(found) == 1 else letter


def left(text: str, count: int) -> str:
    """The first letters; with a negative count all but the last ones."""
    return text[:count]


def right(text: str, count: int) -> str:
    """The last letters; with a negative count all but the first ones."""
    if count >= 0:
        return text[len(text) - count :] if count < len(text) else text
    return text[-count:]


def lpad(text: str, length: int, fill: str = " ") -> str:
    """Filled up on the left, or cut on the right."""
    return _fill(text, length, fill) + text if len(text) < length else text[: max(length, 0)]


def rpad(text: str, length: int, fill: str = " ") -> str:
    """Filled up, or cut, on the right."""
    return text + _fill(text, length, fill) if len(text) < length else text[: max(length, 0)]


def _fill(text: str, length: int, fill: str) -> str:
    missing = length - len(text)
    return (fill * (missing // len(fill) + 1))[:missing] if fill else ""


def substring(text: str, start: int, length: int | None = None) -> str:
    """From a place on, counted from 1; places before the text count too.

    Raises:
        ValueError: the length is negative.
    """
    if length is not None and length < 0:
        raise ValueError("negative substring length not allowed")
    end = len(text) if length is None else max(start - 1 + length, 0)
    return text[max(start - 1, 0) : end]


def split_part(text: str, delimiter: str, number: int) -> str:
    """The n-th part; a negative number counts from the end.

    Raises:
        ValueError: the number is 0.
    """
    if number == 0:
        raise ValueError("field position must not be zero")
    parts = text.split(delimiter) if delimiter else [text]
    place = number - 1 if number > 0 else len(parts) + number
    return parts[place] if 0 <= place < len(parts) else ""


def fit_text(text: str, length: int) -> str:
    """A text as a column of so many characters takes it: spaces beyond them are left out.

    Raises:
        TooLongError: it is longer.
    """
    if text[length:].strip(" "):
        raise TooLongError(f"value too long for {length} characters")
    return text[:length]


def starts_with(text: str, begin: str) -> bool:
    """Whether the text begins so."""
    return text.startswith(begin)


def like(text: str, pattern: str, escape: str = "\\") -> bool:
    """Whether the whole text is as the pattern says: `%` any letters, `_` one."""
    return _pattern(pattern, escape).fullmatch(text) is not None


def ilike(text: str, pattern: str, escape: str = "\\") -> bool:
    """The same without regard to case."""
    return like(lower(text), lower(pattern), escape)


@lru_cache(maxsize=64)
def _pattern(pattern: str, escape: str) -> re.Pattern[str]:
    """Raises ValueError where nothing stands behind the escape."""
    made, signs = "", iter(pattern)
    for sign in signs:
        if escape and sign == escape:
            following = next(signs, None)
            if following is None:
                raise ValueError("LIKE pattern must not end with escape character")
            made += re.escape(following)
        else:
            made += {"%": ".*", "_": "."}.get(sign) or re.escape(sign)
    return re.compile(made, re.DOTALL)


def read_whole(value: object) -> int:
    """The whole number a text stands for.

    Raises:
        ValueError: it stands for none.
    """
    text = str(value)
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is no whole number")
    return numbers.within(int(text), 64)


def read_decimal(value: object) -> int | float:
    """The decimal a text stands for, as SQLite keeps it."""
    return numbers.stored(_decimal(str(value)))


def read_float(value: object) -> float:
    """The floating number a text stands for."""
    return float(_decimal(str(value)))


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    return Decimal(text.strip())


def read_boolean(value: object) -> bool:
    """The boolean a text stands for: true, yes, on and 1, their opposites, and what they begin
    with.
    """
    word = str(value).strip().lower()
    if word in ("1", "on") or (word and any(each.startswith(word) for each in _TRUE)):
        return True
    if word in ("0", "of", "off") or (word and any(each.startswith(word) for each in _FALSE)):
        return False
    raise ValueError(f"{value!r} is no boolean")


def read_uuid(text: str) -> str:
    """The UUID a text stands for, in the usual form."""
    try:
        return str(UUID(text.strip()))
    except ValueError as error:
        raise ValueError(f"{text!r} is no UUID") from error


def boolean_text(value: int) -> str:
    """`true` or `false`."""
    return "true" if value else "false"
