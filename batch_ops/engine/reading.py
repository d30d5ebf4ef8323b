"""Reading what the journal knows; makes nothing and takes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from batch_ops.engine.discretion import MASK, values_of
from batch_ops.engine.patience import steady
from batch_ops.engine.reach import Missed, journals
from batch_ops.errors import UnknownNameError
from batch_ops.journal import chunks, endings, executions, ownership, rejects, retries, undos
from batch_ops.journal.rejects import RECOVERED, REFUSED_AGAIN, Choice
from batch_ops.journal.store import utc_now
from batch_ops.results import CheckResult, ChunkCounts, Counts, Reject, Result, Status, StepResult
from batch_ops.spec.model import ErrorHandling

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow, Journal
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.journal.executions import StepRow
    from batch_ops.journal.rejects import KeptReject
    from batch_ops.journal.undos import UndoRow
    from batch_ops.spec.model import Operation

KEY_OF_FUNCTION = "value"
"""What the key is called that a function refuses, where it is given keys alone."""
MOST_ERRORS = 10_000
"""Errors a result holds; the journal has all of them."""


@dataclass(frozen=True, slots=True)
class ChunkInfo:
    """A chunk as it is now. `rows`: as planned. `status`: planned, running or completed."""

    key: str
    number: int
    rows: int
    status: str
    counts: Counts
    batches: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def completed(self) -> bool:
        return self.status == chunks.COMPLETED


def chunk_info(row: ChunkRow) -> ChunkInfo:
    """A journal's chunk, as others may see it."""
    return ChunkInfo(
        key=row.key,
        number=row.number,
        rows=row.planned_rows,
        status=row.status,
        counts=row.counts,
        batches=row.batches,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )


@steady
def chunk_infos(journal: Journal, execution_id: str, step: str) -> tuple[ChunkInfo, ...]:
    """The chunks of a step in plan order."""
    with journal.database.reading() as connection:
        return tuple(map(chunk_info, chunks.of_step(journal, connection, execution_id, step)))


@steady
def read_result(journal: Journal, operation: Operation | None, execution_id: str) -> Result:
    """An execution with its steps; `operation` names the steps that are not planned yet."""
    with journal.database.reading() as connection:
        return result_on(journal, connection, operation, execution_id)


def result_on(
    journal: Journal, connection: Connection, operation: Operation | None, execution_id: str
) -> Result:
    """The same, as a transaction sees it."""
    row = executions.get(journal, connection, execution_id)
    if row is None:
        raise UnknownNameError("execution", execution_id, [])
    return _result(journal, connection, row, operation)


def _result(
    journal: Journal, connection: Connection, row: ExecutionRow, operation: Operation | None
) -> Result:
    all_chunks = chunks.of_step(journal, connection, row.id)
    planned = executions.steps_of(journal, connection, row.id)
    steps = [_step(step, [c for c in all_chunks if c.step == step.name]) for step in planned]
    known = {step.name for step in planned}
    if operation is not None:
        steps += [_unplanned(s.name, s.kind) for s in operation.steps if s.name not in known]
    ended = row.completed_at or utc_now()
    collects = operation is not None and operation.error_handling is ErrorHandling.COLLECT
    return Result(
        execution_id=row.id,
        operation=row.operation,
        status=row.status,
        counts=sum((step.counts for step in steps), Counts()),
        steps=tuple(steps),
        chunks=_chunk_counts(all_chunks),
        checks=tuple(CheckResult(**check) for check in row.checks or []),
        stopped_reason=row.stopped_reason,
        message=_purged(row) if row.purged_at else row.message,
        started_at=row.started_at,
        completed_at=row.completed_at,
        duration_s=(ended - row.started_at).total_seconds(),
        run_id=row.run_id,
        discarded=row.discarded,
        purged=row.purged_at is not None,
        undone_at=row.undone_at,
        errors=_errors(journal, connection, row) if collects and row.completed_at else (),
        collects_errors=collects,
    )


def _purged(row: ExecutionRow) -> str:
    return (
        f"Its batches and rejects were purged on {row.purged_at:%Y-%m-%d}; it stays known that it"
        " took place."
    )


def _errors(journal: Journal, connection: Connection, row: ExecutionRow) -> tuple[Reject, ...]:
    """The first rejects, as they may be shown."""
    hidden = hidden_columns(row)
    found = rejects.stream(journal, connection, row.id, limit=MOST_ERRORS)
    return tuple(masked(reject, hidden) for reject in found)


