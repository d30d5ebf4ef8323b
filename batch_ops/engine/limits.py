"""How many rejects an operation bears: `max_errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine.stops import stopped

if TYPE_CHECKING:
    from batch_ops.engine.context import Context
    from batch_ops.results import Counts
    from batch_ops.spec.model import ErrorLimit

PERCENT_FROM_ROWS = 1_000
"""A share of rejects is looked at from so many rows on, or at the end."""


def over_limit(
    limit: ErrorLimit | None, counts: Counts, *, skip_invalid: bool, ended: bool = False
) -> bool:
    """Whether more rows were refused than the limit allows: N are allowed, the next one is not."""
    if limit is None:
        return False
    bad = counts.failed + (0 if skip_invalid else counts.invalid)
    if limit.rows is not None:
        return bad > limit.rows
    if limit.share is None or (counts.total < PERCENT_FROM_ROWS and not ended):
        return False
    return bad > limit.share * counts.total


def near_limit(limit: ErrorLimit, counts: Counts, *, skip_invalid: bool) -> bool:
    """Whether half of the rejects the limit allows were met, and it is not passed."""
    if over_limit(limit, counts, skip_invalid=skip_invalid):
        return False
    bad = counts.failed + (0 if skip_invalid else counts.invalid)
    if limit.rows is not None:
        return bad > 0 and 2 * bad >= limit.rows
    enough = limit.share is not None and counts.total >= PERCENT_FROM_ROWS
    return bad > 0 and enough and 2 * bad >= (limit.share or 0.0) * counts.total


def check_share(execution: Context, counts: Counts) -> None:
    """A percentage of few rows is looked at when the step ends."""
    operation = execution.operation
    limit = execution.options.settings(operation.settings).max_errors
    if over_limit(limit, counts, skip_invalid=operation.skip_invalid_rows, ended=True):
        raise stopped(execution, "max_errors")
