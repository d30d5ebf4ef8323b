"""Expressions as SQLite must be told them to mean what they mean in PostgreSQL.

Every part of an expression gets its kind, from the leaves up, and is written another way where
SQLite would find another answer. What cannot be made the same is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlglot import exp

from batch_ops.database import kinds, sqlite_arithmetic, sqlite_texts
from batch_ops.database.kinds import BOOLEAN, INTERVAL, Kind, kind_of, marked
from batch_ops.database.portable import refusal
from batch_ops.database.sqlite_casts import cast as _cast
from batch_ops.database.sqlite_functions import PREFIX
from batch_ops.database.sqlite_values import (
    JSON,
    as_kind,
    called,
    compared,
    meet,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def rewrite(tree: exp.Expression) -> exp.Expression:
    """The expression for SQLite; the tree is used up.

    Raises:
        DeclarationError: it cannot mean the same.
    """
    whole = exp.Paren(this=tree)
    for node in reversed(list(whole.dfs())[1:]):
        kinds.settle(node)
        parent, key, index = node.parent, node.arg_key, node.index
        made = _rewritten(node)
        if made is not node and parent is not None and key is not None:
            kinds.settle(made)
            parent.set(key, made, index)
    return cast("exp.Expression", whole.this.pop())


def _rewritten(node: exp.Expr) -> exp.Expr:
    handler = _HANDLERS.get(type(node))
    return handler(cast("exp.Expression", node)) if handler else node


# comparing


def _comparison(node: exp.Expression) -> exp.Expression:
    left, right = node.this, node.expression
    if isinstance(right, exp.Any):
        return _any(node, left, right)
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        _pairwise(left, right)
        return node
    left, right = compared([left, right])
    node.set("this", left)
    node.set("expression", right)
    return node


def _pairwise(left: exp.Tuple, *others: exp.Tuple) -> None:
    """Compare tuples part by part."""
    rows = [left.expressions, *(other.expressions for other in others)]
    columns = [compared(column) for column in zip(*rows, strict=True)]
    for place, part in enumerate((left, *others)):
        part.set("expressions", [column[place] for column in columns])


def _any(node: exp.Expression, left: exp.Expression, right: exp.Any) -> exp.Expression:
    inner = right.this.unnest()
    if not isinstance(node, exp.EQ) or not isinstance(inner, exp.Query | exp.Subquery):
        what = "ANY stands behind another comparison than `=`, or before something else than a list"
        raise refusal(f"{what} or sub-select.", "Write `= ANY(:list)`, or the condition with IN.")
    return exp.In(this=left, query=inner if isinstance(inner, exp.Subquery) else inner.subquery())


def _between(node: exp.Expression) -> exp.Expression:
    this, low, high = compared([node.this, node.args["low"], node.args["high"]])
    for name, value in (("this", this), ("low", low), ("high", high)):
        node.set(name, value)
    return node


def _in(node: exp.Expression) -> exp.Expression:
    query = node.args.get("query")
    if query is not None:
        return node if isinstance(node.this, exp.Tuple) else _in_query(node, query)
    if isinstance(node.this, exp.Tuple):
        _pairwise(node.this, *(each for each in node.expressions if isinstance(each, exp.Tuple)))
        return node
    this, *others = compared([node.this, *node.expressions])
    node.set("this", this)
    node.set("expressions", others)
    return node


def _in_query(node: exp.Expression, query: exp.Expression) -> exp.Expression:
    """A sub-select's values stay as they are: they must be of the same kind."""
    left, right = kind_of(node.this), kind_of(query)
    same = left is right or None in (left, right) or {left, right} <= set(kinds.NUMBERS)
    if not same or left is INTERVAL:
        what = f"A value of type {left} is looked for among values of type {right}."
        raise refusal(what, "CAST one of them.")
    node.set("this", as_kind(node.this, right))
    return node


# choosing


def _case(node: exp.Expression) -> exp.Expression:
    ifs = node.args["ifs"]
    if node.this:
        this, *whens = compared([node.this, *(each.this for each in ifs)])
        node.set("this", this)
        for each, when in zip(ifs, whens, strict=True):
            each.set("this", when)
    default = node.args.get("default")
    values = meet([each.args["true"] for each in ifs] + ([default] if default else []))
    for each, value in zip(ifs, values, strict=False):
        each.set("true", value)
    if default:
        node.set("default", values[-1])
    return marked(node, kind_of(values[0]))


