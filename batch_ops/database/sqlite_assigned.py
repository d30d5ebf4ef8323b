"""What a column of SQLite is given: brought to its type as PostgreSQL does when it assigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.database import moments, numbers, texts
from batch_ops.database.kinds import (
    BOOLEAN,
    DATE,
    DECIMAL,
    FLOAT,
    INTEGER,
    NUMBERS,
    TEXT,
    TIME,
    TIMESTAMP,
    Kind,
    kind_of,
    normal,
)
from batch_ops.database.portable import refusal
from batch_ops.database.sqlite_values import as_kind, as_text, call, called
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from sqlglot import exp

    from batch_ops.database.tables import Column

_STRICT = (BOOLEAN, DATE, TIME, TIMESTAMP, *NUMBERS)


def assigned(tree: exp.Expression, column: Column) -> exp.Expression:
    """A rewritten expression as the column's value.

    Raises:
        DeclarationError: it is of a type the column does not take.
    """
    kind = normal(column.type)
    value = as_kind(tree, kind)
    source = kind_of(value)
    if kind is TEXT:
        return _text(value, column)
    if kind not in _STRICT or source is None:
        return value
    if kind in NUMBERS and source in NUMBERS:
        return _number(value, source, column)
    if kind is DATE and source is TIMESTAMP:
        return called("substr", DATE, value, 1, 10)
    if kind is TIME and source is TIMESTAMP:
        return call(moments.time_of, TIME, value)
    if source is not kind:
        what = f"A value of type {source} is assigned to {column.name!r}, a column of type {kind}."
        raise refusal(what, "CAST it to that type.")
    return value


def _text(value: exp.Expression, column: Column) -> exp.Expression:
    text = as_text(value)
    if text is None:
        what = f"A value of type {kind_of(value)} is assigned to the text {column.name!r}."
        raise refusal(f"{what} SQLite would write it otherwise.", "CAST it to INTEGER or DATE.")
    return call(texts.fit_text, TEXT, text, column.length) if column.length else text


def _number(value: exp.Expression, source: Kind, column: Column) -> exp.Expression:
    kind = normal(column.type)
    if kind is INTEGER and source is not INTEGER:
        bits = 64 if column.type is FieldType.BIGINT else 32
        function = numbers.whole if source is DECIMAL else numbers.whole_of_float
        return call(function, INTEGER, value, bits)
    if kind is not DECIMAL:
        return value
    exact = call(numbers.decimal_of_float, DECIMAL, value) if source is FLOAT else value
    return call(numbers.fit, DECIMAL, exact, *column.precision) if column.precision else exact
