"""Why an execution does not go on, in words a person can act on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import LOCKED
from batch_ops.database.troubles import mending, told
from batch_ops.engine.discretion import discreet, hides
from batch_ops.errors import (
    BatchOpsError,
    DatabaseUnreachableError,
    ExecutionError,
    NotUnderstoodError,
    StoppedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.database.faults import Fault
    from batch_ops.engine.context import Context


@dataclass(frozen=True, slots=True)
class Stop:
    """A reason to stop between two batches. saw: what was seen, as a sentence."""

    reason: str
    saw: str = ""


_TEXTS = {
    "interrupted": "It was interrupted.",
    "timeout": "Its time is over.",
    "max_errors": "More rows were refused than max_errors allows.",
    "max_errors_per_worker": "A lane met more refused rows than max_errors_per_worker allows.",
    "paused": "It was paused.",
    "cancelled": "It was cancelled.",
}
_MORE = {
    "max_errors": " with a higher limit",
    "timeout": " with more time",
    "max_memory": " with smaller batches, or a higher limit in the declaration",
    "circuit_breaker": ", once the cause is mended",
    "statement_timeout": " with a longer statement_timeout in the declaration",
    "lock_timeout": ", when the others are done, or with a longer lock_timeout in the declaration",
}
_OPTIONS = {
    "max_errors": " --max-errors …",
    "timeout": " --timeout …",
    "max_memory": " --batch-size … (--use-new takes the declaration's new limits)",
    "statement_timeout": " --use-new",
    "lock_timeout": " (--use-new takes the declaration's new limits)",
}


def stopped(execution: Context, stop: Stop) -> StoppedError:
    """The error of an execution that stops between two batches."""
    reason, short_id = stop.reason, execution.row.short_id
    return StoppedError(
        reason,
        stop.saw or _TEXTS.get(reason, f"It was stopped: {reason}."),
        todo=f"Go on{_MORE.get(reason, '')}: batch-ops {execution.verb} {short_id}"
        f"{_OPTIONS.get(reason, '')}",
        execution_id=execution.id,
    )


@contextmanager
def named(execution: Context, *, planning: bool = False) -> Iterator[None]:
    """Errors of a database that end an execution say so in our words.

    planning: what it does not understand then, it never will.
    """
    try:
        yield
    except (DBAPIError, DatabaseUnreachableError) as error:
        raise _ended(execution, error, planning=planning) from error


def _ended(
    execution: Context, error: DBAPIError | DatabaseUnreachableError, *, planning: bool
) -> BatchOpsError:
    if isinstance(error, DatabaseUnreachableError):
        what, first = error.what, "Mend it"
    else:
        hidden = hides(execution.entities.values())
        fault = discreet(execution.database.dialect.fault(error), hidden=hidden)
        if limit := _limit(fault):
            return stopped(execution, Stop(limit, told(fault, tried_again=True)))
        what, first = told(fault, tried_again=True), mending(fault)
        if planning and fault.of_statement:
            return NotUnderstoodError(what, todo=f"{first}.", execution_id=execution.id)
    todo = f"{first}, then: batch-ops {execution.verb} {execution.row.short_id}"
    return ExecutionError(what, todo=todo, execution_id=execution.id)


def _limit(fault: Fault) -> str | None:
    """The limit that a statement has reached."""
    if fault.timed_out:
        return "statement_timeout"
    return "lock_timeout" if fault.code == LOCKED else None
