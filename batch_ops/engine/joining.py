"""Joining an execution that began and has not ended."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from batch_ops.engine import parameters as values
from batch_ops.engine.examine import fitting
from batch_ops.engine.execution import Execution
from batch_ops.engine.opening import start
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.reading import find
from batch_ops.engine.streams import open_stream
from batch_ops.engine.taking import acquire, leave_what_ended, target_tables
from batch_ops.errors import (
    OwnershipError,
    SourceChangedError,
    SourceError,
    UnfinishedExecutionError,
    UsageError,
)
from batch_ops.events import Listener, silent
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import chunks, executions, ownership, retries
from batch_ops.results import Status
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.origins import PATH_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow
    from batch_ops.journal.ownership import WorkerRow
    from batch_ops.sources import Source
    from batch_ops.spec.model import Operation, Step

_logger = logging.getLogger("batch_ops")


def join(
    project: Project,
    execution_id: str,
    *,
    options: RunOptions = RunOptions(),
    launch: Launch | None = None,
    listen: Listener = silent,
    exclusive: bool = False,
    given: Mapping[str, Any] | None = None,
) -> Execution:
    """Work on an execution that began and has not ended; again in one process is the same.

    exclusive: not beside another living process. given: parameters somebody says again; they must
    be those it began with.

    Raises:
        UnknownNameError: there is none of that id.
        UsageError: it has ended, began with other parameters, or a secret it needs is missing.
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
    _take_parameters(execution, given or {})
    if working:
        if project.heartbeats[row.id].lost.is_set():
            raise chunks.taken_over(row.id)
        return execution
    if not options.use_new:
        _tell_edited(project, row, stored)
    with fitting(journal):
        journal.ensure()
        leave_what_ended(project, journal)
        _check_source(execution)
        _rejoin(execution, exclusive)
    reached(Point.RESUMED)
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


def _tell_edited(project: Project, row: ExecutionRow, stored: Catalog) -> None:
    """Say so where the declaration is not the one it began with."""
    today = {operation.name: operation for operation in project.catalog.operations}
    now, before = today.get(row.operation), stored.operation(row.operation)
    same = now is not None and _how(now) == _how(before)
    if same and now and project.catalog.meaning(now) == stored.meaning(before):
        return
    _logger.warning(
        "declaration_edited execution=%s operation=%s: it goes on with the declaration it began"
        " with; --use-new takes sizes and limits of today's",
        row.short_id,
        row.operation,
    )


def _how(operation: Operation) -> tuple[Any, ...]:
    """What may change without another meaning."""
    sizes = [operation.settings, *(step.settings for step in operation.steps)]
    return operation.telling, operation.notification, sizes


def _take_parameters(execution: Execution, given: Mapping[str, Any]) -> None:
    """The parameters it began with; a file may stand elsewhere now, which is looked into later."""
    known, row = execution.parameters, execution.row
    stored = values.load(row.parameters)
    said = values.resolve(execution.operation, {**stored, **given}) if given else {}
    moved = execution.options.source_path or given.get(PATH_PARAMETER)
    other = sorted(n for n in given if n != PATH_PARAMETER and said[n] != known.get(n))
    if other:
        raise UsageError(
            f"Execution {row.short_id} of {row.operation} began with another value of"
            f" {', '.join(other)}.",
            todo="Resume it without parameters: it goes on with those it began with. Other"
            f" parameters are another execution: batch-ops run {row.operation}",
            execution_id=row.id,
        )
    if moved:
        execution.parameters[PATH_PARAMETER] = moved


def _check_source(execution: Execution) -> None:
    row = execution.row
    if row.source_digest is None:
        return
    step = next(s for s in execution.operation.steps if s.stream is not None)
    source = open_stream(execution, step)
    digest = source.digest()
    if digest != row.source_digest:
        raise SourceChangedError(
            f"The source {source.name} is not the one execution {row.short_id} began with:"
            f" {_difference(execution, step, source)} (SHA-256 then {row.source_digest[:16]}…,"
            f" now {digest[:16]}…).",
            todo="Bring back the file, or name it by --source. The new file is another import:"
            f" batch-ops run {row.operation}",
            execution_id=row.id,
        )


def _difference(execution: Execution, step: Step, source: Source) -> str:
    """How a source differs from the one that was planned."""
    planned = sum(chunk.rows for chunk in execution.chunks(step.name))
    if not planned:
        return "its content is another one"
    try:
        now = source.scan(execution.settings(step).chunk_rows).rows
    except SourceError as error:
        return f"it had {planned:,} records, and now cannot be read ({error.what})"
    if now == planned:
        return f"it has {now:,} records as before, and their content is another one"
    return f"it had {planned:,} records, and now has {now:,}"


def _rejoin(execution: Execution, exclusive: bool) -> None:
    journal, row = execution.journal, execution.row
    with journal.database.reading() as connection:
        for worker in ownership.living(journal, connection, row.id):
            refuse_beside(execution, worker, exclusive)
        tables = target_tables(execution.catalog, execution.operation)
        ownership.refuse_held(journal, connection, row.id, tables)
    with journal.database.locked() as connection:
        strike_out(execution, connection, exclusive)
        _refuse_retried(execution, connection)
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
        reached(Point.RESUMING)


def _refuse_retried(execution: Execution, connection: Connection) -> None:
    """Rows that a retry recovered are to go through the steps that were finished then, first."""
    row = execution.row
    if retries.broken_off(execution.journal, connection, row.id) is not None:
        raise UnfinishedExecutionError(
            f"A retry of the rejects of execution {row.short_id} broke off.",
            todo=f"Finish it first: batch-ops retry {row.short_id}",
            execution_id=row.id,
        )


def strike_out(execution: Execution, connection: Connection, exclusive: bool) -> None:
    """Workers that are dead are struck out; living ones stay, or are refused, or taken over."""
    journal, dialect = execution.journal, execution.database.dialect
    for worker in ownership.workers_of(journal, connection, execution.id):
        if worker.lives():
            refuse_beside(execution, worker, exclusive)
            if not exclusive:
                continue
        dialect.end_sessions(connection, worker.identity.application_name)
        chunks.fence(journal, connection, execution.id, worker.identity.name)
        ownership.unregister(journal, connection, execution.id, worker.identity.name)


def refuse_beside(execution: Execution, worker: WorkerRow, exclusive: bool) -> None:
    """Refuse to work beside a living process, unless it is to be taken over and can be."""
    can = execution.database.dialect.capabilities.kills_sessions
    if exclusive and not (execution.options.take_over and can):
        raise _held(execution, str(worker))


def _held(execution: Execution, worker: str) -> OwnershipError:
    can = execution.database.dialect.capabilities.kills_sessions
    todo = "Wait for it, or stop it."
    if can:
        todo = (
            f"Wait for it, or take it over: batch-ops {execution.verb}"
            f" {execution.row.short_id} --take-over"
        )
    return OwnershipError(
        f"Execution {execution.row.short_id} is worked on by {worker}.",
        todo=todo,
        execution_id=execution.id,
    )
