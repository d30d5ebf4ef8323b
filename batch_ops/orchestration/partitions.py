"""The chunk keys that stand in Dagster as partitions of the step assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine import result_of
from batch_ops.errors import UnknownNameError
from batch_ops.orchestration.names import chunk_owner, partitions_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagster import DagsterInstance

    from batch_ops.engine import Project
    from batch_ops.results import Result
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


def take_out(instance: DagsterInstance, name: str, keys: Sequence[str]) -> None:
    """Delete the partition keys that are there."""
    for key in set(instance.get_dynamic_partitions(name)).intersection(keys):
        instance.delete_dynamic_partition(name, key)


def forget_old(project: Project, instance: DagsterInstance, operation: Operation) -> None:
    """Delete the keys of executions that finished long ago; unfinished ones keep theirs."""
    for step in operation.steps:
        name = partitions_name(operation, step.name)
        keys = instance.get_dynamic_partitions(name)
        old = _old(project, {chunk_owner(key) for key in keys})
        for key in keys:
            if chunk_owner(key) in old:
                instance.delete_dynamic_partition(name, key)


def _old(project: Project, owners: set[str]) -> set[str]:
    """Of executions, by the start of their ids, those that finished before the newest KEPT.

    One that no journal knows stays: it may be unfinished in a database that is not looked at now.
    """
    if len(owners) <= KEPT:
        return set()
    known = [result for owner in owners if (result := _find(project, owner)) is not None]
    finished = [result for result in known if result.status.finished]
    finished.sort(key=lambda result: str(result.started_at), reverse=True)
    return {chunk_owner(result.execution_id) for result in finished[KEPT:]}


def _find(project: Project, owner: str) -> Result | None:
    try:
        return result_of(project, owner)
    except UnknownNameError:
        return None
