"""What is measured of an execution that says `collect_metrics: true`, and of each of its steps.

`lock_wait_seconds` is left out on a database that cannot tell who waits (see `waits`), and the
percentiles of batches where none was committed.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import psutil
from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import first_line
from batch_ops.engine.reading import result_on
from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.engine.context import Context
    from batch_ops.results import Counts, Result

WAITED, MEMORY = "lock_wait_seconds", "peak_memory_mb"
_MB = 1024 * 1024
_logger = logging.getLogger("batch_ops")

Known = dict[tuple["str | None", str], float]


def record(execution: Context, step: str) -> None:
    """Keep the figures of a step as they are now. That they cannot be kept fails nothing; the log
    says so.
    """
    if not execution.operation.telling.metrics:
        return
    try:
        with execution.database.writing() as connection:
            _store(execution, connection, step)
    except (DBAPIError, DatabaseUnfitError) as error:
        _not_kept(execution, step, error)


def record_whole(execution: Context, connection: Connection) -> None:
    """Keep the figures of an execution in the transaction that ends it, if they can be kept."""
    if not execution.operation.telling.metrics:
        return
    try:
        with connection.begin_nested():
            _store(execution, connection, None)
    except DBAPIError as error:
        _not_kept(execution, None, error)


def _store(execution: Context, connection: Connection, step: str | None) -> None:
    result = result_on(execution.journal, connection, execution.operation, execution.id)
    values = _values(execution, connection, step, result)
    metrics.store(execution.journal, connection, execution.id, step, values)


def _not_kept(execution: Context, step: str | None, error: Exception) -> None:
    _logger.warning(
        "metrics_not_kept execution=%s step=%s error=%s", execution.id, step, first_line(error)
    )


def _values(
    execution: Context, connection: Connection, step: str | None, result: Result
) -> Mapping[str, float]:
    journal = execution.journal
    known = metrics.known(journal, connection, execution.id)
    seconds = metrics.batch_seconds(journal, connection, execution.id, step)
    told = result.step(step) if step is not None else result
    return {
        "rows_per_second": told.rows_per_s,
        **_percentiles(seconds),
        "reject_rate": _reject_rate(told.counts),
        MEMORY: max(peak_memory_mb(), *_kept(known, step, MEMORY), 0.0),
        "total_rows": float(told.counts.total),
        "rejects": float(told.counts.rejects),
        "batches": float(len(seconds)),
        "duration_seconds": told.duration_s,
        **_waited(execution, known, step),
    }


def _kept(known: Known, step: str | None, name: str) -> list[float]:
    """Figures kept before: the step's own, or those of all steps."""
    return [v for (at, n), v in known.items() if n == name and (at == step or step is None)]


def _waited(execution: Context, known: Known, step: str | None) -> dict[str, float]:
    """A step's attempts add up, and so do the steps; of the whole there was nothing else."""
    if step is None:
        each = [v for (at, name), v in known.items() if name == WAITED and at is not None]
        return {WAITED: sum(each)} if each else {}
    now = execution.waits.take()
    return {} if now is None else {WAITED: now + sum(_kept(known, step, WAITED))}


def _reject_rate(counts: Counts) -> float:
    return counts.rejects / counts.total if counts.total else 0.0


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {f"batch_seconds_p{p}": percentile(seconds, p / 100) for p in (50, 95)}


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    rank = -(-len(ordered) * round(share * 100) // 100)
    return ordered[max(rank, 1) - 1]


def peak_memory_mb() -> float:
    """The most memory this process has had, in MB."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / _MB
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _MB if sys.platform == "darwin" else peak / 1024
