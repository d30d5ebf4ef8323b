"""Judging an expression for a database before anything is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.database.kinds import BOOLEAN, kind_of, marked
from batch_ops.database.meeting import rewritten
from batch_ops.database.ranges import judge_numbers
from batch_ops.database.render import Renderer, RowsOf
from batch_ops.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.render import Bind
    from batch_ops.database.tables import Column
    from batch_ops.spec.model import Expression


def judge(
    dialect: Dialect,
    expression: Expression,
    binds: Mapping[str, Bind],
    column: Column | None = None,
) -> None:
    """Refuse an expression that cannot mean on a database what it means in PostgreSQL.

    No function is called. One that reads fields of records is judged only where `binds` has all of
    them, by their types.

    Args:
        dialect: of the database.
        expression: as it passed the gate.
        binds: what the names in it mean, as far as it is known; others are an earlier step's rows.
        column: the column it is assigned to, where it is.

    Raises:
        DeclarationError: it names what is not portable, with the place in the declaration.
        DatabaseUnfitError: a parameter is too large a number.
    """
    judge_numbers(dialect, expression, binds, column)
    if any(f"{name}.{field}" not in binds for name, field in expression.fields):
        return
    others = {name: RowsOf("SELECT NULL") for name in expression.parameters if name not in binds}
    trial = _Trial(dialect, {**binds, **others}, datetime.now(UTC))
    if column is None:
        trial.sql(expression)
    else:
        trial.assigned(expression, column)


def judge_condition(dialect: Dialect, expression: Expression, binds: Mapping[str, Bind]) -> None:
    """Refuse, besides, what is no condition: some databases take any number for one.

    Raises:
        DeclarationError: it is neither true nor false.
    """
    judge(dialect, expression, binds)
    kind = kind_of(rewritten(expression.tree.copy(), {}))
    if kind not in (None, BOOLEAN):
        raise DeclarationError(
            f"A value of type {kind} stands where a condition is needed: {expression.text!r}.",
            todo="Compare it with something; without a condition all rows are meant.",
            location=expression.location,
        )


@dataclass(slots=True)
class _Trial(Renderer):
    """Renders without calling anything: an answer is a value of no known type."""

    def _answered(self, call: exp.Anonymous) -> exp.Var:
        return marked(exp.Var(this="NULL"), None)
