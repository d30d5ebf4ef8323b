"""Taking the tables of an operation: identity, ownership, this process as a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import AlreadyCompletedError, UnfinishedExecutionError
from batch_ops.journal import chunks, executions, ownership
from batch_ops.results import DONE, Status

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.engine.context import Context
    from batch_ops.engine.options import RunOptions
    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow, Journal
    from batch_ops.spec.catalog import Catalog
    from batch_ops.spec.model import Operation


def enter(
    project: Project, journal: Journal, operation: Operation, row: ExecutionRow, options: RunOptions
) -> None:
    """In one transaction under one lock: identity, the row, the tables.

    A holder is looked for before, by reading alone: it may sit in a transaction that lets nobody
    else write.
    """
    worker = project.worker()
    with journal.database.reading() as connection:
        tables = target_tables(project.catalog, operation)
        try:
            ownership.refuse_held(journal, connection, row.id, tables)
        finally:  # the holder may be the same thing, begun a moment ago: that says more
            _refuse_same(journal, connection, operation, row, options)
    with journal.database.locked() as connection:
        _refuse_same(journal, connection, operation, row, options)
        executions.add(journal, connection, row)
        acquire(journal, connection, row.id, operation, project)
        every = operation.telling.heartbeat
        ownership.register(journal, connection, row.id, worker, every)


def leave_what_ended(project: Project, journal: Journal) -> None:
    """This process works no longer on what it has ended, though the journal could not be told."""
    ended = [known for known, of in project.left_open.items() if of.database is journal.database]
    if not ended:
        return
    worker = project.worker().name
    with journal.database.locked() as connection:
        for execution_id in ended:
            chunks.fence(journal, connection, execution_id, worker)
            ownership.unregister(journal, connection, execution_id, worker)
            if not ownership.living(journal, connection, execution_id):
                ownership.give_back(journal, connection, execution_id)
    for execution_id in ended:
        del project.left_open[execution_id]


def acquire(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    operation: Operation,
    project: Project,
) -> None:
    """Own the operation's tables; an execution that lost them to us had died: it is told so."""
    tables = target_tables(project.catalog, operation)
    for lost in ownership.acquire(journal, connection, execution_id, tables):
        ownership.give_back(journal, connection, lost)
        row = executions.get(journal, connection, lost)
        if row is not None and row.status is Status.RUNNING:
            executions.set_status(
                journal, connection, lost, Status.FAILED, stopped_reason="process_died"
            )


def judge_ours(execution: Context, connection: Connection) -> None:
    """Who takes an execution over strikes its worker out: then nothing is committed.

    Raises:
        TakenOverError: ours is struck out.
    """
    worker = execution.project.worker().name
    if not ownership.beat(execution.journal, connection, execution.id, worker):
        raise chunks.taken_over(execution.id)


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
        if other.completed_at and other.completed_at >= row.started_at:
            raise UnfinishedExecutionError(
                f"{operation.name} was under way when this one was begun: execution"
                f" {other.short_id} had the database first and is {other.status}.",
                todo=f"See what it did: batch-ops status {other.short_id}",
                execution_id=other.id,
            )
        done = other.status in DONE and other.undone_at is None
        if done and (operation.once or row.source_digest) and not options.again:
            what = f"The source {row.source}" if row.source_digest else operation.name
            raise AlreadyCompletedError(
                f"{what} was completed before, by execution {other.short_id}"
                f" of {operation.name} on {other.started_at:%Y-%m-%d %H:%M} UTC ({other.status}).",
                todo=f"If it is to be done again: batch-ops run {operation.name} --again",
                execution_id=other.id,
            )


def _unfinished_todo(journal: Journal, connection: Connection, other: ExecutionRow) -> str:
    workers = ownership.living(journal, connection, other.id)
    if workers:
        return f"{workers[0]} works on it. See: batch-ops status {other.short_id}"
    return f"Go on with it: batch-ops resume {other.short_id}"
