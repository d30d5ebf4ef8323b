"""Conditions and row rules: one counting statement each, told like an expectation's result."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlglot import exp

from batch_ops.database import reflect
from batch_ops.database.render import Renderer
from batch_ops.database.values import plain
from batch_ops.errors import DeclarationError, ExecutionError
from batch_ops.results import CheckResult
from batch_ops.spec.model import Check, CheckKind, Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from batch_ops.database import Database
    from batch_ops.database.render import Bind
    from batch_ops.spec.model import Entity, Operation

SHOWN_KEYS = 20
_COMPARISONS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ)


@dataclass(frozen=True, slots=True)
class Ground:
    """What conditions are judged on: an operation's entity in a database, with names bound.

    Attributes:
        binds: what the parameters mean.
        moment: what NOW() means.
        calls: what to call for the functions that Python answers.
    """

    database: Database
    operation: Operation
    entities: Mapping[str, Entity]
    binds: Mapping[str, Bind]
    moment: datetime
    calls: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    @property
    def entity(self) -> Entity:
        return self.entities[self.operation.entity]

    @property
    def table(self) -> str:
        """The entity's table, quoted."""
        return self.database.dialect.table_sql(self.entity.table, self.entity.schema)

    def renderer(self) -> Renderer:
        return Renderer(self.database.dialect, self.binds, self.moment, calls=self.calls)


def evaluate_condition(ground: Ground, check: Check) -> CheckResult:
    """Judge one condition or row rule on the operation's entity; database errors are raised. One
    that calls a function which fails is not evaluated.
    """
    try:
        database = ground.database
        with database.reading() as connection, database.breakable(connection):
            if check.kind is CheckKind.ROW:
                return _row_rule(ground, connection, check)
            return _condition(ground, connection, check)
    except ExecutionError as error:
        return _not_evaluated(check, error.what)


def _result(check: Check, *, success: bool, **more: Any) -> CheckResult:
    told = check.description or check.text
    return CheckResult(
        name=check.name, kind=str(check.kind), success=success, description=told, **more
    )


def _not_evaluated(check: Check, why: str) -> CheckResult:
    return _result(check, success=False, evaluated=False, message=why)


def _condition(ground: Ground, connection: Connection, check: Check) -> CheckResult:
    assert check.expression is not None
    renderer = ground.renderer()
    whole = renderer.sql(check.expression)
    observed = _observed(renderer, check.expression)
    source = f" FROM {ground.table}" if _counts(check.expression) else ""
    statement = text(f"SELECT ({whole}) AS holds, ({observed}) AS observed{source}")
    row = connection.execute(statement, renderer.parameters).one()
    if row.holds not in (True, False, None):
        return _not_evaluated(check, f"it comes to {plain(row.holds)!r}, which is no boolean")
    return _result(check, success=bool(row.holds), observed_value=plain(row.observed))


def _counts(expression: Expression) -> bool:
    """Whether it is about all rows; what a sub-select counts is its own."""
    outside = expression.tree.walk(prune=lambda part: isinstance(part, exp.Query))
    return any(isinstance(part, exp.AggFunc) for part in outside)


def _observed(renderer: Renderer, expression: Expression) -> str:
    """What a person wants to know: the left side of a comparison, else the whole. The whole also
    where the left side is no value by itself, as an interval is on some databases.
    """
    tree = expression.tree
    if isinstance(tree, _COMPARISONS):
        with suppress(DeclarationError):
            return renderer.sql(replace(expression, tree=tree.this))
    return renderer.sql(expression)


def _row_rule(ground: Ground, connection: Connection, check: Check) -> CheckResult:
    assert check.expression is not None
    renderer = ground.renderer()
    holds = renderer.sql(check.expression)
    query = (
        f"SELECT count(*) AS counted, coalesce(sum(CASE WHEN ({holds}) THEN 0 ELSE 1 END), 0)"
        f" AS bad FROM {ground.table}"
    )
    row = connection.execute(text(query), renderer.parameters).one()
    keys = _failing(ground, connection, renderer, holds) if row.bad else []
    return _result(
        check,
        success=not row.bad,
        observed_value=f"{int(row.bad)} rows break it",
        element_count=int(row.counted),
        unexpected_count=int(row.bad),
        failing_keys=keys,
    )


def _failing(
    ground: Ground, connection: Connection, renderer: Renderer, holds: str
) -> list[dict[str, Any]]:
    entity = ground.entity
    table = reflect.require(connection, entity)
    names = [name for name in table.key if name not in entity.hidden]
    if not names:
        return []
    columns = ", ".join(renderer.dialect.quote(name) for name in names)
    query = (
        f"SELECT {columns} FROM {ground.table}"
        f" WHERE CASE WHEN ({holds}) THEN 0 ELSE 1 END = 1 LIMIT {SHOWN_KEYS}"
    )
    rows = connection.execute(text(query), renderer.parameters)
    return [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in rows]
