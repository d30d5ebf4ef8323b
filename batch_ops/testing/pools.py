"""What an operation compares its columns with: values rows should have, and others near them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.spec.model import CheckKind, EntitySource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from batch_ops.spec.model import Check, Entity, Expression, Operation, Step

_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_SETS = "expect_column_values_to_be_in_set"
_RANGE = "expect_column_values_to_be_between"
_FILLED = "expect_column_values_to_not_be_null"


@dataclass
class Pools:
    """By column name, whichever table has it.

    Attributes:
        near: values it is compared with, and their neighbours.
        only: values a precondition allows alone; `between`: their range; `filled`: never NULL.
        alike: the entity and column whose values it is compared with.
        met: for a parameter, the columns it is compared with.
    """

    near: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    only: dict[str, list[Any]] = field(default_factory=dict)
    between: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    filled: set[str] = field(default_factory=set)
    alike: dict[str, tuple[str, str]] = field(default_factory=dict)
    met: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, operation: Operation, entities: Mapping[str, Entity]) -> Pools:
        """What is found in all expressions of an operation and its entities."""
        found = cls()
        for expression in _expressions(operation, entities):
            for node in expression.tree.walk():
                found._take(node, entities)
        for check in operation.preconditions:
            if check.kind is CheckKind.EXPECTATION:
                found._expect(check)
            elif check.kind is CheckKind.ROW and check.expression:
                found.filled |= check.expression.columns
        return found

    def _take(self, node: exp.Expr, entities: Mapping[str, Entity]) -> None:
        if isinstance(node, _COMPARED):
            sides = list(node.iter_expressions())
        elif isinstance(node, exp.In):
            sides = [node.this, *node.expressions]
            self._query(node, entities)
        else:
            return
        columns = tuple(name for side in sides[:2] for name in _columns(side))
        for side in sides:
            if isinstance(side, exp.Any):
                side = side.this.unnest()  # noqa: PLW2901
            if isinstance(side, exp.Placeholder):
                self.met.setdefault(side.name, columns)
            for value in _values(side):
                for name in columns:
                    self.near[name] += _around(value)

    def _query(self, node: exp.In, entities: Mapping[str, Entity]) -> None:
        """`a IN (SELECT b FROM other)`: some values are among the other's, some are not."""
        query = node.args.get("query")
        select = query.find(exp.Select) if query is not None else None
        columns = _columns(node.this)
        if select is None or not columns:
            return
        table = select.find(exp.Table)
        chosen = select.selects[0].find(exp.Column)
        if table is not None and chosen is not None and table.name in entities:
            self.alike[columns[0]] = (table.name, chosen.name)

    def _expect(self, check: Check) -> None:
        name = str(check.arguments.get("column", ""))
        if check.text == _SETS:
            self.only[name] = list(check.arguments.get("value_set", ()))
        elif check.text == _RANGE:
            low, high = check.arguments.get("min_value"), check.arguments.get("max_value")
            self.between[name] = (low, high)
        elif check.text == _FILLED:
            self.filled.add(name)


def _expressions(operation: Operation, entities: Mapping[str, Entity]) -> Iterator[Expression]:
    for step in operation.steps:
        yield from _of_step(step)
    for check in operation.preconditions:
        if check.expression:
            yield check.expression
    for entity in entities.values():
        yield from (each.check for each in entity.fields if each.check)


def _of_step(step: Step) -> Iterable[Expression]:
    chosen = step.source.where if isinstance(step.source, EntitySource) else None
    return (*step.expressions, *((chosen,) if chosen else ()))


def _columns(node: exp.Expr) -> list[str]:
    if isinstance(node, exp.Tuple | exp.Paren):
        return [part.name for part in node.find_all(exp.Column)]
    return [node.name] if isinstance(node, exp.Column) else []


def _values(node: exp.Expr) -> Iterator[Any]:
    sign = -1 if isinstance(node, exp.Neg) else 1
    bare = node.this if isinstance(node, exp.Neg) else node
    if isinstance(bare, exp.Boolean):
        yield bare.this
    elif isinstance(bare, exp.Literal):
        yield bare.this if bare.is_string else sign * Decimal(bare.this)


def _around(value: Any) -> list[Any]:
    """The value twice, so that it is met often, and what is near it."""
    if isinstance(value, Decimal):
        return [value, value, value - 1, value + 1]
    return [value, value, not value] if isinstance(value, bool) else [value, value]
