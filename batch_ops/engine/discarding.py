"""Giving rejects up, with who and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.engine.options import default_actor
from batch_ops.engine.patience import steady
from batch_ops.engine.reading import find
from batch_ops.errors import OwnershipError, UsageError
from batch_ops.journal import endings, executions, ownership
from batch_ops.journal.endings import Ending
from batch_ops.journal.rejects import DISCARDED, OPEN, Choice

if TYPE_CHECKING:
    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow, Journal

BY_HAND = "discarded"


@dataclass(frozen=True, slots=True)
class Discarded:
    """What was given up: how many rejects, and how many are open still."""

    execution_id: str
    operation: str
    discarded: int
    open: int
    by: str
    because: str

    def to_dict(self) -> dict[str, Any]:
        """One JSON-safe object with stable keys."""
        names = ("execution_id", "operation", "discarded", "open", "by", "because")
        return {name: getattr(self, name) for name in names}


def discard(
    project: Project,
    execution_id: str,
    *,
    because: str,
    reason: str | None = None,
    actor: str | None = None,
) -> Discarded:
    """Give the open rejects of an execution up (only those of this code or column): they stay among
    its counters and in the journal, with who and why, and wait for nobody any more. Rejects of a
    batch that was rolled back are left: `resume` does it again.

    Raises:
        UnknownNameError: there is no execution of that id.
        UsageError: nobody says why.
        OwnershipError: somebody works on the execution.
    """
    if not because.strip():
        raise UsageError("Nobody says why the rejects are given up.", todo="Give a reason.")
    journal, row = find(project, execution_id)
    ending = Ending(DISCARDED, actor or default_actor(), BY_HAND, because=because.strip())
    number, left = _ended(journal, row, Choice(reason=reason, standing=True), ending)
    return Discarded(row.id, row.operation, number, left, ending.by, because.strip())


@steady
def _ended(journal: Journal, row: ExecutionRow, choice: Choice, ending: Ending) -> tuple[int, int]:
    """How many were given up, and how many are left; under the lock nobody begins to work on it."""
    with journal.database.locked() as connection:
        workers = ownership.living(journal, connection, row.id)
        if workers:
            raise OwnershipError(
                f"Execution {row.short_id} is worked on by {workers[0]}.",
                todo="Wait for it, or stop it.",
                execution_id=row.id,
            )
        number = endings.end_chosen(journal, connection, row.id, choice, ending)
        executions.count_discarded(journal, connection, row.id, number)
        return number, endings.numbers(journal, connection, row.id)[OPEN]
