"""Text functions in SQLite's expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database import texts
from batch_ops.database.kinds import BOOLEAN, INTEGER, TEXT, TIMESTAMP, kind_of, marked
from batch_ops.database.portable import refusal
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

_ESCAPE = "\\"


def _text(node: exp.Expression, name: str) -> exp.Expression:
    kind = kind_of(node)
    if kind not in (TEXT, None):
        raise refusal(f"{name} is called with a value of type {kind}.", "CAST it to TEXT.")
    return node


def _count(node: exp.Expression, name: str) -> exp.Expression:
    if kind_of(node) not in (INTEGER, None):
        what = f"{name} is called with a value of type {kind_of(node)} for a count."
        raise refusal(what, "CAST it to INTEGER.")
    return as_kind(node, INTEGER)


def _function(
    name: str, function: Callable[..., Any] | str, *arguments: str
) -> Callable[[exp.Expression], exp.Expression]:
    """A function of texts and counts: `#` begins the name of a count among the arguments."""

    def made(node: exp.Expression) -> exp.Expression:
        values: list[exp.Expression] = []
        for argument in arguments:
            value = node.args.get(argument.removeprefix("#"))
            if value is not None:
                judge = _count if argument.startswith("#") else _text
                values.append(judge(value, name))
        kind = kind_of(node)
        if isinstance(function, str):
            return called(function, kind, *values)
        return call(function, kind, *values)

    return made


def _pad(node: exp.Expression) -> exp.Expression:
    function = texts.lpad if node.args.get("is_left") else texts.rpad
    arguments = ("this", "#expression", "fill_pattern")
    return _function(function.__name__.upper(), function, *arguments)(node)


def _trim(node: exp.Expression) -> exp.Expression:
    sides = {"LEADING": "ltrim", "TRAILING": "rtrim"}
    name = sides.get(str(node.args.get("position") or "").upper(), "trim")
    return _function("TRIM", name, "this", "expression")(node)


def _substring(node: exp.Expression) -> exp.Expression:
    if node.args["start"].is_string:
        what = "SUBSTRING by a regular expression is not possible on SQLite."
        raise refusal(what, "Write SUBSTRING(text FROM place FOR length), or SPLIT_PART.")
    return _function("SUBSTRING", texts.substring, "this", "#start", "#length")(node)


def _joined(node: exp.Expression) -> exp.Expression:
    """`||`: NULL where a side is NULL."""
    for name in ("this", "expression"):
        node.set(name, _as_text(node.args[name], "||"))
    return node


def _concat(node: exp.Expression) -> exp.Expression:
    """CONCAT: a NULL is left out."""
    joined: exp.Expression = constant("", TEXT)
    for each in node.expressions:
        if kind_of(each) is BOOLEAN:
            raise refusal("CONCAT of a boolean is not the same on SQLite.", "CAST it to TEXT.")
        filled = exp.Coalesce(this=_as_text(each, "CONCAT"), expressions=[constant("")])
        joined = exp.DPipe(this=joined, expression=filled)
    return in_brackets(joined, TEXT)


def _as_text(node: exp.Expression, name: str) -> exp.Expression:
    text = as_text(node)
    if text is None:
        kind = kind_of(node)
        what = (
            f"{name} of a value of type {kind} is not the same on SQLite: it is written otherwise."
        )
        todo = "EXTRACT its parts" if kind is TIMESTAMP else "Leave it out, or CAST it to INTEGER"
        raise refusal(what, f"{todo}.")
    return text


# LIKE


def _like(node: exp.Expression) -> exp.Expression:
    """A backslash in a pattern escapes; SQLite escapes with what is written behind ESCAPE alone."""
    _texts_of(node)
    if isinstance(node.parent, exp.Escape):
        return node
    plain = node.expression.is_string and _ESCAPE not in node.expression.name
    if plain:
        return node
    return marked(exp.Escape(this=node, expression=constant(_ESCAPE)), BOOLEAN)


def _ilike(node: exp.Expression) -> exp.Expression:
    _texts_of(node)
    return node if isinstance(node.parent, exp.Escape) else _ilike_call(node, _ESCAPE)


def _escape(node: exp.Expression) -> exp.Expression:
    escape = node.expression
    if not escape.is_string or len(escape.name) > 1:
        raise refusal("ESCAPE needs one character, or none.", "Write ESCAPE '!'.")
    if isinstance(node.this, exp.ILike):
        return _ilike_call(node.this, escape.name)
    return node if escape.name else node.this


def _texts_of(node: exp.Expression) -> None:
    for side in (node.this, node.expression):
        _text(side, node.key.upper())


def _ilike_call(node: exp.Expression, escape: str) -> exp.Expression:
    made = call(texts.ilike, BOOLEAN, node.this, node.expression, escape)
    return marked(exp.Not(this=made), BOOLEAN) if node.args.get("negate") else made


HANDLERS: dict[type[exp.Expr], Callable[[exp.Expression], exp.Expression]] = {
    exp.Concat: _concat,
    exp.DPipe: _joined,
    exp.Escape: _escape,
    exp.ILike: _ilike,
    exp.Left: _function("LEFT", texts.left, "this", "#expression"),
    exp.Length: _function("LENGTH", "length", "this"),
    exp.Like: _like,
    exp.Lower: _function("LOWER", texts.lower, "this"),
    exp.Pad: _pad,
    exp.Replace: _function("REPLACE", "replace", "this", "expression", "replacement"),
    exp.Right: _function("RIGHT", texts.right, "this", "#expression"),
    exp.SplitPart: _function("SPLIT_PART", texts.split_part, "this", "delimiter", "#part_index"),
    exp.StartsWith: _function("STARTS_WITH", texts.starts_with, "this", "expression"),
    exp.StrPosition: _function("STRPOS", "instr", "this", "substr"),
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.Upper: _function("UPPER", texts.upper, "this"),
}
