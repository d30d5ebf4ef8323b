"""Declared folder sensors, and the one that keeps Dagster in step with the journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg

from batch_ops.orchestration import reconcile

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops.spec.model import FolderSensor, Operation

INTERVAL_S = 30
RECONCILE_S = 60

Stamp = list[int]
"""Size and modification time in nanoseconds."""


def folder_sensor(project: Project, operation: Operation) -> dg.SensorDefinition | None:
    """Starts the operation for each new or changed file of a folder; None when not declared.

    A file is taken when its size and time stood still for one tick: before, somebody still writes
    it. The cursor keeps what was seen and what was started, so a file that changes later starts
    again, and no run key blocks it.
    """
    declared = operation.sensor
    if declared is None:
        return None

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        seen, started = _read(context.cursor)
        now = _stamps(project.folder, declared)
        ready = [p for p, stamp in now.items() if seen.get(p) == stamp != started.get(p)]
        started = {p: s for p, s in started.items() if p in now} | {p: now[p] for p in ready}
        confirmed = {"confirm": True} if declared.confirm else {}
        requests = [dg.RunRequest(run_config={"source_path": p, **confirmed}) for p in ready]
        return dg.SensorResult(requests, cursor=_write(now, started))

    return dg.SensorDefinition(
        name=f"{operation.name}_sensor",
        job_name=operation.name,
        evaluation_fn=tick,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"New files {declared.pattern} in {declared.folder} start {operation.name}.",
    )


def _stamps(base: Path, sensor: FolderSensor) -> dict[str, Stamp]:
    """The folder's files with their stamps; one that vanishes meanwhile is left out."""
    stamps: dict[str, Stamp] = {}
    for path in sorted((base / sensor.folder).glob(sensor.pattern)):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            stamps[str(path)] = [status.st_size, status.st_mtime_ns]
    return stamps


def _read(cursor: str | None) -> tuple[dict[str, Stamp], dict[str, Stamp]]:
    known = json.loads(cursor) if cursor else {}
    return known.get("seen", {}), known.get("started", {})


def _write(seen: dict[str, Stamp], started: dict[str, Stamp]) -> str:
    return json.dumps({"seen": seen, "started": started})


def reconcile_sensor(project: Project) -> dg.SensorDefinition:
    """Once a minute: closes runs whose process is gone, shows what the journal knows."""

    def tick(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        closed = reconcile.everything(project, context.instance)
        return dg.SkipReason(f"{closed} dead runs were closed." if closed else "All is in step.")

    return dg.SensorDefinition(
        name="batch_ops_reconcile",
        evaluation_fn=tick,
        minimum_interval_seconds=RECONCILE_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Closes runs whose process is gone and shows what the journal knows.",
    )
