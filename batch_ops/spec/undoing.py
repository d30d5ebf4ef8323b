"""What an operation may hold that is to be undone: rows of tables, whose images can be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from batch_ops.spec.model import Operation
    from batch_ops.spec.options import Given


def judge_undo(operation: Operation, given: Given) -> None:
    """Refuse what nobody could put back.

    Raises:
        DeclarationError: a custom function, whose effects outside the database stay; or nothing is
            written.
    """
    if not operation.undo:
        return
    for step in operation.steps:
        if step.kind is StepKind.FUNCTION:
            what = f"What the custom function {step.name!r} does outside the database stays."
            todo = "Take `undo` away, or call the function in an operation of its own."
            raise DeclarationError(what, todo=todo, location=step.location)
    if not any(step.kind.writes for step in operation.steps):
        what = "The operation writes nothing: `undo` says nothing here."
        raise DeclarationError(what, location=given.place("undo"))
