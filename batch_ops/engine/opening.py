"""Beginning an execution, and joining one that began."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops.database import ddl, reflect
from batch_ops.database.faults import first_line
from batch_ops.engine import parameters as values
from batch_ops.engine.execution import Execution
from batch_ops.engine.heartbeat import Heartbeat
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.reading import find
from batch_ops.errors import (
    AlreadyCompletedError,
    DatabaseUnfitError,
    DeclarationError,
    OwnershipError,
    SourceChangedError,
    UnfinishedExecutionError,
    UsageError,
)
from batch_ops.events import ExecutionStarted, Listener, silent
from batch_ops.journal import ExecutionRow, chunks, executions, ownership
from batch_ops.journal.store import utc_now
from batch_ops.results import Status
from batch_ops.sources import open_source
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database import Table
    from batch_ops.engine.project import Project
    from batch_ops.journal import Journal
    from batch_ops.journal.ownership import WorkerRow
    from batch_ops.sources import Source
    from batch_ops.spec.model import Operation, Step


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
        UnfinishedExecutionError, AlreadyCompletedError, OwnershipError, DatabaseUnfitError:
            refused; nothing was written.
    """
    launch = launch or Launch()
    declared = project.catalog.operation(operation)
    given = values.resolve(declared, parameters or {})
    journal = project.journal(_connection(project, declared))
    with fitting(journal):
        source = _examine(project, journal, declared, given)
        digest = source.digest() if source else None
        row = _new_row(project, declared, given, options, launch, source, digest)
        journal.ensure()
        _enter(project, journal, declared, row, options)
    execution = Execution(project, journal, project.catalog, row, options, launch, listen)
    _start(execution, resumed=False)
    return execution


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
    catalog, options = _declaration(project, row, options)
    execution = Execution(project, journal, catalog, row, options, launch or Launch(), listen)
    if options.source_path:
        execution.parameters[values.SOURCE_PATH] = options.source_path
    if working:
        if project.heartbeats[row.id].lost.is_set():
            raise chunks.taken_over(row.id)
        return execution
    with fitting(journal):
        _check_source(execution)
        _rejoin(execution, exclusive)
    _start(execution, resumed=True)
    return execution


