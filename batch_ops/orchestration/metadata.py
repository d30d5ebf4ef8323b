"""What Dagster shows of an execution: counters to plot, tables of plan and rejects, links."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ops.engine import rejects_of
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from batch_ops.engine import ChunkInfo, Project
    from batch_ops.events import ChunkCompleted
    from batch_ops.results import Counts, Reject, Result, StepResult
    from batch_ops.spec.model import Step

Metadata = dict[str, Any]

SAMPLE = 20

_USUAL = {
    StepKind.SELECT: ("total", "selected"),
    StepKind.INSERT: ("total", "created", "invalid", "failed"),
    StepKind.UPDATE: ("total", "updated", "unchanged", "failed"),
    StepKind.UPSERT: ("total", "created", "updated", "unchanged", "invalid", "failed"),
    StepKind.DELETE: ("total", "deleted", "failed"),
    StepKind.FUNCTION: ("total", "selected", "failed"),
}


def of_result(project: Project, result: Result) -> Metadata:
    """Everything about an execution. Numbers stand on every materialization, so they plot."""
    told: Metadata = {
        **_counters(result.counts),
        "rejects": result.counts.rejects,
        "rows_per_second": round(result.rows_per_s, 1),
        "duration_s": round(result.duration_s, 3),
        "chunks": result.chunks.total,
        "batch_ops/execution": result.execution_id,
        "batch_ops/status": str(result.status),
        "plan": _plan(result.steps),
    }
    if result.run_id:
        told["batch_ops/run"] = dg.MetadataValue.dagster_run(result.run_id)
    if result.counts.rejects:
        told["rejects_sample"] = _sample(project, result.execution_id)
    return told


def _counters(counts: Counts) -> Metadata:
    return dict(counts.to_dict())


def _plan(steps: tuple[StepResult, ...]) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord(
            {
                "step": step.name,
                "kind": step.kind,
                "chunks": step.chunks.total,
                "planned_rows": step.planned_rows or 0,
                "rows": step.counts.total,
                "seconds": round(step.duration_s, 3),
            }
        )
        for step in steps
    ]
    return _table(records, ("step", "kind"), ("chunks", "planned_rows", "rows", "seconds"))


def _sample(project: Project, execution_id: str) -> dg.TableMetadataValue:
    rejects = islice(rejects_of(project, execution_id, limit=SAMPLE), SAMPLE)
    texts = ("key", "column", "value", "code", "message")
    return _table([_reject(reject) for reject in rejects], texts, ("row",))


def _reject(reject: Reject) -> dg.TableRecord:
    key = ", ".join(f"{name}={value}" for name, value in (reject.key or {}).items())
    return dg.TableRecord(
        {
            "row": reject.row,
            "key": key,
            "column": reject.column,
            "value": reject.value,
            "code": reject.code,
            "message": reject.message,
        }
    )


def _table(
    records: list[dg.TableRecord], texts: tuple[str, ...], numbers: tuple[str, ...]
) -> dg.TableMetadataValue:
    columns = [dg.TableColumn(name, "string") for name in texts]
    columns += [dg.TableColumn(name, "float") for name in numbers]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def of_chunk(step: Step, execution_id: str, chunk: ChunkInfo | ChunkCompleted) -> Metadata:
    """A completed chunk, just now or as the journal has it.

    Counters its kind of step never counts are left out: their plots would be flat.
    """
    usual = _USUAL[step.kind]
    counts = {n: v for n, v in chunk.counts.to_dict().items() if v or n in usual}
    told: Metadata = {**counts, "batches": chunk.batches, "batch_ops/execution": execution_id}
    if chunk.started_at is not None and chunk.completed_at is not None:
        seconds = (chunk.completed_at - chunk.started_at).total_seconds()
        told["rows_per_second"] = round(chunk.counts.total / seconds, 1) if seconds > 0 else 0.0
        told["started_at"] = dg.MetadataValue.timestamp(chunk.started_at)
        told["completed_at"] = dg.MetadataValue.timestamp(chunk.completed_at)
    return told
