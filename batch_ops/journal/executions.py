"""Executions and their steps: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, insert, select, update

from batch_ops.journal import outputs
from batch_ops.journal.store import utc_now
from batch_ops.results import Counts, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from batch_ops.journal.store import Journal


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """An execution as the journal has it. `moment` is what NOW() means in its conditions.

    total_records, processed_records, error_count: what it came to when it, or an attempt at it,
    ended. purged_at: when what was kept of it besides this was purged. undone_at: when an undo of
    it came to its end.
    """

    id: str
    short_id: str
    operation: str
    entity: str
    status: Status
    stopped_reason: str | None
    message: str | None
    control: str | None
    identity: str
    declaration: dict[str, str]
    parameters: dict[str, Any]
    options: dict[str, Any]
    source: str | None
    source_digest: str | None
    checks: list[dict[str, Any]] | None
    actor: str | None
    via: str | None
    run_id: str | None
    moment: datetime
    started_at: datetime
    completed_at: datetime | None
    total_records: int | None = None
    processed_records: int | None = None
    error_count: int | None = None
    purged_at: datetime | None = None
    discarded: int = 0
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A planned step. status: planned, running or finished.

    fields: of a step that reads records from outside, their fields: name and, where known, type.
    busy_s: seconds it was worked on in attempts that ended; attempt_at: since when it is now.
    """

    name: str
    number: int
    kind: str
    status: str
    planned_rows: int
    output_table: str | None
    started_at: datetime | None = None
    attempt_at: datetime | None = None
    busy_s: float = 0.0
    completed_at: datetime | None = None
    fields: tuple[tuple[str, str | None], ...] = ()


def add(journal: Journal, connection: Connection, row: ExecutionRow) -> None:
    """Write a new execution."""
    connection.execute(insert(journal.tables.operations).values(_values(row)))


def _values(row: ExecutionRow) -> dict[str, Any]:
    return {
        "operation_id": row.id,
        "short_id": row.short_id,
        "operation": row.operation,
        "entity": row.entity,
        "status": str(row.status),
        "stopped_reason": row.stopped_reason,
        "message": row.message,
        "identity": row.identity,
        "declaration": _dump(row.declaration),
        "parameters": _dump(row.parameters),
        "options": _dump(row.options),
        "source": row.source,
        "source_digest": row.source_digest,
        "actor": row.actor,
        "via": row.via,
        "run_id": row.run_id,
        "moment": row.moment,
        "started_at": row.started_at,
    }


