"""Executions that have not ended, processes that are gone, tables that are held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine.doctor.findings import Finding, problem, sound, warning
from batch_ops.errors import BatchOpsError
from batch_ops.journal import executions, ownership
from batch_ops.journal.numbered import unfinished
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow, Journal

UNFINISHED = [status for status in Status if not status.finished]
TOLD = 20
"""So many are told one by one."""


def look(project: Project, name: str | None) -> Iterator[Finding]:
    """What has not ended, newest first, and who holds which table."""
    journal = project.journal(name)
    try:
        if not journal.exists():
            return
    except BatchOpsError:
        return  # told of the journal
    with journal.database.looking() as connection:
        rows = executions.newest(journal, connection, statuses=UNFINISHED)
        if not rows:
            yield sound("executions", "None is unfinished.")
        for row in rows[:TOLD]:
            yield _unfinished(journal, connection, row)
        if len(rows) > TOLD:
            yield warning("executions", f"{len(rows) - TOLD} more have not ended: batch-ops status")
        yield from _broken_off(journal, connection)
        for table, holder in ownership.owned(journal, connection):
            yield _held(journal, connection, table, holder)


def _unfinished(journal: Journal, connection: Connection, row: ExecutionRow) -> Finding:
    workers = ownership.living(journal, connection, row.id)
    name = f"Execution {row.short_id} of {row.operation}"
    if workers:
        return sound("executions", f"{name} is worked on by {workers[0]}.")
    todo = (
        f"Go on with it: batch-ops resume {row.short_id}."
        f" End it for good: batch-ops cancel {row.short_id}"
    )
    if row.status is Status.RUNNING:
        return problem("orphaned", f"{name} says it is running, and its process is gone.", todo)
    reason = f" ({row.stopped_reason})" if row.stopped_reason else ""
    since = row.completed_at or row.started_at
    return warning("executions", f"{name} is {row.status}{reason} since {since:%Y-%m-%d}.", todo)


def _broken_off(journal: Journal, connection: Connection) -> Iterator[Finding]:
    """Retries of rejects, and undos, that are not at their end."""
    tables = journal.tables
    for number, what, word, goes_on in (
        (tables.retries.c.retry, "Retry {} of the rejects of execution {}", "retries", "retry {}"),
        (tables.undos.c.undo, "Undo {} of execution {}", "undos", "undo {} --yes"),
    ):
        for execution_id, count in unfinished(connection, number):
            short = execution_id[:8]
            name = what.format(count, short)
            workers = ownership.living(journal, connection, execution_id)
            if workers:
                yield sound(word, f"{name} is worked on by {workers[0]}.")
            else:
                todo = f"Finish it: batch-ops {goes_on.format(short)}"
                yield problem(word, f"{name} broke off.", todo)


def _held(journal: Journal, connection: Connection, table: str, holder: str) -> Finding:
    workers = ownership.living(journal, connection, holder)
    if workers:
        return sound("tables_held", f"The table {table!r} is held by execution {holder[:8]}.")
    what = f"The table {table!r} is held by execution {holder[:8]}, on which nobody works."
    return warning("tables_held", what, "Who wants it takes it over: nothing has to be done.")
