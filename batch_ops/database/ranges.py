"""Numbers that are too large, judged before anything is asked of the database: as parameters of
their own type, and as values of the column they are written to.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database.limits import integer_range
from batch_ops.database.render import ListOf, Scalar
from batch_ops.database.tables import Column
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import Field, FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.render import Bind
    from batch_ops.errors import Location
    from batch_ops.spec.model import Expression

_WHOLE = (FieldType.INTEGER, FieldType.BIGINT)
_HALF = Decimal("0.5")


def judge_numbers(
    dialect: Dialect,
    expression: Expression,
    binds: Mapping[str, Bind],
    column: Column | None = None,
) -> None:
    """Refuse the parameters of an expression that are larger than a whole number of their type is
    in the database; and one that the column takes as it is, if it is larger than the column's.

    Raises:
        DatabaseUnfitError: one is; its value is not told.
    """
    for name in sorted(expression.parameters):
        bind = binds.get(name)
        if isinstance(bind, Scalar | ListOf) and bind.type in _WHOLE:
            own = Column("", dialect.field_sql(Field("", bind.type)), bind.type)
            values = bind.values if isinstance(bind, ListOf) else [bind.value]
            if not all(_takes(dialect, own, value) for value in _ends(values)):
                todo = "Give another one, or declare the parameter, or its field, as bigint."
                what = f"is out of the range of an {bind.type} here"
                told = f"A value of the parameter {name!r} {what}"
                raise _refused(dialect, told, own, todo, expression.location)
    tree = expression.tree.unnest()
    bind = binds.get(tree.name) if isinstance(tree, exp.Placeholder) else None
    if column is not None and isinstance(bind, Scalar):
        told = f"The value of the parameter {tree.name!r}"
        judge_number(dialect, column, bind.value, told, expression.location)


def judge_number(
    dialect: Dialect, column: Column, value: Any, told: str, location: Location | None
) -> None:
    """Refuse a number that no row can keep in the column.

    told: what it is called.

    Raises:
        DatabaseUnfitError: it is such a one.
    """
    if not _takes(dialect, column, value):
        what = f"{told} is out of the range of the column {column.name!r} ({column.sql_type})"
        raise _refused(dialect, what, column, "Give another one.", location)


def _ends(values: Any) -> list[int]:
    whole = [value for value in values if type(value) is int]
    return [min(whole), max(whole)] if whole else []


def _takes(dialect: Dialect, column: Column, value: Any) -> bool:
    """Whether a number may be within the column's range, rounded as the column's own are."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return True
    if not math.isfinite(value):
        return True
    number = Decimal(value)
    if column.type in _WHOLE:
        least, most = integer_range(dialect, column)
        return least - _HALF <= number < most + _HALF
    if column.type is FieldType.DECIMAL and column.precision:
        digits, scale = column.precision
        return abs(number) < Decimal(10) ** (digits - scale) - _HALF.scaleb(-scale)
    return True


def _refused(
    dialect: Dialect, what: str, column: Column, todo: str, location: Location | None
) -> DatabaseUnfitError:
    if column.type in _WHOLE:
        least, most = integer_range(dialect, column)
        what = f"{what}, which is from {least} to {most}"
    return DatabaseUnfitError(f"{what}.", todo=todo, location=location)