def _dump(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _row(row: Row[Any]) -> ExecutionRow:
    return ExecutionRow(
        id=str(row.operation_id),
        short_id=row.short_id,
        operation=row.operation,
        entity=row.entity,
        status=Status(row.status),
        stopped_reason=row.stopped_reason,
        message=row.message,
        control=row.control,
        identity=row.identity,
        declaration=orjson.loads(row.declaration),
        parameters=orjson.loads(row.parameters),
        options=orjson.loads(row.options),
        source=row.source,
        source_digest=row.source_digest,
        checks=orjson.loads(row.checks) if row.checks else None,
        actor=row.actor,
        via=row.via,
        run_id=row.run_id,
        moment=row.moment,
        started_at=row.started_at,
        completed_at=row.completed_at,
        total_records=row.total_records,
        processed_records=row.processed_records,
        error_count=row.error_count,
        purged_at=row.purged_at,
        discarded=row.discarded_count or 0,
        undone_at=row.undone_at,
    )


def get(journal: Journal, connection: Connection, execution_id: str) -> ExecutionRow | None:
    """The execution of that id."""
    table = journal.tables.operations
    row = connection.execute(select(table).where(table.c.operation_id == execution_id)).first()
    return _row(row) if row else None


def by_prefix(journal: Journal, connection: Connection, prefix: str) -> list[ExecutionRow]:
    """Executions whose id begins so: at least the short id's eight characters are compared."""
    table = journal.tables.operations
    rows = connection.execute(
        select(table).where(table.c.short_id.startswith(prefix[:8], autoescape=True))
    )
    return [row for row in map(_row, rows) if row.id.startswith(prefix)]


def by_identity(journal: Journal, connection: Connection, identity: str) -> list[ExecutionRow]:
    """Executions of the same operation, source and parameters, newest first."""
    table = journal.tables.operations
    query = select(table).where(table.c.identity == identity).order_by(table.c.started_at.desc())
    return [_row(row) for row in connection.execute(query)]


def by_run(journal: Journal, connection: Connection, run_id: str) -> ExecutionRow | None:
    """The newest execution that bears this run id."""
    table = journal.tables.operations
    query = select(table).where(table.c.run_id == run_id).order_by(table.c.started_at.desc())
    row = connection.execute(query).first()
    return _row(row) if row else None


def newest(
    journal: Journal,
    connection: Connection,
    *,
    limit: int | None = None,
    statuses: Sequence[Status] | None = None,
    operation: str | None = None,
) -> list[ExecutionRow]:
    """Executions, newest first."""
    table = journal.tables.operations
    query = select(table).order_by(table.c.started_at.desc(), table.c.operation_id)
    if statuses is not None:
        query = query.where(table.c.status.in_([str(status) for status in statuses]))
    if operation:
        query = query.where(table.c.operation == operation)
    return [_row(row) for row in connection.execute(query.limit(limit) if limit else query)]


def short_ids(journal: Journal, connection: Connection) -> set[str]:
    """The short ids of all executions."""
    return set(connection.execute(select(journal.tables.operations.c.short_id)).scalars())


def set_status(
    journal: Journal, connection: Connection, execution_id: str, status: Status, **values: Any
) -> None:
    """Change the status, and other columns with it."""
    table = journal.tables.operations
    connection.execute(
        update(table)
        .where(table.c.operation_id == execution_id)
        .values(status=str(status), **values)
    )


def close(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    status: Status,
    counts: Counts,
    *,
    reason: str | None = None,
    message: str | None = None,
) -> None:
    """End an execution, or one attempt at it, with what it came to."""
    set_status(
        journal,
        connection,
        execution_id,
        status,
        stopped_reason=reason,
        message=message,
        control=None,
        completed_at=utc_now(),
        total_records=counts.total,
        processed_records=counts.processed,
        error_count=counts.rejects,
    )


def count_discarded(
    journal: Journal, connection: Connection, execution_id: str, number: int
) -> None:
    """So many more rejects were given up."""
    table = journal.tables.operations
    more = func.coalesce(table.c.discarded_count, 0) + number
    connection.execute(
        update(table).where(table.c.operation_id == execution_id).values(discarded_count=more)
    )


def store_checks(
    journal: Journal, connection: Connection, execution_id: str, checks: list[dict[str, Any]]
) -> None:
    """Keep what the preconditions came to."""
    table = journal.tables.operations
    text = orjson.dumps(checks, default=str).decode()
    connection.execute(
        update(table).where(table.c.operation_id == execution_id).values(checks=text)
    )


def ask(journal: Journal, connection: Connection, execution_id: str, what: str) -> None:
    """Ask whoever works on it for something: "pause" or "cancel"."""
    table = journal.tables.operations
    connection.execute(
        update(table).where(table.c.operation_id == execution_id).values(control=what)
    )


def control_of(journal: Journal, connection: Connection, execution_id: str) -> str | None:
    """What somebody asked of the execution: None, "pause" or "cancel"."""
    table = journal.tables.operations
    return connection.execute(
        select(table.c.control).where(table.c.operation_id == execution_id)
    ).scalar()


def add_step(journal: Journal, connection: Connection, execution_id: str, row: StepRow) -> None:
    """Write a step that was planned just now."""
    connection.execute(
        insert(journal.tables.steps).values(
            operation_id=execution_id,
            step=row.name,
            number=row.number,
            kind=row.kind,
            status=row.status,
            planned_rows=row.planned_rows,
            output_table=row.output_table,
            fields=orjson.dumps(row.fields).decode() if row.fields else None,
        )
    )


def steps_of(journal: Journal, connection: Connection, execution_id: str) -> list[StepRow]:
    """The planned steps, in the operation's order."""
    table = journal.tables.steps
    rows = connection.execute(
        select(table).where(table.c.operation_id == execution_id).order_by(table.c.number)
    )
    return [
        StepRow(
            name=row.step,
            number=row.number,
            kind=row.kind,
            status=row.status,
            planned_rows=row.planned_rows,
            output_table=row.output_table,
            started_at=row.started_at,
            attempt_at=row.attempt_at,
            busy_s=row.busy_s,
            completed_at=row.completed_at,
            fields=tuple((name, kind) for name, kind in orjson.loads(row.fields or "[]")),
        )
        for row in rows
    ]


def begin_attempt(journal: Journal, connection: Connection, execution_id: str, step: str) -> None:
    """Work on a step begins. An attempt whose process died lasted until its last batch."""
    table, logs = journal.tables.steps, journal.tables.logs
    at = (table.c.operation_id == execution_id, table.c.step == step)
    last = select(func.max(logs.c.completed_at)).where(
        logs.c.operation_id == execution_id, logs.c.step == step
    )
    row = connection.execute(select(table.c.attempt_at, table.c.busy_s).where(*at)).one()
    ended = connection.execute(last).scalar() if row.attempt_at else None
    lost = max((ended - row.attempt_at).total_seconds(), 0.0) if ended else 0.0
    now = utc_now()
    connection.execute(
        update(table)
        .where(*at)
        .values(
            status="running",
            started_at=func.coalesce(table.c.started_at, now),
            attempt_at=now,
            busy_s=row.busy_s + lost,
        )
    )


def end_attempt(journal: Journal, connection: Connection, execution_id: str, step: str) -> None:
    """Work on a step ended, one way or another."""
    table = journal.tables.steps
    at = (table.c.operation_id == execution_id, table.c.step == step)
    row = connection.execute(select(table.c.attempt_at, table.c.busy_s).where(*at)).one()
    if row.attempt_at is not None:
        lasted = (utc_now() - row.attempt_at).total_seconds()
        values = {"attempt_at": None, "busy_s": row.busy_s + lasted}
        connection.execute(update(table).where(*at).values(values))


def finish_step(journal: Journal, connection: Connection, execution_id: str, step: str) -> None:
    """All chunks of the step are done."""
    table = journal.tables.steps
    connection.execute(
        update(table)
        .where(table.c.operation_id == execution_id, table.c.step == step)
        .values(status="finished", completed_at=utc_now())
    )


def forget_steps(
    journal: Journal, connection: Connection, execution_id: str, steps: Sequence[str]
) -> None:
    """Take back what was planned and told of steps that are done anew, and their outputs."""
    tables = journal.tables
    known = {row.name: row for row in steps_of(journal, connection, execution_id)}
    made = [known[name].output_table for name in steps if name in known]
    outputs.drop(journal, connection, [name for name in made if name])
    for table in (tables.errors, tables.logs, tables.chunks, tables.steps):
        connection.execute(
            delete(table).where(table.c.operation_id == execution_id, table.c.step.in_(steps))
        )
