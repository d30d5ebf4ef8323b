"""Row rules in two languages: the screen's, where it means the same, and the database's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sqlglot import exp

from batch_ops.database.calls import answer
from batch_ops.database.load import StageRule
from batch_ops.errors import ParameterError, SourceError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.spec.model import Entity, Expression, Rule

_EXACT: tuple[type[exp.Expr], ...] = (
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Is,
    exp.Null,
    exp.Boolean,
    exp.Literal,
    exp.Column,
    exp.Identifier,
    exp.Between,
    exp.In,
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Like,
    exp.Length,
    exp.Coalesce,
    exp.Cast,
    exp.DataType,
)
"""What means the same in the screen as in PostgreSQL, whose language rules are written in."""
_ORDERS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_TEXT = (FieldType.STRING, FieldType.TEXT)
_OPAQUE = (FieldType.JSON, FieldType.BINARY, FieldType.INTERVAL, None)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?)?")


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule, ready to be judged.

    Attributes:
        screen: the screen's SQL over its numbered values; None where only the database can judge.
        stage: the same for the database.
    """

    screen: str | None
    stage: StageRule

    @property
    def message(self) -> str:
        return f"the rule does not hold: {self.stage.text}"


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What the names in a rule mean: parameters, entities, the moment of NOW(), and what to call
    for the functions that Python answers.
    """

    table: Table
    dialect: Dialect
    parameters: Mapping[str, Any]
    entities: Mapping[str, Entity]
    now: datetime
    calls: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


def prepare(rules: Sequence[Rule], targets: Sequence[str], context: RuleContext) -> list[RowRule]:
    """The rules, with parameters put in as literals.

    Raises:
        SourceError: a rule reads a column that the source does not give.
    """
    return [_prepare(rule.expression, targets, context) for rule in rules]


def _prepare(rule: Expression, targets: Sequence[str], context: RuleContext) -> RowRule:
    missing = sorted(rule.columns - set(targets))
    if missing:
        what = f"The rule {rule.text!r} reads {missing[0]!r}, which the source does not give."
        raise SourceError(what, location=rule.location)
    tree = cast("exp.Expression", rule.tree.copy().transform(_bound, context))
    column = next(iter(rule.columns)) if len(rule.columns) == 1 else None
    screen = _screen_sql(tree, targets, context) if not rule.entities else None
    return RowRule(screen, StageRule(rule.text, _stage_sql(tree, context), column))


def _bound(node: exp.Expr, context: RuleContext) -> exp.Expr:
    if isinstance(node, exp.In) and len(node.expressions) == 1:
        values = _list_of(node.expressions[0], context)
        if values is not None:
            return exp.In(this=node.this.transform(_bound, context), expressions=values)
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Any):
        inner = node.expression.this
        values = _list_of(inner.this if isinstance(inner, exp.Paren) else inner, context)
        if values is not None:
            return exp.In(this=node.this.transform(_bound, context), expressions=values)
    if isinstance(node, exp.Anonymous):
        return _literal(answer(node, context.calls, partial(_value_of, context=context)), context)
    if isinstance(node, exp.Placeholder):
        return _literal(_value_of(node.name, context), context)
    if isinstance(node, exp.CurrentTimestamp):
        return _literal(context.now, context)
    if isinstance(node, exp.CurrentDate):
        return _literal(context.now.date(), context)
    if isinstance(node, exp.Table):
        return _real_table(node, context)
    return node


def _value_of(name: str, context: RuleContext) -> Any:
    if name not in context.parameters:
        raise ParameterError(f"The parameter {name!r} of a rule has no value.")
    return context.parameters[name]


def _list_of(node: exp.Expr, context: RuleContext) -> list[exp.Expr] | None:
    if not isinstance(node, exp.Placeholder):
        return None
    value = _value_of(node.name, context)
    many = value if isinstance(value, list | tuple) else [value]
    return [_literal(one, context) for one in many] or [exp.Null()]


def _literal(value: Any, context: RuleContext) -> exp.Expr:
    """A value as a literal that both languages read alike."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        text = moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        return exp.Literal.string(text + ("+00" if context.dialect.capabilities.zones else ""))
    if isinstance(value, date):
        return exp.Literal.string(value.isoformat())
    if value is None or isinstance(value, bool | int | float | str):
        return exp.convert(value)
    return exp.Literal.string(str(value))


def _real_table(node: exp.Table, context: RuleContext) -> exp.Expr:
    entity = context.entities.get(node.name)
    if entity is None or (entity.table == node.name and not entity.schema):
        return node
    renamed = exp.table_(entity.table, db=entity.schema)
    return exp.alias_(renamed, node.alias or node.name, table=True)


def _stage_sql(tree: exp.Expression, context: RuleContext) -> str:
    rewritten = context.dialect.rewrite(tree.copy())
    return rewritten.sql(dialect=context.dialect.sqlglot_name, identify=True)


def _screen_sql(tree: exp.Expr, targets: Sequence[str], context: RuleContext) -> str | None:
    """The rule in the screen's SQL, over its numbered values; None where it cannot judge it."""
    if not all(isinstance(node, _EXACT) and _exact(node, context) for node in tree.walk()):
        return None
    if any(_kind(c, context) in _OPAQUE for c in tree.find_all(exp.Column) if not _for_null(c)):
        return None
    if _reads_moments(tree, context) and not _plain_moments(tree):
        return None
    screened = tree.copy().transform(_for_screen, targets)
    return screened.sql(dialect="duckdb", identify=True)


def _exact(node: exp.Expr, context: RuleContext) -> bool:
    if isinstance(node, exp.Cast):
        return _is_moment_literal(node)
    if isinstance(node, exp.In):
        return not node.args.get("query")
    if isinstance(node, _ORDERS):  # a text's order is the database's collation
        return not any(_is_text(side, context) for side in node.iter_expressions())
    return True


def _is_moment_literal(node: exp.Cast) -> bool:
    kinds = (exp.DType.DATE, exp.DType.TIMESTAMP)
    return isinstance(node.this, exp.Literal) and node.to.this in kinds


def _is_text(node: exp.Expr, context: RuleContext) -> bool:
    inner = node.unnest()
    if isinstance(inner, exp.Coalesce):
        return any(_is_text(part, context) for part in inner.iter_expressions())
    return isinstance(inner, exp.Column) and _kind(inner, context) in _TEXT


def _kind(column: exp.Column, context: RuleContext) -> FieldType | None:
    return context.table.column(column.name).type


def _for_null(column: exp.Column) -> bool:
    return isinstance(column.parent, exp.Is) and isinstance(column.parent.expression, exp.Null)


def _reads_moments(tree: exp.Expr, context: RuleContext) -> bool:
    kinds = (FieldType.TIMESTAMP, FieldType.DATE, FieldType.TIME)
    return any(_kind(c, context) in kinds for c in tree.find_all(exp.Column) if not _for_null(c))


def _plain_moments(tree: exp.Expr) -> bool:
    texts = [node.this for node in tree.find_all(exp.Literal) if node.is_string]
    return all(_MOMENT.fullmatch(text.removesuffix("+00")) for text in texts)


def _for_screen(node: exp.Expr, targets: Sequence[str]) -> exp.Expr:
    """Columns by number; and timestamps are UTC without a zone there."""
    if isinstance(node, exp.Column):
        return exp.column(f"bo_v{targets.index(node.name)}")
    if isinstance(node, exp.Literal) and node.is_string and _MOMENT.fullmatch(node.this[:-3]):
        return exp.Literal.string(node.this.removesuffix("+00"))
    return node
