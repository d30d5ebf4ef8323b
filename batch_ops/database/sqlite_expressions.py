"""Expressions as SQLite must be told them to mean what they mean in PostgreSQL.

Every part of an expression gets its kind, from the leaves up, and is written another way where
SQLite would find another answer. What cannot be made the same is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.database import kinds, moments, sqlite_arithmetic, sqlite_texts, sqlite_values
from batch_ops.database.kinds import BOOLEAN, INTEGER, INTERVAL, JSON, Kind, kind_of
from batch_ops.database.meeting import Meeting, rewritten
from batch_ops.database.portable import refusal
from batch_ops.database.sqlite_casts import cast
from batch_ops.database.sqlite_functions import PREFIX
from batch_ops.database.sqlite_values import call, called

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.database.meeting import Handlers


def rewrite(tree: exp.Expression) -> exp.Expression:
    """The expression for SQLite; the tree is used up.

    Raises:
        DeclarationError: it cannot mean the same.
    """
    return rewritten(tree, _HANDLERS)


class _Meeting(Meeting):
    database = "SQLite"

    def as_kind(self, node: exp.Expression, kind: Kind) -> exp.Expression:
        return sqlite_values.as_kind(node, kind)

    def length(self, node: exp.Expression) -> exp.Expression:
        return call(moments.length, INTEGER, node)


_MEETING = _Meeting()


def _extreme(name: str) -> Callable[[exp.Expression], exp.Expression]:
    def made(node: exp.Expression) -> exp.Expression:
        values = _MEETING.meet([node.this, *node.expressions])
        if kind_of(node) is INTERVAL:
            raise refusal(f"{name.upper()} of intervals is not the same on SQLite.", _NO_INTERVALS)
        return called(f"{PREFIX}{name}", kind_of(node), *values)

    return made


_NO_INTERVALS = "Compare the moments themselves, or the days between them."


def _aggregate(name: str) -> Callable[[exp.Expression], exp.Expression]:
    """SUM and AVG: exact for decimals."""

    def made(node: exp.Expression) -> exp.Expression:
        kind, of = kind_of(node), kinds.inner_kind(node)
        if of not in (*kinds.NUMBERS, None):
            raise refusal(f"{name.upper()} of values of type {of} is not possible on SQLite.", _SUM)
        return called(f"{PREFIX}{name}", kind, node.this) if kind is kinds.DECIMAL else node

    return made


_SUM = "Sum up numbers, for example of EXTRACT(EPOCH FROM …)."


def _highest(node: exp.Expression) -> exp.Expression:
    of = kinds.inner_kind(node)
    if of in (BOOLEAN, INTERVAL, JSON):
        what = f"{node.key.upper()} of values of type {of} is not the same on SQLite."
        raise refusal(what, "Use BOOL_AND or BOOL_OR for booleans.")
    return node


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


_HANDLERS: Handlers = {
    **_MEETING.handlers,
    **dict.fromkeys((exp.Max, exp.Min), _highest),
    exp.Any: _reject_any,
    exp.Avg: _aggregate("avg"),
    exp.Cast: cast,
    exp.Distinct: _distinct,
    exp.Greatest: _extreme("greatest"),
    exp.Least: _extreme("least"),
    exp.Sum: _aggregate("sum"),
    **sqlite_arithmetic.HANDLERS,
    **sqlite_texts.HANDLERS,
}
