"""Ending an execution, or this process's part in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.engine import metrics
from batch_ops.engine.checks import judge_after
from batch_ops.engine.patience import steady
from batch_ops.errors import (
    BatchOpsError,
    DatabaseUnfitError,
    NotUnderstoodError,
    RefusedError,
    SourceChangedError,
    StoppedError,
    TakenOverError,
    UsageError,
)
from batch_ops.events import ExecutionFinished
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import chunks, executions, ownership
from batch_ops.results import CheckResult, Counts, Result, Status
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.engine.context import Context

_BY_REASON = {"paused": Status.PAUSED, "cancelled": Status.CANCELLED}


def finish(execution: Context) -> Result:
    """All steps are finished: the execution has reached its end. Again is the same.

    Raises:
        StoppedError: a step is not finished.
    """
    result, ended = execution.result(), False
    if not result.status.finished:
        _refuse_unfinished(execution, result.next_step)
        status, message = ended_as(execution, result)
        ended = _close(execution, status, result.counts, message=message)
        result = execution.result()
    tell(execution, result, ended=ended)
    return result


def ended_as(execution: Context, result: Result) -> tuple[Status, str | None]:
    """How an execution whose steps are all finished ends; its postconditions are judged now."""
    broken = [check for check in judge_after(execution) if not check.success]
    if broken:
        told = "; ".join(_broken(check) for check in broken)
        return Status.COMPLETED_WITH_FAILED_CHECKS, told
    return (Status.COMPLETED_WITH_ERRORS if result.counts.rejects else Status.COMPLETED), None


def _broken(check: CheckResult) -> str:
    if not check.evaluated:
        return f"The postcondition {check.name!r} could not be evaluated: {check.message}"
    observed = "" if check.observed_value is None else f" (observed: {check.observed_value})"
    return f"The postcondition {check.name!r} does not hold: {check.description}{observed}"


def tell(execution: Context, result: Result, *, ended: bool) -> None:
    """Tell whoever listens; and, where this ended it, whoever is to be told."""
    execution.emit(ExecutionFinished(execution.id, execution.operation.name, result))
    if ended:
        execution.notices.ended(result)


def _refuse_unfinished(execution: Context, missing: str | None) -> None:
    if missing is not None:
        raise StoppedError(
            "step_unfinished",
            f"Step {missing!r} has not finished.",
            todo=f"Go on: batch-ops resume {execution.row.short_id}",
            execution_id=execution.id,
        )


def abort(execution: Context, error: BaseException) -> Result:
    """End this attempt. A lost database cannot be told; then the next process finds out.

    The status says why: refused (before the first row), paused, cancelled, stopped (a limit, an
    interrupt, a take-over) or failed. After a take-over it is this process's status alone: the
    journal has what the other one came to.
    """
    status, reason = _status(error, written=False)
    message = error.what if isinstance(error, BatchOpsError) else str(error) or None
    ended = False
    try:
        result = execution.result()
        done = [step for step in result.steps if step.kind != StepKind.SELECT]
        written = any(step.counts.total for step in done)
        status, reason = _status(error, written=written)
        if not written and isinstance(error, NotUnderstoodError):
            reason = "not_understood"
        if not result.status.finished:
            under_way = result.status is Status.RUNNING
            ended = _close(execution, status, result.counts, reason, message) and under_way
            result = execution.result()
    except (DBAPIError, DatabaseUnfitError):
        stop_beating(execution)
        execution.project.left_open[execution.id] = execution.journal
        result, ended = _untold(execution, status, reason, message), True
    if isinstance(error, TakenOverError):
        result = replace(result, status=status, stopped_reason=reason, message=message)
    tell(execution, result, ended=ended)
    return result


def _status(error: BaseException, *, written: bool) -> tuple[Status, str]:
    if isinstance(error, StoppedError):
        return _BY_REASON.get(error.reason, Status.STOPPED), error.reason
    if isinstance(error, RefusedError | UsageError) and not written:
        return Status.REFUSED, type(error).__name__.removesuffix("Error")
    if isinstance(error, KeyboardInterrupt) or not isinstance(error, Exception):
        return Status.STOPPED, "interrupted"
    if isinstance(error, TakenOverError):
        return Status.STOPPED, "taken_over"
    return Status.FAILED, "source_changed" if isinstance(error, SourceChangedError) else "error"


def _untold(execution: Context, status: Status, reason: str, message: str | None) -> Result:
    return Result(
        execution_id=execution.id,
        operation=execution.operation.name,
        status=status,
        counts=Counts(),
        stopped_reason=reason,
        message=message,
        started_at=execution.row.started_at,
        run_id=execution.row.run_id,
    )


def leave(execution: Context) -> None:
    """This process works on it no longer; the status is what it was before it joined."""
    with execution.database.locked() as connection:
        if let_go(execution, connection):
            _restore_status(execution, connection)
    stop_beating(execution)


def _restore_status(execution: Context, connection: Connection) -> None:
    row = executions.get(execution.journal, connection, execution.id)
    before = execution.status_before
    if row is not None and row.status is Status.RUNNING:
        status = before if before and before is not Status.RUNNING else Status.STOPPED
        executions.set_status(
            execution.journal, connection, execution.id, status, stopped_reason="repaired_in_part"
        )


@steady
def _close(
    execution: Context,
    status: Status,
    counts: Counts,
    reason: str | None = None,
    message: str | None = None,
) -> bool:
    """End it, unless others work on it still or have it now; whether this ended it."""
    journal = execution.journal
    with journal.database.locked() as connection:
        mine = let_go(execution, connection) and reason != "taken_over"
        if mine:
            executions.close(
                journal,
                connection,
                execution.id,
                status,
                counts,
                reason=reason,
                message=message,
            )
            metrics.record_whole(execution, connection)
        reached(Point.CLOSING)
    reached(Point.CLOSED)
    stop_beating(execution)
    return mine


def let_go(execution: Context, connection: Connection) -> bool:
    """Strike this process out; the tables are given back when nobody living is left."""
    journal, worker = execution.journal, execution.project.worker().name
    chunks.release(journal, connection, execution.id, worker)
    ownership.unregister(journal, connection, execution.id, worker)
    if ownership.living(journal, connection, execution.id):
        return False
    ownership.give_back(journal, connection, execution.id)
    return True


def stop_beating(execution: Context) -> None:
    """This process no longer says that it works on it."""
    beat = execution.project.heartbeats.pop(execution.id, None)
    if beat is not None:
        beat.stop()
