"""Row rules in two languages: the screen's, where it means the same, and the database's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from sqlglot import exp

from batch_ops.database.calls import answer
from batch_ops.database.kinds import MOMENTS, kind_of, marked
from batch_ops.database.load import StageRule
from batch_ops.database.portable import placed
from batch_ops.errors import ParameterError, SourceError
from batch_ops.sources.exact import screen_sql
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.spec.model import Entity, Expression, Rule


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
    for each in tree.find_all(exp.Column):
        if kind_of(each) is None and each.name in context.table.column_names:
            marked(each, context.table.column(each.name).type)
    stage = _stage_sql(rule, tree, context)
    screen = screen_sql(tree, targets, context.table) if not rule.entities else None
    return RowRule(screen, StageRule(rule.text, stage, column))


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
        zone = "+00" if context.dialect.capabilities.zones else ""
        return marked(exp.Literal.string(text + zone), FieldType.TIMESTAMP)
    if isinstance(value, date):
        return marked(exp.Literal.string(value.isoformat()), FieldType.DATE)
    if isinstance(value, Decimal):
        return _signed(exp.Literal.number(f"{abs(value):f}"), negative=value < 0)
    if value is None or isinstance(value, bool | int | float | str):
        return exp.convert(value)
    return exp.Literal.string(str(value))


def _signed(number: exp.Expr, *, negative: bool) -> exp.Expr:
    return exp.Paren(this=exp.Neg(this=number)) if negative else number


def _real_table(node: exp.Table, context: RuleContext) -> exp.Expr:
    entity = context.entities.get(node.name)
    if entity is None or (entity.table == node.name and not entity.schema):
        return node
    renamed = exp.table_(entity.table, db=entity.schema)
    return exp.alias_(renamed, node.alias or node.name, table=True)


def _stage_sql(rule: Expression, tree: exp.Expression, context: RuleContext) -> str:
    with placed(rule):
        typed = tree.copy().transform(_typed, context)
        rewritten = context.dialect.rewrite(cast("exp.Expression", typed))
    return rewritten.sql(dialect=context.dialect.sqlglot_name, identify=True)


def _typed(node: exp.Expr, context: RuleContext) -> exp.Expr:
    """A moment is told to be one: a database may take its text for something else."""
    if not isinstance(node, exp.Literal) or kind_of(node) not in MOMENTS:
        return node
    zoned = context.dialect.capabilities.zones
    kind = exp.DType.TIMESTAMPTZ if zoned else exp.DType.TIMESTAMP
    to = exp.DType.DATE if kind_of(node) is FieldType.DATE else kind
    return exp.Cast(this=exp.Literal.string(node.name), to=to.into_expr())
