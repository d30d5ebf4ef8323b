"""Why an execution does not go on, in words a person can act on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.errors import DatabaseUnreachableError, ExecutionError, StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.engine.context import Context


def stopped(execution: Context, reason: str) -> StoppedError:
    """The error of an execution that stops between two batches."""
    texts = {
        "interrupted": "It was interrupted.",
        "timeout": "Its time is over.",
        "max_errors": "More rows were refused than max_errors allows.",
        "max_errors_per_worker": "A lane met more refused rows than max_errors_per_worker allows.",
        "paused": "It was paused.",
        "cancelled": "It was cancelled.",
    }
    more = {"max_errors": " with a higher limit", "timeout": " with more time"}
    option = {"max_errors": " --max-errors …", "timeout": " --timeout …"}
    return StoppedError(
        reason,
        texts.get(reason, f"It was stopped: {reason}."),
        todo=f"Go on{more.get(reason, '')}: batch-ops resume {execution.row.short_id}"
        f"{option.get(reason, '')}",
        execution_id=execution.id,
    )


@contextmanager
def named(execution: Context) -> Iterator[None]:
    """Errors of a database that end an execution say so in our words."""
    try:
        yield
    except (DBAPIError, DatabaseUnreachableError) as error:
        what = (
            str(error.what)
            if isinstance(error, DatabaseUnreachableError)
            else _told(execution, error)
        )
        raise ExecutionError(
            what,
            todo=f"Mend it, then: batch-ops resume {execution.row.short_id}",
            execution_id=execution.id,
        ) from error


def _told(execution: Context, error: BaseException) -> str:
    fault = execution.database.dialect.fault(error)
    return f"The database refused to go on ({fault.code}): {fault.message}"
