"""Beginning an execution."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from batch_ops.engine import parameters as values
from batch_ops.engine.examine import connection_of, examine, fitting
from batch_ops.engine.execution import Execution
from batch_ops.engine.heartbeat import Heartbeat
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.taking import enter, leave_what_ended
from batch_ops.engine.telling import own_journal
from batch_ops.errors import ConfirmationError
from batch_ops.events import ExecutionStarted, Listener, silent
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import ExecutionRow
from batch_ops.journal.store import utc_now
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.engine.project import Project
    from batch_ops.sources import Source
    from batch_ops.spec.model import Operation


def begin(
    project: Project,
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    options: RunOptions = RunOptions(),
    launch: Launch | None = None,
    listen: Listener = silent,
) -> Execution:
    """Open a new execution: its journal row, and the tables it will write.

    Raises:
        UnknownNameError, ParameterError, SourceError, DeclarationError: nothing was written.
        ConfirmationError, UnfinishedExecutionError, AlreadyCompletedError, OwnershipError,
            DatabaseUnfitError: refused; nothing was written.
    """
    launch = launch or Launch()
    declared = project.catalog.operation(operation)
    given = values.resolve(declared, parameters or {})
    if declared.requires_confirmation and not options.confirm:
        raise ConfirmationError(
            f"{operation} requires a confirmation.",
            todo=f"See what it would do: batch-ops plan {operation}. Then run it with --yes, or"
            " with `confirm: true` in the launchpad, schedule or sensor.",
        )
    usual = project.journal(connection_of(project, declared))
    journal = own_journal(usual, project.catalog, declared)
    with fitting(journal):
        source = examine(project, journal, declared, given, launch.actor)
        digest = source.digest() if source else None
        row = _new_row(project, declared, given, options, launch, source, digest)
        journal.ensure()
        leave_what_ended(project, journal)
        enter(project, journal, declared, row, options)
    reached(Point.BEGUN)
    execution = Execution(project, journal, project.catalog, row, options, launch, listen)
    start(execution, resumed=False)
    return execution


def _new_row(
    project: Project,
    operation: Operation,
    given: Mapping[str, Any],
    options: RunOptions,
    launch: Launch,
    source: Source | None,
    digest: str | None,
) -> ExecutionRow:
    identifier, now = str(uuid.uuid4()), utc_now()
    return ExecutionRow(
        id=identifier,
        short_id=identifier[:8],
        operation=operation.name,
        entity=operation.entity,
        status=Status.RUNNING,
        stopped_reason=None,
        message=None,
        control=None,
        identity=values.identity(operation, given, digest),
        declaration=project.catalog.declaration(operation),
        parameters=values.dump(operation, given),
        options=options.stored(),
        source=source.name if source else None,
        source_digest=digest,
        checks=None,
        actor=launch.actor,
        via=launch.via,
        run_id=launch.run_id,
        moment=now,
        started_at=now,
        completed_at=None,
    )


def start(execution: Execution, *, resumed: bool) -> None:
    """This process works on the execution from now on."""
    telling = execution.operation.telling
    beat(execution)
    execution.notices.begin()
    level, progress = str(telling.level), telling.progress
    execution.emit(
        ExecutionStarted(execution.id, execution.operation.name, resumed, level, progress)
    )


def beat(execution: Execution) -> None:
    """This process says from now on that it works on the execution."""
    worker, every = execution.project.worker().name, execution.operation.telling.heartbeat
    begun = Heartbeat(execution.journal, execution.id, worker, every)
    execution.project.heartbeats[execution.id] = begun
