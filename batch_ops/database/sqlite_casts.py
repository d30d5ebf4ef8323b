"""CAST on SQLite, by what it casts to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.database import moments, numbers, texts
from batch_ops.database.kinds import (
    BOOLEAN,
    DATE,
    DECIMAL,
    FLOAT,
    INTEGER,
    INTERVAL,
    NUMBERS,
    TEXT,
    TIME,
    TIMESTAMP,
    UUID,
    Kind,
    kind_of,
    marked,
)
from batch_ops.database.portable import read_text, refusal
from batch_ops.database.readers import READERS
from batch_ops.database.sqlite_values import (
    as_kind,
    as_text,
    call,
    called,
    constant,
    in_brackets,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_BITS = {exp.DType.SMALLINT: 16, exp.DType.INT: 32, exp.DType.BIGINT: 64}


def cast(node: exp.Expression) -> exp.Expression:
    """A CAST, by what it casts to."""
    assert isinstance(node, exp.Cast)
    target, made = node.to.this, kind_of(node)
    if node.this.unnest().is_string and target is exp.DType.TIMESTAMP:
        text = read_text(moments.read_local_timestamp, node.this.unnest().name, TIMESTAMP)
        return constant(text, TIMESTAMP)
    inner = as_kind(node.this, made if made in READERS else TEXT)
    found = _CASTS[made](node, inner, kind_of(inner)) if made in _CASTS else None
    if found is None:
        source = kind_of(inner) or "unknown type"
        what = f"CAST of a value of type {source} to {node.to.sql(dialect='postgres')}"
        raise refusal(f"{what} does not mean the same on SQLite.", _OTHERWISE.get(made, _LEAVE_OUT))
    return marked(found, made)


_LEAVE_OUT = "Leave the CAST out, or write the condition another way."
_OTHERWISE: dict[Kind, str] = {
    TEXT: "Cast whole numbers, dates, times and booleans; use VARCHAR for CHAR.",
    FLOAT: "Write DOUBLE PRECISION for REAL.",
}


def _numbers_of(node: exp.Cast) -> list[int]:
    return [int(each.this.name) for each in node.to.expressions]


def _to_integer(node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    bits = _BITS[node.to.this]
    if source is DECIMAL:
        return call(numbers.whole, INTEGER, inner, bits)
    if source is FLOAT:
        return call(numbers.whole_of_float, INTEGER, inner, bits)
    if source is TEXT:
        return call(numbers.within, INTEGER, call(texts.read_whole, INTEGER, inner), bits)
    if source is INTEGER:
        return inner if bits == 64 else call(numbers.within, INTEGER, inner, bits)
    return inner if source is BOOLEAN and bits == 32 else None


def _to_decimal(node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    if source is FLOAT:
        inner = call(numbers.decimal_of_float, DECIMAL, inner)
    elif source is TEXT:
        inner = call(texts.read_decimal, DECIMAL, inner)
    elif source not in NUMBERS:
        return None
    size = _numbers_of(node)
    return call(numbers.fit, DECIMAL, inner, *(*size, 0)[:2]) if size else inner


def _to_float(node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    if node.to.this is exp.DType.FLOAT:
        return None
    if source is TEXT:
        return call(texts.read_float, FLOAT, inner)
    return exp.Cast(this=inner, to=exp.DType.DOUBLE.into_expr()) if source in NUMBERS else None


def _to_text(node: exp.Cast, inner: exp.Expression, _source: Kind) -> exp.Expression | None:
    text = as_text(inner)
    if text is None or node.to.this is exp.DType.CHAR:
        return None
    length = _numbers_of(node)
    return called("substr", TEXT, text, 1, length[0]) if length else text


def _to_boolean(_node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    if source is TEXT:
        return call(texts.read_boolean, BOOLEAN, inner)
    if source is INTEGER:
        return in_brackets(exp.NEQ(this=inner, expression=constant(0)), BOOLEAN)
    return inner if source is BOOLEAN else None


def _to_date(_node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    if source is TIMESTAMP:
        return called("substr", DATE, inner, 1, 10)
    return _from_text(inner, source, DATE)


def _to_time(_node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    if source is TIMESTAMP:
        return call(moments.time_of, TIME, inner)
    return _from_text(inner, source, TIME)


def _to_timestamp(node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    if node.to.expressions:
        return None
    if source is TEXT and node.to.this is exp.DType.TIMESTAMP:
        return call(moments.read_local_timestamp, TIMESTAMP, inner)
    return as_kind(inner, TIMESTAMP) if source is DATE else _from_text(inner, source, TIMESTAMP)


def _to_itself(node: exp.Cast, inner: exp.Expression, source: Kind) -> exp.Expression | None:
    return None if node.to.expressions else _from_text(inner, source, kind_of(node))


def _from_text(inner: exp.Expression, source: Kind, kind: Kind) -> exp.Expression | None:
    if source is TEXT and kind in READERS:
        return call(READERS[kind], kind, inner)
    return inner if source is kind else None


_CASTS: dict[Kind, Callable[[exp.Cast, exp.Expression, Kind], exp.Expression | None]] = {
    BOOLEAN: _to_boolean,
    INTEGER: _to_integer,
    DECIMAL: _to_decimal,
    FLOAT: _to_float,
    TEXT: _to_text,
    DATE: _to_date,
    TIME: _to_time,
    TIMESTAMP: _to_timestamp,
    INTERVAL: _to_itself,
    UUID: _to_itself,
}
