"""Joining an execution that began and has not ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine.examine import fitting
from batch_ops.engine.execution import Execution
from batch_ops.engine.opening import start
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.reading import find
from batch_ops.engine.streams import open_stream
from batch_ops.engine.taking import acquire, target_tables
from batch_ops.errors import OwnershipError, SourceChangedError, UsageError
from batch_ops.events import Listener, silent
from batch_ops.journal import chunks, executions, ownership
from batch_ops.results import Status
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.origins import PATH_PARAMETER

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow
    from batch_ops.journal.ownership import WorkerRow


def join(
    project: Project,
    execution_id: str,
    *,
    options: RunOptions = RunOptions(),
    launch: Launch | None = None,
    listen: Listener = silent,
    exclusive: bool = False,
) -> Execution:
    """Work on an execution that began and has not ended; again in one process is the same.

    exclusive: not beside another living process.

    Raises:
        UnknownNameError: there is none of that id.
        UsageError: it has ended.
        OwnershipError: another execution holds a table, or (exclusive) another process works on it.
        SourceChangedError: its file is another one now.
    """
    journal, row = find(project, execution_id)
    if row.status.finished:
        raise UsageError(
            f"Execution {row.short_id} of {row.operation} has ended: it is {row.status}.",
            todo=f"Start a new one: batch-ops run {row.operation}",
            execution_id=row.id,
        )
    working = row.id in project.heartbeats
    stored = Catalog.from_texts(row.declaration)
    catalog, options = _declaration(project, row, stored, options)
    telling = stored.operation(row.operation).telling
    journal = journal.named(telling.log_table, telling.metrics_table)
    execution = Execution(project, journal, catalog, row, options, launch or Launch(), listen)
    if options.source_path:
        execution.parameters[PATH_PARAMETER] = options.source_path
    if working:
        if project.heartbeats[row.id].lost.is_set():
            raise chunks.taken_over(row.id)
        return execution
    with fitting(journal):
        journal.ensure()
        _check_source(execution)
        _rejoin(execution, exclusive)
    start(execution, resumed=True)
    return execution


def _declaration(
    project: Project, row: ExecutionRow, stored: Catalog, options: RunOptions
) -> tuple[Catalog, RunOptions]:
    """The declaration it began with; `use_new` takes today's, if it means the same."""
    options = options.over(row.options)
    if not options.use_new:
        return stored, options
    today = project.catalog.operation(row.operation)
    before = stored.operation(row.operation)
    if project.catalog.meaning(today) != stored.meaning(before):
        raise UsageError(
            f"The declaration of {row.operation} means something else than when execution"
            f" {row.short_id} began.",
            todo="Resume without --use-new: it goes on with the declaration it began with.",
            execution_id=row.id,
        )
    return project.catalog, options


def _check_source(execution: Execution) -> None:
    row = execution.row
    if row.source_digest is None:
        return
    step = next(s for s in execution.operation.steps if s.stream is not None)
    digest = open_stream(execution, step).digest()
    if digest != row.source_digest:
        raise SourceChangedError(
            f"The source {row.source} is not the one execution {row.short_id} began with"
            f" (then {row.source_digest[:16]}…, now {digest[:16]}…).",
            todo="Bring back the file, or name it by --source. The new file is another import:"
            f" batch-ops run {row.operation}",
            execution_id=row.id,
        )


def _rejoin(execution: Execution, exclusive: bool) -> None:
    journal, row = execution.journal, execution.row
    with journal.database.reading() as connection:
        for worker in ownership.living(journal, connection, row.id):
            _refuse_beside(execution, worker, exclusive)
        tables = target_tables(execution.catalog, execution.operation)
        ownership.refuse_held(journal, connection, row.id, tables)
    with journal.database.locked() as connection:
        _strike_out(execution, connection, exclusive)
        acquire(journal, connection, row.id, execution.operation, execution.project)
        mine, every = execution.project.worker(), execution.operation.telling.heartbeat
        ownership.register(journal, connection, row.id, mine, every)
        now = executions.get(journal, connection, row.id)
        execution.status_before = now.status if now else None
        executions.set_status(
            journal,
            connection,
            row.id,
            Status.RUNNING,
            stopped_reason=None,
            message=None,
            completed_at=None,
            control=None,
        )


def _strike_out(execution: Execution, connection: Connection, exclusive: bool) -> None:
    """Workers that are dead are struck out; living ones stay, or are refused, or taken over."""
    journal, dialect = execution.journal, execution.database.dialect
    for worker in ownership.workers_of(journal, connection, execution.id):
        if worker.lives():
            _refuse_beside(execution, worker, exclusive)
            if not exclusive:
                continue
        dialect.end_sessions(connection, worker.identity.application_name)
        chunks.fence(journal, connection, execution.id, worker.identity.name)
        ownership.unregister(journal, connection, execution.id, worker.identity.name)


def _refuse_beside(execution: Execution, worker: WorkerRow, exclusive: bool) -> None:
    can = execution.database.dialect.capabilities.kills_sessions
    if exclusive and not (execution.options.take_over and can):
        raise _held(execution, str(worker))


def _held(execution: Execution, worker: str) -> OwnershipError:
    can = execution.database.dialect.capabilities.kills_sessions
    todo = "Wait for it, or stop it."
    if can:
        todo = (
            f"Wait for it, or take it over: batch-ops resume {execution.row.short_id} --take-over"
        )
    return OwnershipError(
        f"Execution {execution.row.short_id} is worked on by {worker}.",
        todo=todo,
        execution_id=execution.id,
    )
