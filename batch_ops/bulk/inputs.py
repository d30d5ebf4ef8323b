"""What a call is given, in whatever form, as its input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from batch_ops.bulk.blocks import Input, Listed, Streamed
from batch_ops.bulk.frames import framed
from batch_ops.errors import ParameterError


def input_of(rows: Any, columns: Sequence[str] | None = None, what: str = "rows") -> Input:
    """The input that rows, or keys, are.

    Args:
        rows: in any form.
        columns: names of the values where items are tuples.
        what: is expected: for messages.

    Raises:
        ParameterError: they are one text, one record, or nothing that can be gone through.
    """
    if isinstance(rows, str | bytes | Mapping):
        kind = "one record" if isinstance(rows, Mapping) else "a text"
        raise ParameterError(
            f"A list of {what} is expected, and {kind} was given.", todo="Put it into a list."
        )
    if (frame := framed(rows)) is not None:
        return frame
    if not isinstance(rows, Iterable):
        raise ParameterError(
            f"A list of {what} is expected, and a value of type {type(rows).__name__} was given.",
            todo=f"Give a list, a generator, a DataFrame or an Arrow table of {what}.",
        )
    if columns is not None:
        return _named(rows, columns)
    return Streamed(rows) if isinstance(rows, Iterator) else Listed(rows)


def _named(rows: Iterable[Any], columns: Sequence[str]) -> Input:
    if isinstance(columns, str) or len(set(columns)) != len(columns):
        raise ParameterError("columns= names each column once.", todo="Give a list of names.")
    named = (_with_names(place, row, columns) for place, row in enumerate(rows))
    if isinstance(rows, list | tuple):
        return Listed([_with_names(place, row, columns) for place, row in enumerate(rows)])
    return Streamed(named)


def _with_names(place: int, row: Any, columns: Sequence[str]) -> dict[str, Any]:
    if isinstance(row, str | bytes | Mapping) or not isinstance(row, Iterable):
        what = f"Item {place} is no tuple of values, and columns= names some."
        raise ParameterError(what, todo="Give tuples, or leave columns= out.")
    values = tuple(row)
    if len(values) != len(columns):
        what = f"Item {place} has {len(values)} values, and columns= names {len(columns)}."
        raise ParameterError(what, todo="Give one value for each column.")
    return dict(zip(columns, values, strict=True))