def _coalesce(node: exp.Expression) -> exp.Expression:
    values = meet([node.this, *node.expressions])
    if len(values) == 1:
        return values[0]
    return marked(exp.Coalesce(this=values[0], expressions=values[1:]), kind_of(values[0]))


def _extreme(name: str) -> Callable[[exp.Expression], exp.Expression]:
    def made(node: exp.Expression) -> exp.Expression:
        values = meet([node.this, *node.expressions])
        if kind_of(values[0]) is INTERVAL:
            raise refusal(f"{name.upper()} of intervals is not the same on SQLite.", _NO_INTERVALS)
        return called(f"{PREFIX}{name}", kind_of(values[0]), *values)

    return made


_NO_INTERVALS = "Compare the moments themselves, or the days between them."


def _nullif(node: exp.Expression) -> exp.Expression:
    kind = kind_of(node.this)
    if kind is INTERVAL:
        raise refusal("NULLIF of an interval is not the same on SQLite.", "Write it as a CASE.")
    this, other = meet([node.this, node.expression])
    return marked(exp.Nullif(this=this, expression=other), kind_of(this))


# booleans


def _truth(node: exp.Expression) -> exp.Expression:
    """AND, OR and NOT take booleans alone."""
    for name in ("this", "expression"):
        side = node.args.get(name)
        if side is not None:
            node.set(name, _condition(side, node.key.upper()))
    return node


def _condition(node: exp.Expression, where: str) -> exp.Expression:
    kind = kind_of(node)
    if kind not in (None, BOOLEAN):
        what = f"A value of type {kind} stands where {where} needs a condition."
        raise refusal(what, "Compare it with something.")
    return as_kind(node, BOOLEAN)


def _is(node: exp.Expression) -> exp.Expression:
    if isinstance(node.expression, exp.Boolean):
        node.set("this", _condition(node.this, "IS"))
    return node


# aggregates


def _aggregate(name: str) -> Callable[[exp.Expression], exp.Expression]:
    """SUM and AVG: exact for decimals."""

    def made(node: exp.Expression) -> exp.Expression:
        kind, of = kind_of(node), _aggregated(node)
        if of not in (*kinds.NUMBERS, None):
            raise refusal(f"{name.upper()} of values of type {of} is not possible on SQLite.", _SUM)
        return called(f"{PREFIX}{name}", kind, node.this) if kind is kinds.DECIMAL else node

    return made


_SUM = "Sum up numbers, for example of EXTRACT(EPOCH FROM …)."


def _highest(node: exp.Expression) -> exp.Expression:
    of = _aggregated(node)
    if of in (BOOLEAN, INTERVAL, JSON):
        what = f"{node.key.upper()} of values of type {of} is not the same on SQLite."
        raise refusal(what, "Use BOOL_AND or BOOL_OR for booleans.")
    return node


def _aggregated(node: exp.Expression) -> Kind:
    inner = node.this
    return kind_of(inner.expressions[0] if isinstance(inner, exp.Distinct) else inner)


def _distinct(node: exp.Expression) -> exp.Expression:
    if node.args.get("on"):
        raise refusal("DISTINCT ON is not possible on SQLite.", "Write a GROUP BY.")
    if len(node.expressions) > 1 or any(isinstance(e, exp.Tuple) for e in node.expressions):
        raise refusal("DISTINCT of several values is not possible on SQLite.", "Take one value.")
    return node


def _reject_any(node: exp.Expression) -> exp.Expression:
    if not isinstance(node.parent, exp.EQ):
        raise refusal("ANY is possible behind `=` alone on SQLite.", "Write the condition with OR.")
    return node


_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_HANDLERS: dict[type[exp.Expr], Callable[[exp.Expression], exp.Expression]] = {
    **dict.fromkeys(_COMPARISONS, _comparison),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), _truth),
    **dict.fromkeys((exp.Max, exp.Min), _highest),
    exp.Any: _reject_any,
    exp.Avg: _aggregate("avg"),
    exp.Between: _between,
    exp.Case: _case,
    exp.Cast: _cast,
    exp.Coalesce: _coalesce,
    exp.Distinct: _distinct,
    exp.Greatest: _extreme("greatest"),
    exp.In: _in,
    exp.Is: _is,
    exp.Least: _extreme("least"),
    exp.Nullif: _nullif,
    exp.Sum: _aggregate("sum"),
    **sqlite_arithmetic.HANDLERS,
    **sqlite_texts.HANDLERS,
}
