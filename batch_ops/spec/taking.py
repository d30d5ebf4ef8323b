"""What a step takes of earlier ones, and whether it can be done for some of their rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.spec.membership import only_among
from batch_ops.spec.model import EntitySource, QuerySource, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batch_ops.spec.model import Expression, Operation, Step


def taken_of(step: Step, earlier: Iterable[str]) -> tuple[str, ...]:
    """The earlier steps, among these, whose rows a step takes."""
    taken = {step.records, *step.outputs.values()}
    return tuple(name for name in earlier if name in taken)


def behind(operation: Operation, names: Iterable[str]) -> set[str]:
    """The steps that depend on one of these, on their way or at once."""
    found = set(names)
    for step in operation.steps:
        if not found.isdisjoint(step.depends_on):
            found.add(step.name)
    return found - set(names)


def takers(operation: Operation, names: Iterable[str]) -> set[str]:
    """The steps that take rows of one of these, on their way or at once."""
    found = set(names)
    for step in operation.steps:
        if taken_of(step, found):
            found.add(step.name)
    return found - set(names)


def why_whole(step: Step, earlier: str) -> str | None:
    """Why a step that takes an earlier one's rows cannot be done for some of them alone; None: it
    can.
    """
    if isinstance(step.source, QuerySource):
        return "its query may tell of all rows together"
    if step.kind is StepKind.FUNCTION or step.records == earlier:
        return None
    condition = _condition(step)
    names = [name for name, source in step.outputs.items() if source == earlier]
    if condition is not None and all(only_among(condition, name) for name in names):
        return None
    return "its condition says more of these rows than that its own are among them"


def _condition(step: Step) -> Expression | None:
    return step.source.where if isinstance(step.source, EntitySource) else step.where
