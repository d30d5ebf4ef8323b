"""Declared parameters: `name: type`, or `{type, default, required, identifying, …, env}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError
from batch_ops.spec import values
from batch_ops.spec.fields import fits, read_type
from batch_ops.spec.model import Parameter
from batch_ops.spec.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.spec.model import FieldType

PARAMETER_PARTS = ("type", "default", "required", "identifying", "description", "env")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_parameters(node: Node | None) -> dict[str, Parameter]:
    """The declared parameters by name.

    A type may be any field type; `integer[]` is a list of them and `list` a list of anything.

    Raises:
        DeclarationError, UnknownNameError: a name, type or default that is wrong.
    """
    items = node.items if node else {}
    return {name: _parameter(name, child) for name, child in items.items()}


def _parameter(name: str, node: Node) -> Parameter:
    if not values.NAME.fullmatch(name):
        raise DeclarationError(f"{name!r} is no name of a parameter.", location=node.label)
    if isinstance(node.value, str):
        kind, many = _type(node)
        return Parameter(name, kind, many=many)
    parts = values.parts(node, PARAMETER_PARTS)
    kind, many = _type(parts["type"]) if "type" in parts else (None, False)
    default = _default(parts.get("default"), kind, many=many)
    required = values.boolean(parts["required"]) if "required" in parts else "default" not in parts
    if required and "default" in parts:
        raise parts["required"].error("A parameter with a default cannot be required.")
    env = _env(parts, many=many) if "env" in parts else None
    identifying = values.boolean(parts["identifying"]) if "identifying" in parts else env is None
    return Parameter(
        name,
        kind,
        default,
        required,
        identifying=identifying,
        description=values.text(parts["description"]) if "description" in parts else "",
        many=many,
        env=env,
    )


def _env(parts: Mapping[str, Node], *, many: bool) -> str:
    """The variable a secret stands in."""
    node = parts["env"]
    name = values.text(node)
    if not VARIABLE.fullmatch(name):
        raise node.wrong("the name of a variable of the environment")
    if many or "default" in parts:
        raise node.error("A value from the environment is one value, and has no default.")
    if "identifying" in parts and values.boolean(parts["identifying"]):
        raise parts["identifying"].error("A secret is no part of what makes executions the same.")
    return name


def _type(node: Node) -> tuple[FieldType | None, bool]:
    text = node.text.strip()
    if text == "list":
        return None, True
    many = text.endswith("[]")
    inner = Node(text.removesuffix("[]"), node.location, node.label, node.style, node.lines)
    return read_type(inner)[0], many


def _default(node: Node | None, kind: FieldType | None, *, many: bool) -> Any:
    if node is None or node.value is None:
        return None
    for child in node.elements if many else (node,):
        if kind is not None and not fits(kind, child.plain):
            raise child.wrong(f"a default of type {kind}")
    return node.plain
