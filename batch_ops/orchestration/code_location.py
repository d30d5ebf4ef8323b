"""A project as a Dagster code location."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from batch_ops.orchestration.assets import operation_asset
from batch_ops.orchestration.jobs import operation_job
from batch_ops.orchestration.schedules import operation_schedule
from batch_ops.orchestration.sensors import folder_sensor, reconcile_sensor
from batch_ops.orchestration.steps import step_assets

if TYPE_CHECKING:
    from batch_ops.engine import Project


def definitions_from(project: Project) -> dg.Definitions:
    """Every operation of the project as assets, a job, and what it declares to start it.

    Runs are executed in their own process by one lane of Dagster; the engine has its own lanes.
    """
    operations = project.catalog.operations
    schedules = [operation_schedule(operation) for operation in operations]
    sensors = [folder_sensor(project, operation) for operation in operations]
    return dg.Definitions(
        assets=[
            *(operation_asset(project, operation) for operation in operations),
            *(asset for operation in operations for asset in step_assets(project, operation)),
        ],
        jobs=[operation_job(operation) for operation in operations],
        schedules=[schedule for schedule in schedules if schedule is not None],
        sensors=[*(s for s in sensors if s is not None), reconcile_sensor(project)],
        executor=dg.in_process_executor,
    )
