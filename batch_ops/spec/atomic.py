"""What an atomic operation may hold: one lane, one transaction over all writing steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from batch_ops.spec.model import Operation
    from batch_ops.spec.options import Given


def judge_atomic(operation: Operation, given: Given) -> None:
    """Refuse what cannot be all or nothing.

    Raises:
        DeclarationError: several lanes, pauses, or a custom function between two writing steps,
            as what it does outside the database cannot be rolled back.
    """
    if not operation.atomic:
        return
    if operation.settings.max_workers > 1:
        option = "max_workers" if "max_workers" in given else "parallel"
        what = "An atomic operation is one transaction, and so one lane."
        todo = "Take `max_workers` and `parallel: true` away, or `atomic`."
        raise DeclarationError(what, todo=todo, location=given.place(option))
    _refuse_pauses(operation, given)
    writing = [n for n, step in enumerate(operation.steps) if step.kind.writes]
    if not writing:
        what = "The operation writes nothing: `atomic` says nothing here."
        raise DeclarationError(what, location=given.place("atomic"))
    for step in operation.steps[writing[0] : writing[-1]]:
        if step.kind is StepKind.FUNCTION:
            what = f"The custom function {step.name!r} stands between two writing steps."
            todo = "In an atomic operation it may stand before the first or after the last one."
            raise DeclarationError(what, todo=todo, location=step.location)


def _refuse_pauses(operation: Operation, given: Given) -> None:
    steps = [step.location for step in operation.steps if step.settings.throttle is not None]
    own = given.place("throttle") if operation.settings.throttle is not None else None
    if own is None and not steps:
        return
    what = "A throttle would hold the one transaction of an atomic operation open for longer."
    todo = "Take `throttle` away, or `atomic`."
    raise DeclarationError(what, todo=todo, location=own or steps[0])
