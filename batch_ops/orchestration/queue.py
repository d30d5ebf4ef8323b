"""Dagster's run queue as far as operations stand in it: what waits, in which order it starts, and
holding all of it back. The queue is Dagster's; its daemon starts what it holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import mean
from typing import TYPE_CHECKING

import dagster as dg

from batch_ops.errors import UnknownNameError, UsageError
from batch_ops.orchestration import dagster_internals
from batch_ops.orchestration.names import OPERATION_TAG, POOL

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIORITY_TAG = "dagster/priority"
SHORT = 8
"""Letters of a run's id that are told."""
_AT_WORK = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_LOOKED_AT = 100
"""The newest runs, of which the mean time is told."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run of an operation that waits to be started.

    Attributes:
        priority: the higher one starts first; of equal ones the older one.
        since: when it was put into the queue.
    """

    run_id: str
    operation: str
    priority: int
    since: datetime

    @property
    def short_id(self) -> str:
        return self.run_id[:SHORT]


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The queue in figures, of operations alone.

    Attributes:
        mean_s: of the newest runs that succeeded, from start to end; None: there are none.
        paused: whether the queue holds back what waits.
    """

    waiting: int
    running: int
    completed: int
    failed: int
    cancelled: int
    mean_s: float | None
    paused: bool


def waiting(instance: dg.DagsterInstance) -> list[Waiting]:
    """What waits, in the order in which it starts as long as nothing else comes."""
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]), ascending=True
    )
    found = [_waiting(record) for record in records if OPERATION_TAG in record.dagster_run.tags]
    return sorted(found, key=lambda each: -each.priority)


def find(instance: dg.DagsterInstance, run_id: str) -> Waiting:
    """The waiting run of that id, or whose id begins so.

    Raises:
        UnknownNameError: none waits.
        UsageError: several begin so.
    """
    return _chosen(waiting(instance), run_id)


def _chosen(there: Sequence[Waiting], run_id: str) -> Waiting:
    found = [each for each in there if each.run_id.startswith(run_id)]
    if not found:
        raise UnknownNameError("waiting run", run_id, [each.short_id for each in there])
    if len(found) > 1:
        named = ", ".join(each.run_id for each in found)
        raise UsageError(f"Several waiting runs begin with {run_id!r}.", todo=f"Which: {named}")
    return found[0]


def boost(instance: dg.DagsterInstance, run_id: str, priority: int | None = None) -> Waiting:
    """Give a waiting run another priority.

    priority: None: one that lets it start next.

    Raises:
        UnknownNameError, UsageError: as `find`.
    """
    there = waiting(instance)
    chosen = _chosen(there, run_id)
    if priority is None:
        priority = max(each.priority for each in there) + 1
    instance.add_run_tags(chosen.run_id, {PRIORITY_TAG: str(priority)})
    return replace(chosen, priority=priority)


def cancel(instance: dg.DagsterInstance, run_id: str) -> Waiting:
    """Take a waiting run out of the queue: it never starts.

    Raises:
        UnknownNameError, UsageError: as `find`; it was started a moment ago.
    """
    chosen = find(instance, run_id)
    if not dagster_internals.cancel_queued(instance, chosen.run_id):
        raise UsageError(
            f"Run {chosen.short_id} of {chosen.operation} does not wait any more.",
            todo="Terminate it in Dagster, or `batch-ops cancel` its execution.",
        )
    return chosen


def pause(instance: dg.DagsterInstance) -> None:
    """Hold back what waits until `resume`, also over a restart of the daemon; what runs goes on."""
    dagster_internals.hold(instance, POOL)


def resume(instance: dg.DagsterInstance) -> None:
    """Start again what waits, with as many slots as there were."""
    dagster_internals.let_go(instance, POOL)


def stats(instance: dg.DagsterInstance, operations: Sequence[str]) -> QueueStats:
    """How full it is, and what became of what has left it; of these operations."""

    def of(*statuses: dg.DagsterRunStatus) -> dg.RunsFilter:
        return dg.RunsFilter(statuses=list(statuses), tags={OPERATION_TAG: list(operations)})

    succeeded = of(dg.DagsterRunStatus.SUCCESS)
    newest = instance.get_run_records(succeeded, limit=_LOOKED_AT)
    seconds = [r.end_time - r.start_time for r in newest if r.start_time and r.end_time]
    return QueueStats(
        waiting=instance.get_runs_count(of(dg.DagsterRunStatus.QUEUED)),
        running=instance.get_runs_count(of(*_AT_WORK)),
        completed=instance.get_runs_count(succeeded),
        failed=instance.get_runs_count(of(dg.DagsterRunStatus.FAILURE)),
        cancelled=instance.get_runs_count(of(dg.DagsterRunStatus.CANCELED)),
        mean_s=mean(seconds) if seconds else None,
        paused=dagster_internals.paused(instance, POOL),
    )


def _waiting(record: dg.RunRecord) -> Waiting:
    run = record.dagster_run
    priority = run.tags.get(PRIORITY_TAG, "0")
    return Waiting(
        run.run_id,
        run.tags[OPERATION_TAG],
        int(priority) if priority.lstrip("-").isdecimal() else 0,
        record.create_timestamp.replace(tzinfo=UTC),
    )
