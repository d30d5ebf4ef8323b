"""What an operation bears: rejects, time, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from batch_ops.engine.stops import Stop, stopped
from batch_ops.journal.store import utc_now
from batch_ops.spec.amounts import shown

if TYPE_CHECKING:
    from batch_ops.engine.context import Context
    from batch_ops.results import Counts
    from batch_ops.spec.model import ErrorLimit, Operation

PERCENT_FROM_ROWS = 1_000
"""A share of rejects is looked at from so many rows on, or at the end."""


def counted(operation: Operation, counts: Counts) -> int:
    """The rejects that count: invalid rows do not where they are to be skipped."""
    return counts.failed + (0 if operation.skip_invalid_rows else counts.invalid)


def limit_of(execution: Context) -> ErrorLimit | None:
    """The limit that holds for the execution."""
    return execution.options.settings(execution.operation.settings).max_errors


def is_over(execution: Context, counts: Counts, *, ended: bool = False) -> bool:
    """Whether more rows were refused than the limit allows: N are allowed, the next one is not."""
    bad = counted(execution.operation, counts)
    return is_passed(limit_of(execution), bad, counts.total, ended=ended)


def is_passed(limit: ErrorLimit | None, bad: int, total: int, *, ended: bool = False) -> bool:
    """Whether so many of all rows are more than a limit allows."""
    if limit is None:
        return False
    if limit.rows is not None:
        return bad > limit.rows
    if limit.share is None or (total < PERCENT_FROM_ROWS and not ended):
        return False
    return bad > limit.share * total


def is_near(execution: Context, counts: Counts) -> bool:
    """Whether half of the rejects the limit allows were met, and it is not passed."""
    limit, bad = limit_of(execution), counted(execution.operation, counts)
    if limit is None or is_over(execution, counts):
        return False
    if limit.rows is not None:
        return bad > 0 and 2 * bad >= limit.rows
    enough = limit.share is not None and counts.total >= PERCENT_FROM_ROWS
    return bad > 0 and enough and 2 * bad >= (limit.share or 0.0) * counts.total


def out_of_time(execution: Context) -> bool:
    """Whether the operation's time is over."""
    timeout = execution.options.settings(execution.operation.settings).timeout
    return timeout is not None and utc_now() - execution.opened_at > timeout


def too_much_memory(execution: Context) -> str | None:
    """What the process uses, as a sentence, where that is more than it may."""
    limit = execution.operation.settings.max_memory
    if limit is None:
        return None
    used = psutil.Process().memory_info().rss
    if used <= limit:
        return None
    return f"The process uses {shown(used)} of memory; max_memory allows {shown(limit)}."


def check_share(execution: Context, counts: Counts) -> None:
    """A percentage of few rows is looked at when the step ends."""
    if is_over(execution, counts, ended=True):
        raise stopped(execution, Stop("max_errors"))
