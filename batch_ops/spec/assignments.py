"""Data values: what `update_data` sets, each a literal or an expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.expressions import is_call
from batch_ops.spec.fields import check_literal
from batch_ops.spec.model import Literal

if TYPE_CHECKING:
    from batch_ops.spec.expressions import Gate
    from batch_ops.spec.model import Value
    from batch_ops.spec.nodes import Node

_PARAMETER = re.compile(r"\s*:[A-Za-z_]\w*\s*")
_RECORD_FIELD = re.compile(r"\s*:[A-Za-z_]\w*\.[A-Za-z_]\w*\s*")


def read_values(node: Node, gate: Gate) -> dict[str, Value]:
    """What an update sets, by column.

    Raises:
        DeclarationError, UnknownNameError: a column nobody declared, one of the key, a literal the
            column cannot take, or an expression that does not pass the gate.
    """
    if not node.items:
        raise node.wrong("at least one column with its new value")
    return {column: _assignment(column, child, gate) for column, child in node.items.items()}


def _assignment(column: str, node: Node, gate: Gate) -> Value:
    entity, place = gate.entity, node.label or node.location
    if column not in entity.columns:
        raise UnknownNameError("column", column, entity.columns, location=place)
    if column in entity.key:
        what = f"The column {column!r} belongs to the key; an update may not change it."
        raise DeclarationError(what, location=place)
    return _value(column, node, gate)


def _value(column: str, node: Node, gate: Gate) -> Value:
    field = gate.entity.field(column)
    if isinstance(node.value, str):
        if _RECORD_FIELD.fullmatch(node.value):
            raise node.error(f"A field of a record ({node.value.strip()}) is not available yet.")
        if _PARAMETER.fullmatch(node.value) or is_call(node.value):
            return gate.expression(node)
    elif node.kind == "a mapping" and set(node.items) == {"sql"}:
        return gate.expression(node.items["sql"])
    check_literal(field, node)
    return Literal(node.plain)
