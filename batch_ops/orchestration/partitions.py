"""The chunk keys that stand in Dagster as partitions of the step assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine import history
from batch_ops.orchestration.names import chunk_owner, partitions_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagster import DagsterInstance

    from batch_ops.engine import Project
    from batch_ops.spec.model import Operation

SLICE = 500
"""Keys added with one statement: SQLite limits the variables of one."""

KEPT = 10
"""Finished executions whose chunks stay visible, per step."""


def add_keys(instance: DagsterInstance, name: str, keys: Sequence[str]) -> None:
    """Add the partition keys that are missing, in their order."""
    known = set(instance.get_dynamic_partitions(name))
    missing = [key for key in keys if key not in known]
    for start in range(0, len(missing), SLICE):
        instance.add_dynamic_partitions(name, missing[start : start + SLICE])


def forget_old(project: Project, instance: DagsterInstance, operation: Operation) -> None:
    """Delete the keys of executions that finished long ago; unfinished ones keep theirs."""
    kept = _kept(project, operation)
    for step in operation.steps:
        name = partitions_name(operation, step.name)
        for key in instance.get_dynamic_partitions(name):
            if chunk_owner(key) not in kept:
                instance.delete_dynamic_partition(name, key)


def _kept(project: Project, operation: Operation) -> set[str]:
    results = [r for r in history(project, limit=None) if r.operation == operation.name]
    finished = [r for r in results if r.status.finished and r.chunks.total][:KEPT]
    unfinished = [r for r in results if not r.status.finished]
    return {chunk_owner(r.execution_id) for r in (*finished, *unfinished)}
