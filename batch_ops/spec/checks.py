"""Preconditions and row rules: an expectation, a rule for each row, or a condition over all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batch_ops.errors import UnknownNameError
from batch_ops.spec import values
from batch_ops.spec.expectations import EXPECTATIONS
from batch_ops.spec.model import Check, CheckKind, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_ops.spec.expressions import Gate
    from batch_ops.spec.nodes import Node

_EXPECTATION = re.compile(r"expect_[a-z0-9_]{3,100}")
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list", "column_set")
_SIGNS = {
    "<=": " le ",
    ">=": " ge ",
    "<>": " ne ",
    "!=": " ne ",
    "<": " lt ",
    ">": " gt ",
    "=": " eq ",
}
_LONGEST = 60


def read_checks(node: Node, gate: Gate, taken: Sequence[str] = ()) -> tuple[Check, ...]:
    """The checks of an operation, in their order, each with a name of its own.

    Raises:
        DeclarationError, UnknownNameError: a form, a name or an expression that is wrong.
    """
    made: list[Check] = []
    for child in node.elements:
        check = _read(child, gate, [*taken, *(check.name for check in made)])
        made.append(check)
    return tuple(made)


def read_rules(node: Node, gate: Gate) -> tuple[Rule, ...]:
    """The row rules of a source, each one an expression over one row."""
    return tuple(Rule(gate.expression(child)) for child in node.elements)


def _read(node: Node, gate: Gate, taken: list[str]) -> Check:
    if isinstance(node.value, str):
        return _condition(node, gate, _unique(_slug(node.text), taken))
    parts = dict(node.items)
    name = _name(parts.pop("name", None), taken)
    description = values.text(parts.pop("description")) if "description" in parts else ""
    if "type" in parts:
        return _expectation(parts, gate, name, description, taken)
    if "row" in parts:
        return _row(parts, gate, name, description, taken)
    todo = "Write {type: expect_…, …}, {row: …} or a condition as a text."
    raise node.wrong("a check", todo)


def _condition(node: Node, gate: Gate, name: str) -> Check:
    expression = gate.expression(node, aggregates=True)
    return Check(name, CheckKind.CONDITION, expression.text, expression)


def _row(
    parts: Mapping[str, Node], gate: Gate, name: str, description: str, taken: list[str]
) -> Check:
    for key, child in parts.items():
        if key != "row":
            known = ("row", "name", "description")
            raise UnknownNameError("option of a row rule", key, known, location=child.label)
    expression = gate.expression(parts["row"])
    shown = name or _unique(_slug(expression.text), taken)
    return Check(shown, CheckKind.ROW, expression.text, expression, description=description)


def _expectation(
    parts: dict[str, Node], gate: Gate, name: str, description: str, taken: list[str]
) -> Check:
    kind = parts.pop("type")
    if not _EXPECTATION.fullmatch(kind.text):
        raise kind.wrong("the type of an expectation (expect_…)")
    _judge_arguments(kind, parts)
    for argument in _COLUMN_ARGUMENTS:
        if argument in parts:
            _judge_columns(parts[argument], gate)
    arguments: dict[str, Any] = {key: child.plain for key, child in parts.items()}
    column = arguments.get("column")
    shown = name or _unique(_slug(f"{kind.text} {column or ''}"), taken)
    return Check(shown, CheckKind.EXPECTATION, kind.text, None, arguments, description)


def _judge_arguments(kind: Node, parts: Mapping[str, Node]) -> None:
    if kind.text not in EXPECTATIONS:
        raise UnknownNameError("expectation", kind.text, EXPECTATIONS, location=kind.location)
    known = (*EXPECTATIONS[kind.text], "name", "description")
    for name, child in parts.items():
        if name not in known:
            raise UnknownNameError("argument", name, known, location=child.label)


def _judge_columns(node: Node, gate: Gate) -> None:
    for child in node.elements if isinstance(node.value, tuple) else (node,):
        if child.text not in gate.entity.columns:
            columns = gate.entity.columns
            raise UnknownNameError("column", child.text, columns, location=child.location)


def _name(node: Node | None, taken: list[str]) -> str:
    if node is None:
        return ""
    if not re.fullmatch(r"[a-z0-9_]{1,100}", node.text):
        raise node.wrong("a name of small letters, digits and underscores")
    if node.text in taken:
        raise node.error(f"The check {node.text!r} stands here twice.")
    return node.text


def _slug(text: str) -> str:
    """A readable name: `price > 0` becomes `price_gt_0`."""
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    slug = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return slug if len(slug) <= _LONGEST else slug[:_LONGEST].rpartition("_")[0] or slug[:_LONGEST]


def _unique(name: str, taken: list[str]) -> str:
    base, number = name or "check", 1
    name = base
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name
