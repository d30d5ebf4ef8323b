"""What Dagster shows of an execution: counters to plot, tables of plan and rejects, links."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ops.engine import rejects_of

if TYPE_CHECKING:
    from batch_ops.engine import ChunkInfo, Project
    from batch_ops.events import ChunkCompleted
    from batch_ops.results import Counts, Reject, Result, StepResult

Metadata = dict[str, Any]

SAMPLE = 20


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


def of_event(event: ChunkCompleted) -> Metadata:
    """A chunk that was completed just now."""
    seconds = (event.completed_at - event.started_at).total_seconds()
    return {
        **_counters(event.counts),
        "batches": event.batches,
        "rows_per_second": round(event.counts.total / seconds, 1) if seconds > 0 else 0.0,
        "started_at": dg.MetadataValue.timestamp(event.started_at),
        "completed_at": dg.MetadataValue.timestamp(event.completed_at),
        "batch_ops/execution": event.execution_id,
    }


def of_chunk(execution_id: str, chunk: ChunkInfo) -> Metadata:
    """A chunk that was completed before, as the journal has it."""
    return {**_counters(chunk.counts), "batch_ops/execution": execution_id}