def _step(step: StepRow, parts: Sequence[ChunkRow]) -> StepResult:
    under_way = (utc_now() - step.attempt_at).total_seconds() if step.attempt_at else 0.0
    return StepResult(
        name=step.name,
        kind=step.kind,
        status=step.status,
        counts=sum((chunk.counts for chunk in parts), Counts()),
        chunks=_chunk_counts(parts),
        planned_rows=step.planned_rows,
        started_at=step.started_at,
        completed_at=step.completed_at,
        duration_s=step.busy_s + under_way,
    )


def _unplanned(name: str, kind: str) -> StepResult:
    return StepResult(name, str(kind), "unplanned", Counts(), ChunkCounts())


def _chunk_counts(parts: Sequence[ChunkRow]) -> ChunkCounts:
    return ChunkCounts(
        total=len(parts),
        completed=sum(chunk.status == chunks.COMPLETED for chunk in parts),
        failed=sum(chunk.attempted for chunk in parts),
    )


# over all databases of a project


def find(project: Project, execution_id: str) -> tuple[Journal, ExecutionRow]:
    """The execution of that id, or of the beginning of an id.

    Raises:
        UnknownNameError: there is none, or several begin so.
        DatabaseUnfitError: there is none where it could be asked for.
    """
    found: list[tuple[Journal, ExecutionRow]] = []
    missed: list[Missed] = []
    for journal in journals(project, missed):
        with journal.database.reading() as connection:
            rows = executions.by_prefix(journal, connection, execution_id.lower())
        found += [(journal, row) for row in rows]
    if len(found) == 1:
        return found[0]
    if missed and not found:
        raise missed[0].error
    known = [row.short_id for _, row in found]
    todo = "Write more of the id." if found else "See `batch-ops status` for what there is."
    raise UnknownNameError("execution", execution_id, known, todo=todo)


def result_of(project: Project, execution_id: str) -> Result:
    """The execution of that id, or of the beginning of an id."""
    journal, row = find(project, execution_id)
    return read_result(journal, operation_of(row), row.id)


def operation_of(row: ExecutionRow) -> Operation:
    """The operation as it was declared when the execution began."""
    from batch_ops.spec.catalog import Catalog

    return Catalog.from_texts(row.declaration).operation(row.operation)


def history(
    project: Project, limit: int | None = 50, *, missed: list[Missed] | None = None
) -> list[Result]:
    """Executions, newest first, over all databases; see `journals` for those that are missed."""
    found: list[Result] = []
    for journal in journals(project, missed):
        with journal.database.reading() as connection:
            rows = executions.newest(journal, connection, limit=limit)
            found += [_result(journal, connection, row, None) for row in rows]
    found.sort(key=lambda result: (result.started_at is not None, result.started_at), reverse=True)
    return found[:limit]


def rejects_of(
    project: Project, execution_id: str, *, limit: int | None = None
) -> Iterator[Reject]:
    """The open rejects of an execution as a stream; values of hidden columns are masked."""
    for found in kept_rejects(project, execution_id, limit=limit):
        yield found.reject


def kept_rejects(
    project: Project,
    execution_id: str,
    choice: Choice = Choice(),  # noqa: B008  (frozen)
    *,
    limit: int | None = None,
) -> Iterator[KeptReject]:
    """The rejects that are chosen, with their state and how they ended; as above."""
    journal, row = find(project, execution_id)
    hidden = hidden_columns(row)
    with journal.database.reading() as connection:
        for found in rejects.kept(journal, connection, row.id, choice, limit):
            yield replace(found, reject=masked(found.reject, hidden))


def reject_states(project: Project, execution_id: str) -> dict[str, int]:
    """How many rejects of an execution are open, recovered, refused again, discarded."""
    journal, row = find(project, execution_id)
    with journal.database.reading() as connection:
        return endings.numbers(journal, connection, row.id)


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """A retry of an execution's rejects, and what became of those it tried.

    how: in words. completed_at: None while it is under way, and when it broke off.
    """

    number: int
    how: str
    actor: str | None
    started_at: datetime
    completed_at: datetime | None
    recovered: int
    refused_again: int


