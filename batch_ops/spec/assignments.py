"""Data values: what a step sets or puts in, each a literal or an expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.expressions import is_call
from batch_ops.spec.fields import check_literal
from batch_ops.spec.model import Literal, StepKind

if TYPE_CHECKING:
    from batch_ops.spec.expressions import Gate
    from batch_ops.spec.model import Expression, Value
    from batch_ops.spec.nodes import Node

PARAMETER = re.compile(r"\s*:[A-Za-z_]\w*\s*")
_RECORD_FIELD = re.compile(r"\s*:[A-Za-z_]\w*\.[A-Za-z_]\w*\s*")


def read_values(node: Node, gate: Gate, kind: StepKind) -> dict[str, Value]:
    """What a step sets, by column.

    Raises:
        DeclarationError, UnknownNameError: a column nobody declared, one of the key in an update,
            a literal the column cannot take, or an expression that does not pass the gate.
    """
    if not node.items:
        raise node.wrong("at least one column with its value")
    return {column: _assignment(column, child, gate, kind) for column, child in node.items.items()}


def _assignment(column: str, node: Node, gate: Gate, kind: StepKind) -> Value:
    entity, place = gate.entity, node.label or node.location
    if column not in entity.columns:
        raise UnknownNameError("column", column, entity.columns, location=place)
    if column in entity.key and kind is StepKind.UPDATE:
        what = f"The column {column!r} belongs to the key; an update may not change it."
        raise DeclarationError(what, location=place)
    expression = read_expression(node, gate, records=kind.adds)
    if expression is None:
        check_literal(entity.field(column), node)
        return Literal(node.plain)
    if kind.adds and expression.columns:
        name = min(expression.columns)
        what = f"A new row has no column {name!r} to read."
        raise node.error(what, f"A field of the record is written :record.{name}.")
    return expression


def read_expression(node: Node, gate: Gate, *, records: bool = False) -> Expression | None:
    """The expression a data value is; None where it is a literal.

    A value is SQL if it is `{sql: …}` or if its whole text is one call of a known function; `:name`
    is a parameter or a step's output, `:name.field` a field of a record.
    """
    if isinstance(node.value, str):
        named = PARAMETER.fullmatch(node.value) or _RECORD_FIELD.fullmatch(node.value)
        if named or is_call(node.value):
            return gate.expression(node, records=records)
    elif node.kind == "a mapping" and set(node.items) == {"sql"}:
        return gate.expression(node.items["sql"], records=records)
    return None
