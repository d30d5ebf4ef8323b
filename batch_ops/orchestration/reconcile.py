"""Making Dagster show what the journal knows. The journal is the truth; Dagster may have missed
the end of a process, or lost its storage.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import dagster as dg

from batch_ops.engine import history
from batch_ops.engine.reading import chunk_infos, find
from batch_ops.orchestration import checks, metadata
from batch_ops.orchestration.names import EXECUTION_TAG, OPERATION_TAG, partitions_name, step_key
from batch_ops.orchestration.partitions import KEPT, add_keys, take_out
from batch_ops.orchestration.processes import is_dead
from batch_ops.results import AFTER, Status

if TYPE_CHECKING:
    from batch_ops.engine import ChunkInfo, Project
    from batch_ops.results import Result
    from batch_ops.spec.model import Operation

GOING_ON = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


NEWEST = 100
"""Executions that are looked at once a minute."""


def show(project: Project, instance: dg.DagsterInstance, result: Result) -> None:
    """Chunks that Dagster does not know or does not show as done are added and reported; those that
    will never be done, of an execution that was cancelled, are taken out.
    """
    declared = {operation.name: operation for operation in project.catalog.operations}
    if result.operation not in declared:
        return
    operation = declared[result.operation]
    known = {step.name for step in operation.steps}
    for step in result.steps:
        if step.chunks.total and step.name in known:
            _show_step(project, instance, operation, result, step.name)


def show_again(project: Project, instance: dg.DagsterInstance, result: Result) -> None:
    """The same for an execution that had ended and was changed since: its checks are told anew."""
    show(project, instance, result)
    declared = {operation.name: operation for operation in project.catalog.operations}
    if result.status.finished and result.operation in declared:
        operation = declared[result.operation]
        known = {check.name for check in operation.postconditions}
        after = [c for c in result.checks if c.phase == AFTER and c.name in known]
        for told in (*checks.judged(operation, after), checks.rejects(operation, result)):
            instance.report_runless_asset_event(told)


def _show_step(
    project: Project,
    instance: dg.DagsterInstance,
    operation: Operation,
    result: Result,
    step: str,
) -> None:
    execution_id = result.execution_id
    chunks = chunks_of(project, execution_id, step)
    name = partitions_name(operation, step)
    if result.status is Status.CANCELLED:
        take_out(instance, name, [chunk.key for chunk in chunks if not chunk.completed])
        chunks = tuple(chunk for chunk in chunks if chunk.completed)
    add_keys(instance, name, [chunk.key for chunk in chunks])
    asset = step_key(operation, step)
    shown = instance.get_materialized_partitions(asset)
    for chunk in chunks:
        if chunk.completed and chunk.key not in shown:
            told = metadata.of_chunk(operation.step(step), execution_id, chunk)
            event = dg.AssetMaterialization(asset, partition=chunk.key, metadata=told)
            instance.report_runless_asset_event(event)


def chunks_of(project: Project, execution_id: str, step: str) -> tuple[ChunkInfo, ...]:
    """The chunks of a step without working on its execution."""
    journal, row = find(project, execution_id)
    return chunk_infos(journal, row.id, step)


def close_dead_runs(instance: dg.DagsterInstance, execution_id: str | None = None) -> int:
    """Runs that say they go on though their process is gone are closed; how many."""
    tags = {EXECUTION_TAG: execution_id} if execution_id else {}
    runs = instance.get_runs(dg.RunsFilter(statuses=GOING_ON, tags=tags))
    dead = [run for run in runs if OPERATION_TAG in run.tags and is_dead(run)]
    for run in dead:
        instance.report_run_failed(run, f"Its process is gone (noticed by {os.getpid()}).")
    return len(dead)


def everything(project: Project, instance: dg.DagsterInstance) -> int:
    """Close dead runs (how many), and show the executions whose chunks are to be seen."""
    closed = close_dead_runs(instance)
    finished: Counter[str] = Counter()
    for result in history(project, limit=NEWEST):
        finished[result.operation] += result.status.finished
        if not result.status.finished or finished[result.operation] <= KEPT:
            show(project, instance, result)
    return closed
