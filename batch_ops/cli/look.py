"""What only the journal knows about an execution: who works on it, why rows were rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.errors import UnknownNameError
from batch_ops.results import Status

if TYPE_CHECKING:
    from batch_ops.engine import Project
    from batch_ops.journal.rejects import Choice
    from batch_ops.results import Result


@dataclass(frozen=True, slots=True)
class Reason:
    """Rejects that have their code, column and outcome in common."""

    code: str
    column: str | None
    outcome: str
    rows: int


def reasons_of(project: Project, execution_id: str, choice: Choice | None = None) -> list[Reason]:
    """Why rows were rejected (by default those that are open), most frequent first."""
    from batch_ops.engine.reading import reject_reasons
    from batch_ops.journal.rejects import Choice

    return [Reason(*found) for found in reject_reasons(project, execution_id, choice or Choice())]


def with_reason(reasons: list[Reason], reason: str) -> list[Reason]:
    """Those of that code or column.

    Raises:
        UnknownNameError: there are none.
    """
    fitting = [each for each in reasons if reason in {each.code, each.column}]
    if not fitting:
        known = {word for each in reasons for word in (each.code, each.column) if word}
        raise UnknownNameError("reject with the reason", reason, known)
    return fitting


def abandoned(project: Project, result: Result) -> bool:
    """Whether it says that it is running, and no living process works on it."""
    from batch_ops.engine.reading import is_worked_on

    running = result.status is Status.RUNNING
    return running and not is_worked_on(project, result.execution_id)
