"""What `:name` means in a step: a declared parameter, an earlier step's output, or a parameter."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.errors import DeclarationError
from batch_ops.spec.model import Expression, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batch_ops.errors import Location
    from batch_ops.spec.model import Entity, Field, FieldType, Step

_ENDINGS = ("ing", "ied", "ies", "ed", "es", "s", "e", "y")
_SHORTEST_STEM = 3
_IRREGULAR = {
    "bought": "buy",
    "built": "build",
    "chosen": "choose",
    "done": "do",
    "drawn": "draw",
    "found": "find",
    "given": "give",
    "grown": "grow",
    "held": "hold",
    "hidden": "hide",
    "kept": "keep",
    "left": "leave",
    "lost": "lose",
    "made": "make",
    "paid": "pay",
    "seen": "see",
    "sent": "send",
    "shown": "show",
    "sold": "sell",
    "taken": "take",
    "told": "tell",
    "written": "write",
}


@dataclass(slots=True)
class Names:
    """The names of one operation, filled while its steps are read.

    Attributes:
        declared: the parameters the operation declares, by name.
        found: parameters it uses without declaring them, in the order of their first use.
    """

    declared: dict[str, Parameter]
    found: dict[str, Parameter] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters: the declared ones, then those that were found."""
        return (*self.declared.values(), *self.found.values())

    def add(self, parameter: Parameter) -> None:
        """Take a parameter that a step needs; of a declared one only what was left open."""
        declared = self.declared.get(parameter.name)
        if declared is not None:
            kind, many = declared.type or parameter.type, declared.many or parameter.many
            self.declared[parameter.name] = replace(declared, type=kind, many=many)
            return
        known = self.found.get(parameter.name)
        if known is None or known.type is None:
            self.found[parameter.name] = parameter

    def bind(
        self,
        expressions: Iterable[tuple[Expression, Field | None]],
        entity: Entity,
        earlier: Sequence[Step],
    ) -> dict[str, str]:
        """What the names in a step's expressions mean.

        Args:
            expressions: each with the field it is assigned to, or None.
            entity: the step's target.
            earlier: the steps it depends on, directly or not.

        Returns:
            Name → the earlier step it means. All other names are parameters.

        Raises:
            DeclarationError: a name means two steps alike.
        """
        bound: dict[str, str] = {}
        for expression, assigned in expressions:
            for name in sorted(expression.parameters):
                found = _parameter(name, expression, entity, assigned)
                place = expression.location
                step = self.step_of(name, earlier, place, by_words=found.many)
                if step is not None:
                    bound[name] = step.name
                else:
                    self.add(found)
        return bound

    def step_of(
        self,
        name: str,
        earlier: Sequence[Step],
        place: Location | None,
        *,
        by_words: bool = True,
    ) -> Step | None:
        """The earlier step whose output a name means; None: the name is a parameter.

        by_words: whether it may be meant by its words too; not where one value is needed.

        Raises:
            DeclarationError: it could mean two steps alike.
        """
        if name in self.declared:
            return None
        for step in earlier:
            if step.output is not None and step.output in (name, name.removesuffix("_ids")):
                return step
        return _by_words(name, earlier, place) if by_words else None


def _by_words(name: str, steps: Sequence[Step], place: Location | None) -> Step | None:
    wanted = Counter(stems(name.removesuffix("_ids")))
    scores = {step.name: (wanted & Counter(stems(step.name))).total() for step in steps}
    best = max(scores.values(), default=0)
    alike = [step for step in steps if best and scores[step.name] == best]
    if len(alike) > 1:
        candidates = " and ".join(repr(step.name) for step in alike)
        todo = f"Add `output: {name}` to the step that is meant, or declare a parameter {name!r}."
        what = f":{name} could mean the output of the steps {candidates}."
        raise DeclarationError(what, todo=todo, location=place)
    return alike[0] if alike else None


def stems(name: str) -> list[str]:
    """The stems of the words of a name: `validated_user` gives `validat`, `user`."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    return [_stem(_IRREGULAR.get(word, word)) for word in words]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        short = word.removesuffix(ending)
        if short != word and len(short) >= _SHORTEST_STEM and not word.endswith("ss"):
            return _undouble(short)
    return _undouble(word)


def _undouble(word: str) -> str:
    double = len(word) > _SHORTEST_STEM and word[-1] == word[-2]
    return word[:-1] if double else word


def _parameter(
    name: str, expression: Expression, entity: Entity, assigned: Field | None
) -> Parameter:
    """An undeclared parameter, its type taken from the column it meets, where that is plain."""
    for placeholder in expression.tree.find_all(exp.Placeholder):
        if placeholder.name == name:
            column, many = _meets(placeholder)
            kind = _type_of(column, entity)
            if placeholder is expression.tree and assigned is not None:
                kind = assigned.type
            return Parameter(name, kind, many=many)
    return Parameter(name)


def type_of_name(name: str, expression: Expression, entity: Entity) -> FieldType | None:
    """The type of the column a name is compared with in an expression; None: it is not there."""
    if name not in expression.parameters:
        return None
    return _parameter(name, expression, entity, None).type


def _type_of(column: exp.Column | None, entity: Entity) -> FieldType | None:
    if column is None or column.name not in entity.columns:
        return None
    return entity.field(column.name).type


def _meets(placeholder: exp.Placeholder) -> tuple[exp.Column | None, bool]:
    """The column a placeholder is compared with, and whether it stands for a list."""
    parent, many = placeholder.parent, False
    while isinstance(parent, (exp.Paren, exp.Any)):
        many = many or isinstance(parent, exp.Any)
        parent = parent.parent
    if isinstance(parent, exp.In):
        many = len(parent.expressions) == 1
    inner = placeholder.find_ancestor(exp.Select)
    if inner or not isinstance(parent, (exp.Binary, exp.In, exp.Between)):
        return None, many
    sides = [side for side in parent.iter_expressions() if isinstance(side, exp.Column)]
    return (sides[0] if len(sides) == 1 else None), many
