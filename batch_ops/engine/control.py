"""Asking an execution to pause, or to end for good; from any process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine import metrics
from batch_ops.engine.closing import tell
from batch_ops.engine.execution import Execution
from batch_ops.engine.joining import strike_out
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.patience import steady
from batch_ops.engine.reading import find, result_of
from batch_ops.errors import UsageError
from batch_ops.events import Listener, silent
from batch_ops.journal import executions, ownership
from batch_ops.results import Status
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow, Journal
    from batch_ops.results import Result


def pause(project: Project, execution_id: str) -> Result:
    """Ask whoever works on an execution to stop after the batch under way; it can be resumed.

    Returns:
        The execution as it is now: `running` until it has been heard.

    Raises:
        UnknownNameError: there is none of that id.
        UsageError: it has ended, or nobody works on it.
    """
    journal, row = find(project, execution_id)
    _refuse_finished(row)
    if not _asked(journal, row.id, "pause"):
        raise UsageError(
            f"Nobody works on execution {row.short_id} of {row.operation}: it is {row.status}.",
            todo=f"Go on: batch-ops resume {row.short_id}. End it for good: batch-ops cancel"
            f" {row.short_id}",
            execution_id=row.id,
        )
    return result_of(project, row.id)


def cancel(
    project: Project, execution_id: str, *, take_over: bool = False, listen: Listener = silent
) -> Result:
    """End an execution for good: what was written stays, the rest is not done.

    Whoever works on it is asked to end after the batch under way; where nobody does, it ends here.

    take_over: the process that works on it is gone, whatever the journal says. listen: is told the
    end, where it ends here.

    Returns:
        The execution as it is now: `running` until it has been heard, else `cancelled`.

    Raises:
        UnknownNameError: there is none of that id.
        UsageError: it has ended.
        OwnershipError: a take-over is asked for where sessions of others cannot be ended.
    """
    journal, row = find(project, execution_id)
    _refuse_finished(row)
    if take_over or not _asked(journal, row.id, "cancel"):
        catalog, options = Catalog.from_texts(row.declaration), RunOptions(take_over=take_over)
        telling = catalog.operation(row.operation).telling
        journal = journal.named(telling.log_table, telling.metrics_table)
        execution = Execution(project, journal, catalog, row, options, Launch(), listen)
        if _ended(execution):
            tell(execution, execution.result(), ended=True)
    return result_of(project, row.id)


@steady
def _asked(journal: Journal, execution_id: str, what: str) -> bool:
    """Whether somebody works on it, who is asked now."""
    with journal.database.writing() as connection:
        living = ownership.living(journal, connection, execution_id)
        if living:
            executions.ask(journal, connection, execution_id, what)
        return bool(living)


@steady
def _ended(execution: Execution) -> bool:
    """Whether it was ended here and now, unless it had ended a moment ago."""
    journal, counts = execution.journal, execution.result().counts
    with journal.database.locked() as connection:
        row = executions.get(journal, connection, execution.id)
        if row is None or row.status.finished:
            return False
        strike_out(execution, connection, exclusive=True)
        ownership.give_back(journal, connection, execution.id)
        executions.close(
            journal, connection, execution.id, Status.CANCELLED, counts, reason="cancelled"
        )
        metrics.record_whole(execution, connection)
    return True


def _refuse_finished(row: ExecutionRow) -> None:
    if row.status.finished:
        raise UsageError(
            f"Execution {row.short_id} of {row.operation} has ended: it is {row.status}.",
            todo=f"See what it did: batch-ops status {row.short_id}",
            execution_id=row.id,
        )
