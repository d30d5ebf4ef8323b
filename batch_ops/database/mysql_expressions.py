"""Expressions as MySQL and MariaDB must be told them to mean what they mean in PostgreSQL.

Texts are compared, ordered and matched by the collation of their column, which may take `a` for
`A`; that is the table's choice and no expression changes it. What cannot be made the same is
refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.database import mysql_moments, mysql_texts, mysql_values
from batch_ops.database.kinds import (
    BOOLEAN,
    DECIMAL,
    FLOAT,
    INTEGER,
    INTERVAL,
    JSON,
    NUMBERS,
    Kind,
    arithmetic,
    inner_kind,
    kind_of,
    marked,
)
from batch_ops.database.meeting import Meeting, rewritten
from batch_ops.database.mysql_values import bracketed, cast, lacking, wide
from batch_ops.database.portable import refusal

if TYPE_CHECKING:
    from batch_ops.database.meeting import Handlers


def rewrite(tree: exp.Expression) -> exp.Expression:
    """The expression for MySQL; the tree is used up.

    Raises:
        DeclarationError: it cannot mean the same.
    """
    made = rewritten(tree, _HANDLERS)
    mysql_moments.refuse_spans(made)
    return made


class _Meeting(Meeting):
    database = "MySQL"

    def as_kind(self, node: exp.Expression, kind: Kind) -> exp.Expression:
        return mysql_values.as_kind(node, kind)

    def length(self, node: exp.Expression) -> exp.Expression:
        return mysql_moments.length(node)


_MEETING = _Meeting()


def _extreme(node: exp.Expression) -> exp.Expression:
    """GREATEST and LEAST leave NULL out, two by two."""
    values = _MEETING.meet([node.this, *node.expressions])
    kind = kind_of(node)
    if kind is INTERVAL:
        raise lacking(f"{node.key.upper()} of intervals")
    made = values[0]
    for value in values[1:]:
        both = type(node)(this=made.copy(), expressions=[value.copy()], ignore_nulls=False)
        made = exp.Coalesce(this=both, expressions=[made, value])
    return marked(made, kind)


def _binary(node: exp.Expression) -> exp.Expression:
    kind = arithmetic(node)
    left = mysql_values.as_kind(node.this, kind_of(node.expression))
    right = mysql_values.as_kind(node.expression, kind_of(node.this))
    if kind not in NUMBERS or kind_of(left) not in NUMBERS:
        return mysql_moments.reckon(node, left, right, kind)
    if kind is FLOAT and isinstance(node, exp.Mod):
        raise lacking("`%` of a value of type float")
    node.set("this", left)
    node.set("expression", right)
    if isinstance(node, exp.Div) and kind is INTEGER:
        return bracketed(exp.IntDiv(this=left, expression=right), INTEGER)
    if isinstance(node, exp.Div) and kind is DECIMAL:
        node.set("this", wide(left))
    return node


def _average(node: exp.Expression) -> exp.Expression:
    inner = node.this
    of = inner.expressions[0] if isinstance(inner, exp.Distinct) else inner
    if kind_of(of) in (DECIMAL, INTEGER):
        of.replace(wide(of.copy()))
    return _summed(node)


def _summed(node: exp.Expression) -> exp.Expression:
    of = inner_kind(node)
    if of not in (*NUMBERS, None):
        raise lacking(f"{node.key.upper()} of values of type {of}")
    return node


def _highest(node: exp.Expression) -> exp.Expression:
    of = kind_of(node.this)
    if of in (BOOLEAN, INTERVAL, JSON):
        raise lacking(f"{node.key.upper()} of values of type {of}")
    return node


def _root(node: exp.Expression) -> exp.Expression:
    if kind_of(node.this) is DECIMAL:
        raise refusal(
            "SQRT of a DECIMAL is not the same on MySQL, which makes a FLOAT of it.",
            "CAST it to DOUBLE PRECISION.",
        )
    return node


def _rounded(node: exp.Expression) -> exp.Expression:
    if node.args.get("decimals") and kind_of(node.this) is FLOAT:
        what = f"{node.key.upper()} to digits is not possible for a value of type {FLOAT}."
        raise refusal(what, "CAST it to DECIMAL.")
    return node


def _any(node: exp.Expression) -> exp.Expression:
    if not isinstance(node.parent, exp.EQ):
        raise refusal("ANY is possible behind `=` alone on MySQL.", "Write the condition with OR.")
    return node


def _distinct(node: exp.Expression) -> exp.Expression:
    if node.args.get("on"):
        raise refusal("DISTINCT ON is not possible on MySQL.", "Write a GROUP BY.")
    return node


def _filter(node: exp.Expression) -> exp.Expression:
    """`COUNT(x) FILTER (WHERE c)` as `COUNT(CASE WHEN c THEN x END)`."""
    aggregate: exp.Expression = node.this.copy()
    counted, condition = aggregate.this, node.expression.this
    distinct = isinstance(counted, exp.Distinct)
    value = counted.expressions[0] if distinct else counted
    value = exp.Literal.number(1) if isinstance(value, exp.Star) else value
    chosen = exp.Case(ifs=[exp.If(this=condition, true=value.copy())])
    aggregate.set("this", exp.Distinct(expressions=[chosen]) if distinct else chosen)
    return marked(aggregate, kind_of(node.this))


_HANDLERS: Handlers = {
    **_MEETING.handlers,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), _binary),
    **dict.fromkeys((exp.Greatest, exp.Least), _extreme),
    **dict.fromkeys((exp.Max, exp.Min), _highest),
    **dict.fromkeys((exp.Round, exp.Trunc), _rounded),
    exp.Any: _any,
    exp.Avg: _average,
    exp.Cast: cast,
    exp.Distinct: _distinct,
    exp.Filter: _filter,
    exp.Sqrt: _root,
    exp.Sum: _summed,
    **mysql_moments.HANDLERS,
    **mysql_texts.HANDLERS,
}
