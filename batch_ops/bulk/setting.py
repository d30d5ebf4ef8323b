"""What is set on all rows of a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.bulk.predicate import is_expression
from batch_ops.spec.model import FieldType, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.bulk.columnar import Adapting
    from batch_ops.bulk.failures import RowError
    from batch_ops.bulk.predicate import Choosing
    from batch_ops.database import Table
    from batch_ops.spec.model import Value


@dataclass(frozen=True)
class Setting:
    """Values by column, as they are written.

    Attributes:
        wrong: what is wrong with them, whatever the row.
    """

    values: Mapping[str, Value]
    wrong: tuple[RowError, ...] = ()


def setting_of(
    values: Mapping[str, Any], table: Table, adapting: Adapting, choosing: Choosing
) -> Setting:
    """Values as they are written: expressions are computed by the database, all others are
    judged, and brought into their column's form, as those of rows are.
    """
    plain = {name: value for name, value in values.items() if not is_expression(value)}
    part, failures = adapting.part(tuple(plain), [[value] for value in plain.values()], [0])
    if failures:
        return Setting({}, failures[0].errors)
    written = {
        name: _literal(table, name, column[0])
        for name, column in zip(part.names, part.data, strict=True)
    }
    return Setting({name: written.get(name) or choosing.computed(values[name]) for name in values})


def _literal(table: Table, name: str, value: Any) -> Literal:
    """A value that is bound; a statement, unlike a loader, takes no number for a boolean."""
    is_boolean = table.column(name).type is FieldType.BOOLEAN and value is not None
    return Literal(bool(value) if is_boolean else value)
