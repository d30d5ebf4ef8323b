"""How many rejects an operation bears: `max_errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine.stops import stopped

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
    limit, bad = limit_of(execution), counted(execution.operation, counts)
    if limit is None:
        return False
    if limit.rows is not None:
        return bad > limit.rows
    if limit.share is None or (counts.total < PERCENT_FROM_ROWS and not ended):
        return False
    return bad > limit.share * counts.total


def is_near(execution: Context, counts: Counts) -> bool:
    """Whether half of the rejects the limit allows were met, and it is not passed."""
    limit, bad = limit_of(execution), counted(execution.operation, counts)
    if limit is None or is_over(execution, counts):
        return False
    if limit.rows is not None:
        return bad > 0 and 2 * bad >= limit.rows
    enough = limit.share is not None and counts.total >= PERCENT_FROM_ROWS
    return bad > 0 and enough and 2 * bad >= (limit.share or 0.0) * counts.total


def check_share(execution: Context, counts: Counts) -> None:
    """A percentage of few rows is looked at when the step ends."""
    if is_over(execution, counts, ended=True):
        raise stopped(execution, "max_errors")