def retries_of(project: Project, execution_id: str) -> list[RetryInfo]:
    """The retries of an execution's rejects, in order."""
    journal, row = find(project, execution_id)
    found: list[RetryInfo] = []
    with journal.database.reading() as connection:
        for each in retries.of_execution(journal, connection, row.id):
            ended = endings.numbers(journal, connection, row.id, retry=each.number)
            times = each.started_at, each.completed_at
            tried = ended[RECOVERED], ended[REFUSED_AGAIN]
            found.append(RetryInfo(each.number, each.how, each.actor, *times, *tried))
    return found


def undos_of(project: Project, execution_id: str) -> list[UndoRow]:
    """The undos of an execution, in order."""
    journal, row = find(project, execution_id)
    with journal.database.reading() as connection:
        return undos.of_execution(journal, connection, row.id)


def hidden_columns(row: ExecutionRow) -> frozenset[str]:
    """The columns of the execution's entities that may not be shown."""
    from batch_ops.spec.catalog import Catalog

    catalog = Catalog.from_texts(row.declaration)
    return frozenset().union(*(entity.hidden for entity in catalog.entities.values()))


def masked(reject: Reject, hidden: frozenset[str]) -> Reject:
    """The reject without hidden columns: left out of the record, so that a corrected file does not
    write a mask where a secret was.
    """
    if not hidden:
        return reject
    secret = reject.column in hidden
    values = values_of({**(reject.key or {}), **(reject.data or {})}, (), hidden)
    unsure = reject.column is None and reject.data is None
    unsure = unsure or any(value in reject.message for value in values)
    quotes = reject.value is not None and any(value in reject.value for value in values)
    return replace(
        reject,
        key=_masked(reject.key, hidden),
        data=_masked(reject.data, hidden, values),
        value=MASK if (secret and reject.value is not None) or quotes else reject.value,
        message=_told_message(reject, secret=secret, unsure=unsure),
    )


def _told_message(reject: Reject, *, secret: bool, unsure: bool) -> str:
    """A message that names no column may quote a value of any of them."""
    if secret:
        return f"refused in column {reject.column}"
    return f"refused by the database ({reject.code})" if unsure else reject.message


def _masked(
    record: Mapping[str, Any] | None, hidden: frozenset[str], values: Collection[str] = ()
) -> dict[str, Any] | None:
    """Without hidden columns, and without a function's key that is the value of one."""
    if record is None:
        return None
    key = str(record.get(KEY_OF_FUNCTION))
    quoted = {KEY_OF_FUNCTION} if any(value in key for value in values) else set()
    return {name: value for name, value in record.items() if name not in hidden | quoted}


def reject_reasons(
    project: Project,
    execution_id: str,
    choice: Choice = Choice(),  # noqa: B008  (frozen)
) -> list[tuple[str, str | None, str, int]]:
    """The rejects that are chosen by code, column and outcome with their number, most frequent
    first.
    """
    journal, row = find(project, execution_id)
    with journal.database.reading() as connection:
        return rejects.by_reason(journal, connection, row.id, choice)


def newest_unfinished(
    project: Project, operation: str | None = None, identity: str | None = None
) -> str | None:
    """The newest execution that has begun and not ended (of an operation, of an identity)."""
    unfinished = [status for status in Status if not status.finished]
    newest: list[ExecutionRow] = []
    for journal in journals(project):
        with journal.database.reading() as connection:
            newest += executions.newest(
                journal, connection, statuses=unfinished, operation=operation
            )
    matching = [row for row in newest if identity is None or row.identity == identity]
    return max(matching, key=lambda row: row.started_at).id if matching else None


def execution_of_run(project: Project, run_id: str) -> str | None:
    """The newest execution of a (root) Dagster run."""
    for journal in journals(project):
        with journal.database.reading() as connection:
            row = executions.by_run(journal, connection, run_id)
        if row is not None:
            return row.id
    return None


def long_lists_of(project: Project, execution_id: str) -> dict[str, Any]:
    """The parameters of an execution that are lists."""
    from batch_ops.engine.parameters import load

    _, row = find(project, execution_id)
    return {name: value for name, value in load(row.parameters).items() if isinstance(value, list)}


def is_worked_on(project: Project, execution_id: str) -> bool:
    """Whether a living process works on the execution now."""
    journal, row = find(project, execution_id)
    with journal.database.reading() as connection:
        return bool(ownership.living(journal, connection, row.id))
