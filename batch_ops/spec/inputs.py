"""What a custom function is given: rows of an earlier step, a parameter, or values by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError
from batch_ops.spec.assignments import PARAMETER, read_expression
from batch_ops.spec.model import Expression, Input, Literal, Parameter, Value
from batch_ops.spec.values import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ops.spec.expressions import Gate
    from batch_ops.spec.model import Step
    from batch_ops.spec.nodes import Node
    from batch_ops.spec.options import Given
    from batch_ops.spec.references import Names


def read_input(
    given: Given, gate: Gate, names: Names, earlier: Sequence[Step]
) -> tuple[Input, dict[str, str]]:
    """What the option `input` asks for, and the earlier step it means, by name.

    `:name` is an earlier step's rows or a parameter; a mapping gives values by name, each a
    literal, a parameter or an expression without columns.

    Raises:
        DeclarationError: neither of them, or a name that could mean two steps alike.
    """
    node: Node | None = given.get("input")
    if node is None:
        return Input(), {}
    if isinstance(node.value, str) and PARAMETER.fullmatch(node.value):
        return _named(node, names, earlier)
    if node.kind != "a mapping":
        raise node.wrong("`:name` or a mapping of values")
    return _values(node, gate, names, earlier)


def _named(node: Node, names: Names, earlier: Sequence[Step]) -> tuple[Input, dict[str, str]]:
    name = node.text.strip()[1:]
    step = names.step_of(name, earlier, node.location)
    if step is not None:
        return Input(name), {name: step.name}
    names.add(Parameter(name))
    return Input(name), {}


def _values(
    node: Node, gate: Gate, names: Names, earlier: Sequence[Step]
) -> tuple[Input, dict[str, str]]:
    values: dict[str, Value] = {}
    meant: dict[str, str] = {}
    for name, child in node.items.items():
        if not NAME.fullmatch(name):
            raise DeclarationError(f"{name!r} is no name of a value.", location=child.label)
        if isinstance(child.value, str) and PARAMETER.fullmatch(child.value):
            meant |= _named(child, names, earlier)[1]
        expression = read_expression(child, gate)
        if expression is not None:
            _judge(expression, child)
            free = not expression.parameters & meant.keys()
            names.bind([(expression, None)] if free else [], gate.entity, ())
        values[name] = Literal(child.plain) if expression is None else expression
    return Input(values=values), meant


def _judge(expression: Expression, node: Node) -> None:
    if expression.columns or expression.entities:
        raise node.error("A value for a function is made before any row is read.")