@contextmanager
def fitting(journal: Journal) -> Iterator[None]:
    """A database's error before the first row: the database does not fit."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnfitError(
            f"The database {journal.database.name} refused: {first_line(error)}",
            todo="Mend it and try again.",
        ) from error


def _connection(project: Project, operation: Operation) -> str | None:
    names = {project.catalog.entity(step.entity).connection for step in operation.steps}
    if len(names) > 1:
        raise DeclarationError(
            f"The steps of {operation.name!r} write to several connections.",
            todo="Let all its entities name the same `connection`.",
            location=operation.location,
        )
    return names.pop()


def _examine(
    project: Project, journal: Journal, operation: Operation, given: Mapping[str, Any]
) -> Source | None:
    """Judge what can be judged before anything is written: tables, keys, the source."""
    source: Source | None = None
    for step in operation.steps:
        table = _table(project, journal, step)
        _refuse_key_change(step, table)
        if step.source is not None:
            source = open_source(
                step.source,
                table,
                project.catalog.entity(step.entity),
                step.rules,
                folder=project.folder,
                parameters=given,
                dialect=journal.database.dialect,
            )
    return source


def _table(project: Project, journal: Journal, step: Step) -> Table:
    entity, database = project.catalog.entity(step.entity), journal.database
    if database.exists():
        with database.reading() as connection:
            found = reflect.reflect(connection, entity)
            if found is not None:
                return found
            if not (entity.create_table and step.kind is StepKind.INSERT):
                return reflect.require(connection, entity)
    elif not (entity.create_table and step.kind is StepKind.INSERT):
        raise DatabaseUnfitError(
            f"The database {database.name} is not there.",
            todo="Set BATCH_OPS_DATABASE_URL to the one you mean, or import something first.",
        )
    return ddl.declared_table(database.dialect, entity, project.catalog.entities)


def _refuse_key_change(step: Step, table: Table) -> None:
    for name in step.values:
        if name in table.key:
            raise DeclarationError(
                f"Step {step.name!r} would change the key column {name!r}.",
                todo="Insert new rows and delete the old ones instead.",
                location=step.location,
            )


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
        parameters=values.dump(given),
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


def _enter(
    project: Project, journal: Journal, operation: Operation, row: ExecutionRow, options: RunOptions
) -> None:
    """In one transaction under one lock: identity, the row, the tables.

    A holder is looked for before, by reading alone: it may sit in a transaction that lets nobody
    else write.
    """
    worker = project.worker()
    with journal.database.reading() as connection:
        _refuse_same(journal, connection, operation, row, options)
        tables = target_tables(project.catalog, operation)
        ownership.refuse_held(journal, connection, row.id, tables)
    with journal.database.writing() as connection:
        with journal.database.dialect.schema_lock(connection):
            _refuse_same(journal, connection, operation, row, options)
            executions.add(journal, connection, row)
            _acquire(journal, connection, row.id, operation, project)
            ownership.register(journal, connection, row.id, worker)


def _acquire(
    journal: Journal, connection: Connection, execution_id: str, operation: Operation, project: Project
) -> None:
    tables = target_tables(project.catalog, operation)
    for lost in ownership.acquire(journal, connection, execution_id, tables):
        ownership.give_back(journal, connection, lost)
        row = executions.get(journal, connection, lost)
        if row is not None and row.status is Status.RUNNING:
            executions.set_status(
                journal, connection, lost, Status.FAILED, stopped_reason="process_died"
            )


def target_tables(catalog: Catalog, operation: Operation) -> list[str]:
    """The tables the operation writes."""
    targets = [catalog.entity(step.entity) for step in operation.steps if step.kind.writes]
    return [f"{e.schema}.{e.table}" if e.schema else e.table for e in targets]


def _refuse_same(
    journal: Journal,
    connection: Connection,
    operation: Operation,
    row: ExecutionRow,
    options: RunOptions,
) -> None:
    for other in executions.by_identity(journal, connection, row.identity):
        if not other.status.finished:
            raise UnfinishedExecutionError(
                f"{operation.name} began before with the same parameters and has not ended:"
                f" execution {other.short_id} is {other.status}.",
                todo=_unfinished_todo(journal, connection, other),
                execution_id=other.id,
            )
        done = other.status in (Status.COMPLETED, Status.COMPLETED_WITH_ERRORS)
        if done and (operation.once or row.source_digest) and not options.again:
            what = f"The source {row.source}" if row.source_digest else operation.name
            raise AlreadyCompletedError(
                f"{what} was completed before, by execution {other.short_id}"
                f" of {operation.name} on {other.started_at:%Y-%m-%d %H:%M} UTC.",
                todo=f"If it is to be done again: batch-ops run {operation.name} --again",
                execution_id=other.id,
            )


def _unfinished_todo(journal: Journal, connection: Connection, other: ExecutionRow) -> str:
    workers = ownership.living(journal, connection, other.id)
    if workers:
        return f"{workers[0]} works on it. See: batch-ops status {other.short_id}"
    return f"Go on with it: batch-ops resume {other.short_id}"


def _declaration(
    project: Project, row: ExecutionRow, options: RunOptions
) -> tuple[Catalog, RunOptions]:
    """The declaration it began with; `use_new` takes today's, if it means the same."""
    stored = Catalog.from_texts(row.declaration)
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
    step = next((s for s in execution.operation.steps if s.source is not None), None)
    if step is None or row.source_digest is None:
        return
    digest = execution.source(step).digest()
    if digest != row.source_digest:
        raise SourceChangedError(
            f"The source {row.source} is not the one execution {row.short_id} began with"
            f" (then {row.source_digest[:16]}…, now {digest[:16]}…).",
            todo="Bring back the file, or name it by --source; to import the new one, cancel this"
            " execution and run again.",
            execution_id=row.id,
        )


def _rejoin(execution: Execution, exclusive: bool) -> None:
    journal, row = execution.journal, execution.row
    with journal.database.reading() as connection:
        for worker in ownership.living(journal, connection, row.id):
            _refuse_beside(execution, worker, exclusive)
        tables = target_tables(execution.catalog, execution.operation)
        ownership.refuse_held(journal, connection, row.id, tables)
    with journal.database.writing() as connection:
        with journal.database.dialect.schema_lock(connection):
            _strike_out(execution, connection, exclusive)
            _acquire(journal, connection, row.id, execution.operation, execution.project)
            ownership.register(journal, connection, row.id, execution.project.worker())
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
        todo = f"Wait for it, or take it over: batch-ops resume {execution.row.short_id} --take-over"
    return OwnershipError(
        f"Execution {execution.row.short_id} is worked on by {worker}.",
        todo=todo,
        execution_id=execution.id,
    )


def _start(execution: Execution, *, resumed: bool) -> None:
    beats = execution.project.heartbeats
    worker = execution.project.worker().name
    beats[execution.id] = Heartbeat(execution.journal, execution.id, worker)
    execution.emit(ExecutionStarted(execution.id, execution.operation.name, resumed))

