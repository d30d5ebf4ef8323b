"""Whether the screen judges a rule exactly as PostgreSQL, whose language rules are written in.

What is not surely the same there (a type brought to another one, an overflow, a collation) only
the database can judge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.database import kinds
from batch_ops.database.kinds import BOOLEAN, DATE, DECIMAL, FLOAT, TEXT, TIME, TIMESTAMP, kind_of
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ops.database.tables import Table

_CLASSES: tuple[type[exp.Expr], ...] = (
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.Is, exp.Null, exp.Boolean),
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In),
    *(exp.Literal, exp.Column, exp.Identifier, exp.Cast, exp.DataType),
    *(exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Like, exp.Length, exp.Coalesce),
)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_ORDERS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul)
_MOMENTS = (DATE, TIME, TIMESTAMP)
_OPAQUE = (FieldType.JSON, FieldType.BINARY, FieldType.INTERVAL, None)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?)?")
_DIGITS = 18
"""Decimals of so many digits can be multiplied by a literal as long without an overflow."""


def screen_sql(tree: exp.Expression, targets: Sequence[str], table: Table) -> str | None:
    """The rule in the screen's SQL, over its numbered values; None where it cannot judge it."""
    nodes = list(tree.dfs())
    if not all(isinstance(node, _CLASSES) for node in nodes):
        return None
    for node in reversed(nodes):
        if isinstance(node, exp.Column):
            kinds.marked(node, table.column(node.name).type)
        kinds.settle(node)
    if not all(_exact(node, table) for node in nodes):
        return None
    if any(kind_of(c) in _OPAQUE for c in tree.find_all(exp.Column) if not _for_null(c)):
        return None
    screened = tree.copy().transform(_for_screen, targets)
    return screened.sql(dialect="duckdb", identify=True)


def _exact(node: exp.Expr, table: Table) -> bool:
    if isinstance(node, exp.Cast):
        return _is_moment_literal(node)
    if isinstance(node, _COMPARISONS):
        return not node.args.get("query") and _comparable(node)
    if isinstance(node, exp.Coalesce):
        return _alike(kinds.branches(node))
    if isinstance(node, _ARITHMETIC):
        return all(_reckoned(side, node, table) for side in (node.this, node.expression))
    if isinstance(node, exp.Like):
        plain = node.expression.is_string and "\\" not in node.expression.name
        return plain and kind_of(node.this) is TEXT
    if isinstance(node, exp.And | exp.Or | exp.Not):
        return all(kind_of(part) is BOOLEAN for part in node.iter_expressions())
    if isinstance(node, exp.Length):
        return kind_of(node.this) is TEXT
    return not isinstance(node, exp.Neg) or kind_of(node.this) in kinds.NUMBERS


def _comparable(node: exp.Expr) -> bool:
    parts = list(node.iter_expressions())
    if isinstance(node, _ORDERS) and any(kind_of(part) is TEXT for part in parts):
        return False  # a text's order is the database's collation
    return _alike(parts)


def _alike(parts: Sequence[exp.Expr]) -> bool:
    """Whether values meet without one being brought to another type; texts of moments are."""
    found = {kind_of(part) for part in parts}
    known = found - {None}
    unknown = [part.unnest() for part in parts if kind_of(part) is None]
    if any(not isinstance(part, exp.Null) and not part.is_string for part in unknown):
        return False
    texts = [part.name for part in unknown if part.is_string]
    if len(known) == 1 and known <= set(_MOMENTS):
        return all(_MOMENT.fullmatch(text.removesuffix("+00")) for text in texts)
    if texts and not known <= {TEXT}:
        return False
    return len(known) <= 1 or known <= set(kinds.NUMBERS)


def _reckoned(side: exp.Expr, node: exp.Expr, table: Table) -> bool:
    """Whether no sum or product of it can overflow in one of the two alone."""
    inner, kind = side.unnest(), kind_of(node)
    if kind is FLOAT:
        return kind_of(inner) in kinds.NUMBERS
    if kind is not DECIMAL or not isinstance(inner, exp.Literal | exp.Column):
        return False
    return len(inner.name) <= _DIGITS if inner.is_number else _short(inner, table)


def _short(node: exp.Expr, table: Table) -> bool:
    if not isinstance(node, exp.Column) or kind_of(node) is not DECIMAL:
        return False
    precision = table.column(node.name).precision
    return precision is not None and precision[0] <= _DIGITS


def _is_moment_literal(node: exp.Cast) -> bool:
    targets = (exp.DType.DATE, exp.DType.TIMESTAMP)
    plain = isinstance(node.this, exp.Literal) and _MOMENT.fullmatch(node.this.name)
    return bool(plain) and node.to.this in targets and not node.to.expressions


def _for_null(column: exp.Column) -> bool:
    return isinstance(column.parent, exp.Is) and isinstance(column.parent.expression, exp.Null)


def _for_screen(node: exp.Expr, targets: Sequence[str]) -> exp.Expr:
    """Columns by number; and timestamps are UTC without a zone there."""
    if isinstance(node, exp.Column):
        return exp.column(f"bo_v{targets.index(node.name)}")
    if isinstance(node, exp.Literal) and node.is_string and _MOMENT.fullmatch(node.this[:-3]):
        return exp.Literal.string(node.this.removesuffix("+00"))
    return node
