"""What kind of value each part of an expression has, as PostgreSQL would find.

A kind is a field type; TEXT stands for every text, INTEGER for every whole number. None is a text
literal, a NULL or a value of which no type is known: it takes the kind of what it meets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlglot import exp

from batch_ops.spec.model import FieldType
from batch_ops.spec.scopes import KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Kind = FieldType | None
_Node = TypeVar("_Node", bound=exp.Expr)

BOOLEAN, INTEGER, DECIMAL = FieldType.BOOLEAN, FieldType.INTEGER, FieldType.DECIMAL
FLOAT, TEXT, INTERVAL = FieldType.FLOAT, FieldType.TEXT, FieldType.INTERVAL
DATE, TIME, TIMESTAMP = FieldType.DATE, FieldType.TIME, FieldType.TIMESTAMP
JSON, UUID = FieldType.JSON, FieldType.UUID

NUMBERS = (INTEGER, DECIMAL, FLOAT)
"""From the narrowest to the widest."""
MOMENTS = (DATE, TIMESTAMP)

_VALUE = "value"
_NORMAL = {FieldType.STRING: TEXT, FieldType.BIGINT: INTEGER}
_CASTS = {
    **dict.fromkeys((exp.DType.BIGINT, exp.DType.INT, exp.DType.SMALLINT), INTEGER),
    **dict.fromkeys((exp.DType.DOUBLE, exp.DType.FLOAT), FLOAT),
    **dict.fromkeys((exp.DType.CHAR, exp.DType.TEXT, exp.DType.VARCHAR), TEXT),
    **dict.fromkeys((exp.DType.JSON, exp.DType.JSONB), JSON),
    **dict.fromkeys((exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ), TIMESTAMP),
    exp.DType.BOOLEAN: BOOLEAN,
    exp.DType.DATE: DATE,
    exp.DType.DECIMAL: DECIMAL,
    exp.DType.INTERVAL: INTERVAL,
    exp.DType.TIME: TIME,
    exp.DType.UUID: UUID,
}
_SUMS: dict[tuple[Kind, Kind], Kind] = {
    (DATE, INTEGER): DATE,
    (DATE, INTERVAL): TIMESTAMP,
    (DATE, TIME): TIMESTAMP,
    (TIMESTAMP, INTERVAL): TIMESTAMP,
    (TIME, INTERVAL): TIME,
    (INTERVAL, INTERVAL): INTERVAL,
}
_DIFFERENCES: dict[tuple[Kind, Kind], Kind] = {
    (DATE, DATE): INTEGER,
    (DATE, INTEGER): DATE,
    (DATE, TIMESTAMP): INTERVAL,
    (TIMESTAMP, DATE): INTERVAL,
    (TIMESTAMP, TIMESTAMP): INTERVAL,
    (TIME, TIME): INTERVAL,
    (DATE, INTERVAL): TIMESTAMP,
    (TIMESTAMP, INTERVAL): TIMESTAMP,
    (TIME, INTERVAL): TIME,
    (INTERVAL, INTERVAL): INTERVAL,
}


def normal(kind: Kind) -> Kind:
    """The kind a field type counts as."""
    return _NORMAL.get(kind, kind) if kind else None


def marked(node: _Node, kind: Kind, value: object = None) -> _Node:
    """The node, with its kind noted on it; of a bound value also the value."""
    node.meta[KIND] = normal(kind)
    if value is not None:
        node.meta[_VALUE] = value
    return node


def kind_of(node: exp.Expr) -> Kind:
    """The kind noted on a node."""
    return normal(node.meta.get(KIND))


def value_of(node: exp.Expr) -> object:
    """The value noted on a node that stands for a bound value."""
    return node.meta.get(_VALUE)


def settle(node: exp.Expr) -> None:
    """Note a node's kind; those of its parts are noted already."""
    if KIND not in node.meta:
        found = next((of for classes, of in _RULES if isinstance(node, classes)), None)
        marked(node, found(node) if found else None)


def common(kinds: Iterable[Kind]) -> Kind:
    """The kind that values of these kinds meet in; None when all are unknown.

    Raises:
        ValueError: they do not meet.
    """
    known = {kind for kind in kinds if kind}
    if len(known) <= 1:
        return next(iter(known), None)
    if known <= set(NUMBERS):
        return max(known, key=NUMBERS.index)
    if known <= set(MOMENTS):
        return TIMESTAMP
    first, second = sorted(known)[:2]
    raise ValueError(f"a value of type {first} meets one of type {second}")


