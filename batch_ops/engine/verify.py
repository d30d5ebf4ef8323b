"""Counting an execution anew from the journal: do its tables say the same?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.engine.agreement import Disagreement, Journaled, disagreements
from batch_ops.engine.reading import find, operation_of
from batch_ops.journal import chunks, executions, recount, retries

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.engine.project import Project
    from batch_ops.journal import Journal


@dataclass(frozen=True, slots=True)
class Verification:
    """What was counted anew, and what does not agree.

    purged: batches and rejects are not kept any more; only what is left was counted.
    """

    execution_id: str
    disagreements: tuple[Disagreement, ...]
    steps: int
    chunks: int
    batches: int
    rejects: int
    purged: bool

    @property
    def agrees(self) -> bool:
        """Whether all that is kept says the same."""
        return not self.disagreements

    def to_dict(self) -> dict[str, Any]:
        """One JSON-safe object with stable keys."""
        return {"agrees": self.agrees, **asdict(self)}


def verify(project: Project, execution_id: str) -> Verification:
    """Recount an execution: batches against chunks, chunks against steps and the whole, rejects
    against batches, positions against each other; all as of one moment. Mends nothing.

    Raises:
        UnknownNameError: there is none of that id.
    """
    journal, row = find(project, execution_id)
    operation = operation_of(row)
    telling = operation.telling
    journal = journal.named(telling.log_table, telling.metrics_table)
    with journal.database.snapshot() as connection:
        kept = _kept(journal, connection, row.id, atomic=operation.atomic)
    return Verification(
        execution_id=row.id,
        disagreements=tuple(disagreements(kept)),
        steps=len(kept.steps),
        chunks=len(kept.chunks),
        batches=sum(logged.batches for logged in kept.logged.values()),
        rejects=sum(counts.rejects for each in kept.refused.values() for counts in each.values()),
        purged=kept.row.purged_at is not None,
    )


def _kept(
    journal: Journal, connection: Connection, execution_id: str, *, atomic: bool
) -> Journaled:
    """All that the journal has of an execution, its batches summed up by chunk."""
    row = executions.get(journal, connection, execution_id)
    assert row is not None
    return Journaled(
        row=row,
        steps=executions.steps_of(journal, connection, execution_id),
        chunks=chunks.of_step(journal, connection, execution_id),
        logged=recount.logged(journal, connection, execution_id),
        refused=recount.rejects(journal, connection, execution_id),
        ended=recount.ended(journal, connection, execution_id),
        atomic=atomic,
        names={
            "log": journal.tables.logs.name,
            "chunks": journal.tables.chunks.name,
            "steps": journal.tables.steps.name,
            "rejects": journal.tables.errors.name,
            "execution": journal.tables.operations.name,
        },
        retrying=retries.broken_off(journal, connection, execution_id) is not None,
    )
