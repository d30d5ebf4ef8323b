"""Text functions in MySQL's expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.database.kinds import BOOLEAN, INTEGER, TEXT, kind_of, marked
from batch_ops.database.mysql_values import as_text, called, lacking
from batch_ops.database.portable import refusal

if TYPE_CHECKING:
    from batch_ops.database.meeting import Handlers


def _text(node: exp.Expression, name: str) -> exp.Expression:
    kind = kind_of(node)
    if kind not in (TEXT, None):
        raise refusal(f"{name} is called with a value of type {kind}.", "CAST it to TEXT.")
    return node


def _of_texts(node: exp.Expression) -> exp.Expression:
    _text(node.this, node.key.upper())
    return node


def _joined(node: exp.Expression) -> exp.Expression:
    """`||`: NULL where a side is NULL."""
    return called("CONCAT", TEXT, _as_text(node.this, "||"), _as_text(node.expression, "||"))


def _concat(node: exp.Expression) -> exp.Expression:
    """CONCAT: a NULL is left out."""
    if any(kind_of(each) is BOOLEAN for each in node.expressions):
        raise lacking("CONCAT of a boolean")
    empty = exp.Literal.string("")
    parts = [_as_text(each, "CONCAT") for each in node.expressions]
    filled = [exp.Coalesce(this=part, expressions=[empty.copy()]) for part in parts]
    return called("CONCAT", TEXT, *filled)


def _as_text(node: exp.Expression, name: str) -> exp.Expression:
    text = as_text(node)
    if text is None:
        raise lacking(f"{name} of a value of type {kind_of(node)}")
    return text


def _side(node: exp.Expression) -> exp.Expression:
    """LEFT and RIGHT: a negative count leaves so many out."""
    name, count = node.key.upper(), node.expression
    _text(node.this, name)
    if kind_of(count) not in (INTEGER, None):
        raise lacking(f"{name} with a count of type {kind_of(count)}")
    if isinstance(count, exp.Literal):
        return node
    rest = exp.Add(this=called("CHAR_LENGTH", INTEGER, node.this.copy()), expression=count.copy())
    kept = exp.If(this=exp.LT(this=count.copy(), expression=exp.Literal.number(0)), true=rest)
    return called(name, TEXT, node.this, exp.Case(ifs=[kept], default=count))


def _trim(node: exp.Expression) -> exp.Expression:
    signs = _of_texts(node).args.get("expression")
    if signs is not None and not (signs.is_string and len(signs.name) == 1):
        raise lacking("TRIM of several characters, which are a set in PostgreSQL,")
    return node


def _substring(node: exp.Expression) -> exp.Expression:
    """Places before the text count too: SUBSTRING('abc' FROM 0 FOR 2) is 'a'."""
    _text(node.this, "SUBSTRING")
    start, length = node.args["start"], node.args.get("length")
    if start.is_string:
        raise lacking("SUBSTRING by a regular expression")
    if isinstance(start, exp.Literal) and int(start.name) > 0:
        return node
    first = called("GREATEST", INTEGER, start, 1)
    if length is None:
        return called("SUBSTRING", TEXT, node.this, first)
    end = exp.Add(this=start.copy(), expression=length)
    rest = exp.Sub(this=exp.Paren(this=end), expression=first.copy())
    return called("SUBSTRING", TEXT, node.this, first, called("GREATEST", INTEGER, rest, 0))


def _starts_with(node: exp.Expression) -> exp.Expression:
    begin = _text(node.expression, "STARTS_WITH")
    length = called("CHAR_LENGTH", INTEGER, begin.copy())
    found = called("LEFT", TEXT, _text(node.this, "STARTS_WITH"), length)
    return marked(exp.Paren(this=exp.EQ(this=found, expression=begin)), BOOLEAN)


def _split_part(_node: exp.Expression) -> exp.Expression:
    raise lacking("SPLIT_PART")


def _escape(node: exp.Expression) -> exp.Expression:
    if not node.expression.name:
        raise lacking("LIKE without an escape (ESCAPE '')")
    return node


def _like(node: exp.Expression) -> exp.Expression:
    _text(node.expression, node.key.upper())
    return _of_texts(node)


HANDLERS: Handlers = {
    **dict.fromkeys((exp.Length, exp.Lower, exp.Upper, exp.Replace, exp.StrPosition), _of_texts),
    **dict.fromkeys((exp.Left, exp.Right), _side),
    **dict.fromkeys((exp.Like, exp.ILike), _like),
    exp.Concat: _concat,
    exp.DPipe: _joined,
    exp.Escape: _escape,
    exp.Pad: _of_texts,
    exp.SplitPart: _split_part,
    exp.StartsWith: _starts_with,
    exp.Substring: _substring,
    exp.Trim: _trim,
}
