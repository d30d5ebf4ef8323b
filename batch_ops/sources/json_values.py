"""JSON whose numbers keep their digits: as records, and back as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from batch_ops.sources.texts import NULL_TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Digits(str):
    """A number as it is written."""

    __slots__ = ()


class StandsForNull(ValueError):
    """A text that is the one which stands for NULL."""

    def __init__(self) -> None:
        super().__init__(f"the record holds the text {NULL_TEXT!r}, which stands for NULL here")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")


DECODER = json.JSONDecoder(parse_float=Digits, parse_int=Digits, parse_constant=_refuse)


def field_texts(record: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The fields of a record as texts; what is missing is NULL.

    Raises:
        StandsForNull: a text is the one which stands for NULL.
    """
    values = list(map(record.get, names))
    if NULL_TEXT in values:
        raise StandsForNull
    return [v if v.__class__ is str or v.__class__ is Digits else _text(v) for v in values]


def _text(value: Any) -> str:
    if value is None:
        return NULL_TEXT
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_json(value)


def as_json(value: Any) -> str:
    """A value as JSON, numbers as they were written."""
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(k)}:{as_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(as_json, value)) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
