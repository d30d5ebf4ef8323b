"""How values of different kinds meet on MySQL: constants and casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database import moments
from batch_ops.database.kinds import (
    BOOLEAN,
    DATE,
    DECIMAL,
    FLOAT,
    INTEGER,
    INTERVAL,
    JSON,
    NUMBERS,
    TEXT,
    TIME,
    TIMESTAMP,
    UUID,
    Kind,
    kind_of,
    marked,
    value_of,
)
from batch_ops.database.portable import read_text, refusal
from batch_ops.database.readers import READERS

if TYPE_CHECKING:
    from batch_ops.errors import DeclarationError
    from batch_ops.spec.model import FieldType

_MOMENTS = {DATE: "DATE", TIME: "TIME(6)", TIMESTAMP: "DATETIME(6)"}


def lacking(what: str) -> DeclarationError:
    """The error for something MySQL cannot be made to do alike, to be raised by the caller."""
    return refusal(f"{what} is not the same on MySQL.", "Write it another way, or leave it out.")


def called(name: str, kind: Kind, *arguments: Any) -> exp.Expression:
    """A call of a function; texts and numbers among the arguments are constants."""
    nodes = [_argument(each) for each in arguments]
    return marked(exp.Anonymous(this=name, expressions=nodes), kind)


def _argument(value: Any) -> exp.Expression:
    if isinstance(value, str):
        return exp.Literal.string(value)
    return exp.Literal.number(value) if isinstance(value, int) else value


def bracketed(node: exp.Expression, kind: Kind) -> exp.Expression:
    """The node, safe as an operand of anything."""
    return marked(exp.Paren(this=node), kind)


def typed(node: exp.Expression, type_: str, kind: Kind) -> exp.Expression:
    """`CAST(node AS type)`, with a type of MySQL's own."""
    to = exp.DataType(this=exp.DType.USERDEFINED, kind=type_)
    return marked(exp.Cast(this=node, to=to), kind)


def wide(node: exp.Expression) -> exp.Expression:
    """A number with so many digits behind its point that a quotient has 16 of them."""
    return typed(node, "DECIMAL(65,20)", DECIMAL)


def as_kind(node: exp.Expression, kind: Kind) -> exp.Expression:
    """A value, as it is written where one of a kind is meant.

    Raises:
        DeclarationError: a text that stands for no such value.
    """
    own, inner = kind_of(node), node.unnest()
    if own is DATE and kind is TIMESTAMP:
        return typed(node, "DATETIME(6)", TIMESTAMP)
    if own is not None or kind is None or isinstance(inner, exp.Null | exp.Column):
        return node
    reader, text = READERS.get(kind), inner.name if inner.is_string else value_of(inner)
    if reader is None or not isinstance(text, str):
        return marked(node, kind)
    read = read_text(reader, text, kind)
    return _constant(read, kind) if inner.is_string else _converted(node, kind)


def _constant(value: Any, kind: FieldType) -> exp.Expression:
    if kind in _MOMENTS:
        return typed(exp.Literal.string(value), _MOMENTS[kind], kind)
    if isinstance(value, bool):
        return marked(exp.Boolean(this=value), kind)
    if isinstance(value, str):
        return marked(exp.Literal.string(value), kind, value)
    number = exp.Literal.number(repr(abs(value)))
    return bracketed(exp.Neg(this=number), kind) if value < 0 else marked(number, kind)


def _converted(node: exp.Expression, kind: FieldType) -> exp.Expression:
    """A bound text that can be read as the kind; the database reads it so too."""
    if kind in (BOOLEAN, INTERVAL):
        raise lacking(f"A text that stands for a value of type {kind}")
    types = {**_MOMENTS, INTEGER: "SIGNED", DECIMAL: "DECIMAL(65,20)", FLOAT: "DOUBLE"}
    return typed(node, types[kind], kind) if kind in types else marked(node, kind)


# CAST


def cast(node: exp.Expression) -> exp.Expression:
    """A CAST, by what it casts to."""
    assert isinstance(node, exp.Cast)
    target, made, literal = node.to.this, kind_of(node), node.this.unnest()
    if target is exp.DType.USERDEFINED:
        return node
    if literal.is_string and target is exp.DType.TIMESTAMP and not node.to.expressions:
        text = read_text(moments.read_local_timestamp, literal.name, TIMESTAMP)
        return typed(exp.Literal.string(text), "DATETIME(6)", TIMESTAMP)
    inner = as_kind(node.this, made if made is not JSON else TEXT)
    found = _cast(node, inner, kind_of(inner), made)
    if found is None:
        source = kind_of(inner) or "unknown type"
        shown = node.to.sql(dialect="postgres")
        raise lacking(f"CAST of a value of type {source} to {shown}")
    return marked(found, made)


def _cast(node: exp.Cast, inner: exp.Expression, source: Kind, made: Kind) -> exp.Expression | None:
    size = [int(each.this.name) for each in node.to.expressions]
    if made is TEXT:
        text = None if node.to.this is exp.DType.CHAR else as_text(inner)
        return called("LEFT", TEXT, text, size[0]) if text and size else text
    if made is DECIMAL:
        return _as_decimal(inner, source, size)
    if made is BOOLEAN and source is INTEGER:
        return bracketed(exp.NEQ(this=inner, expression=exp.Literal.number(0)), BOOLEAN)
    if size or node.to.this is exp.DType.FLOAT:
        return None
    return _simple(node, inner, source, made)


def _simple(
    node: exp.Cast, inner: exp.Expression, source: Kind, made: Kind
) -> exp.Expression | None:
    if source is made and made not in (JSON, INTEGER):
        return inner
    if made is INTEGER and source in (*NUMBERS, BOOLEAN, TEXT):
        return typed(inner, "SIGNED", INTEGER)
    if made is FLOAT and source in (*NUMBERS, TEXT):
        return typed(inner, "DOUBLE", FLOAT)
    zoned = source is TEXT and node.to.this is exp.DType.TIMESTAMPTZ
    if made in _MOMENTS and source in (TEXT, DATE, TIMESTAMP) and not zoned:
        return None if made is TIME and source is DATE else typed(inner, _MOMENTS[made], made)
    return called("LOWER", UUID, inner) if made is UUID and source is TEXT else None


def _as_decimal(inner: exp.Expression, source: Kind, size: list[int]) -> exp.Expression | None:
    if source not in (*NUMBERS, TEXT):
        return None
    if size:
        precision, scale = (*size, 0)[:2]
        return typed(inner, f"DECIMAL({precision},{scale})", DECIMAL)
    return inner if source in (INTEGER, DECIMAL) else None


def as_text(node: exp.Expression) -> exp.Expression | None:
    """A value as text; None where MySQL's text would be another one."""
    kind = kind_of(node)
    if kind is BOOLEAN:
        words = [
            exp.If(this=node, true=exp.Literal.string("true")),
            exp.If(
                this=exp.Not(this=exp.Paren(this=node.copy())), true=exp.Literal.string("false")
            ),
        ]
        return marked(exp.Case(ifs=words), TEXT)
    if kind in (INTEGER, DATE):
        return typed(node, "CHAR", TEXT)
    return node if kind in (None, TEXT, UUID) else None