def arithmetic(node: exp.Expr) -> Kind:
    """The kind of a sum, difference, product or quotient; None where PostgreSQL has no such one.

    An unknown side is taken for the kind of the other one.
    """
    left, right = kind_of(node.this), kind_of(node.expression)
    left, right = left or right, right or left
    if isinstance(node, exp.Add) and (
        found := _SUMS.get((left, right)) or _SUMS.get((right, left))
    ):
        return found
    if isinstance(node, exp.Sub) and (found := _DIFFERENCES.get((left, right))):
        return found
    return _scaled(node, left, right)


def _scaled(node: exp.Expr, left: Kind, right: Kind) -> Kind:
    if left in NUMBERS and right in NUMBERS:
        return common((left, right))
    if isinstance(node, exp.Mul) and right is INTERVAL:
        left, right = right, left
    scales = isinstance(node, (exp.Mul, exp.Div)) and right in NUMBERS
    return INTERVAL if scales and left is INTERVAL else None


def branches(node: exp.Expr) -> list[exp.Expr]:
    """The parts of which one becomes the value of a CASE, COALESCE, GREATEST or LEAST."""
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        return [each.args["true"] for each in node.args["ifs"]] + ([default] if default else [])
    return [node.this, *node.expressions]


def _meeting(node: exp.Expr) -> Kind:
    try:
        return common(kind_of(part) for part in branches(node))
    except ValueError:
        return None


def _literal(node: exp.Expr) -> Kind:
    if node.is_string:
        return None
    return INTEGER if node.name.isdigit() and int(node.name) < 2**63 else DECIMAL


def _rounded(node: exp.Expr) -> Kind:
    """ROUND, TRUNC, CEIL, FLOOR and SQRT make FLOAT of INTEGER; with digits, DECIMAL."""
    kind = kind_of(node.this)
    if node.args.get("decimals"):
        return DECIMAL
    return DECIMAL if kind is DECIMAL else FLOAT


def _power(node: exp.Expr) -> Kind:
    sides = {kind_of(node.this), kind_of(node.expression)}
    return DECIMAL if DECIMAL in sides and FLOAT not in sides else FLOAT


def _average(node: exp.Expr) -> Kind:
    kind = inner_kind(node)
    return DECIMAL if kind is INTEGER else kind


def inner_kind(node: exp.Expr) -> Kind:
    """The kind of what an aggregate, a bracket or an alias is of; DISTINCT is looked through."""
    inner = node.this
    inner = inner.expressions[0] if isinstance(inner, exp.Distinct) else inner
    return kind_of(inner) if isinstance(inner, exp.Expr) else None


def _selected(node: exp.Expr) -> Kind:
    return kind_of(node.selects[0]) if isinstance(node, exp.Query) and node.selects else None


def _cut(node: exp.Expr) -> Kind:
    return INTERVAL if kind_of(node.this) is INTERVAL else TIMESTAMP


def _always(kind: Kind) -> Callable[[exp.Expr], Kind]:
    return lambda _node: kind


_RULES: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[exp.Expr], Kind]], ...] = (
    ((exp.Literal,), _literal),
    ((exp.Mod, exp.Add, exp.Sub, exp.Mul, exp.Div), arithmetic),
    ((exp.Count, exp.Length, exp.StrPosition), _always(INTEGER)),
    ((exp.LogicalAnd, exp.LogicalOr, exp.Boolean, exp.Predicate), _always(BOOLEAN)),
    ((exp.Connector, exp.Not, exp.Between, exp.In, exp.Exists), _always(BOOLEAN)),
    ((exp.StartsWith, exp.Escape), _always(BOOLEAN)),
    ((exp.Cast,), lambda node: _CASTS.get(node.args["to"].this)),
    ((exp.Interval,), _always(INTERVAL)),
    ((exp.Extract,), _always(DECIMAL)),
    ((exp.TimestampTrunc,), _cut),
    ((exp.Ceil, exp.Floor, exp.Round, exp.Trunc, exp.Sqrt, exp.Sign), _rounded),
    ((exp.Pow,), _power),
    ((exp.Avg,), _average),
    ((exp.Case, exp.Coalesce, exp.Greatest, exp.Least), _meeting),
    ((exp.Concat, exp.DPipe, exp.Lower, exp.Upper, exp.Left, exp.Right), _always(TEXT)),
    ((exp.Pad, exp.Trim, exp.Replace, exp.SplitPart, exp.Substring), _always(TEXT)),
    ((exp.Select, exp.SetOperation), _selected),
    ((exp.Subquery, exp.Paren, exp.Alias, exp.Neg, exp.Abs, exp.Sum, exp.Max, exp.Min), inner_kind),
    ((exp.Nullif, exp.Filter), inner_kind),
)
