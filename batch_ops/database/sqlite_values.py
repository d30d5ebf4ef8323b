"""How values of different kinds meet on SQLite: what is compared, cast or written as a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database import moments, texts
from batch_ops.database.kinds import (
    BOOLEAN,
    DATE,
    INTEGER,
    INTERVAL,
    TEXT,
    TIME,
    TIMESTAMP,
    UUID,
    Kind,
    kind_of,
    marked,
    value_of,
)
from batch_ops.database.portable import read_text
from batch_ops.database.readers import READERS
from batch_ops.database.sqlite_functions import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.spec.model import FieldType

_AS_THEY_ARE = (TEXT, INTEGER, DATE, UUID, INTERVAL)


def call(function: Callable[..., Any], kind: Kind, *arguments: Any) -> exp.Expression:
    """A call of one of the functions each connection is given."""
    return called(PREFIX + function.__name__, kind, *arguments)


def called(name: str, kind: Kind, *arguments: Any) -> exp.Expression:
    """A call of a function by its name; texts and numbers among the arguments are constants."""
    nodes = [constant(each) if isinstance(each, str | int) else each for each in arguments]
    return marked(exp.Anonymous(this=name, expressions=nodes), kind)


def constant(value: str | float, kind: Kind = None) -> exp.Expression:
    """A value as it is written in SQL."""
    if isinstance(value, bool):
        return marked(exp.Boolean(this=value), kind)
    if isinstance(value, str):
        return marked(exp.Literal.string(value), kind)
    positive = marked(exp.Literal.number(repr(abs(value))), kind)
    return marked(exp.Paren(this=exp.Neg(this=positive)), kind) if value < 0 else positive


def in_brackets(node: exp.Expression, kind: Kind) -> exp.Expression:
    """The node, safe as an operand of anything."""
    return marked(exp.Paren(this=node), kind)


def as_kind(node: exp.Expression, kind: Kind) -> exp.Expression:
    """A value, as it is written where one of a kind is meant.

    Raises:
        DeclarationError: a text that stands for no such value.
    """
    own = kind_of(node)
    if own is DATE and kind is TIMESTAMP:
        midnight = exp.DPipe(this=node, expression=constant(moments.MIDNIGHT))
        return in_brackets(midnight, TIMESTAMP)
    if own is not None or kind is None or isinstance(node.unnest(), exp.Null | exp.Column):
        return node
    return _read(node, kind)


def _read(node: exp.Expression, kind: FieldType) -> exp.Expression:
    reader = READERS.get(kind)
    if reader is None:
        return marked(node, kind)
    inner = node.unnest()
    if inner.is_string:
        return constant(read_text(reader, inner.name, kind), kind)
    value = value_of(inner)
    if isinstance(value, str):
        read_text(reader, value, kind)  # what cannot be read is told now, and not by the database
    return call(reader, kind, inner)


def as_text(node: exp.Expression) -> exp.Expression | None:
    """A value as text; None where SQLite's text would be another one."""
    kind = kind_of(node)
    if kind is BOOLEAN:
        return call(texts.boolean_text, TEXT, node)
    if kind is TIME:
        return call(moments.time_text, TEXT, node)
    if kind is INTEGER:
        return marked(exp.Cast(this=node, to=exp.DType.TEXT.into_expr()), TEXT)
    return node if kind is None or kind in _AS_THEY_ARE else None
