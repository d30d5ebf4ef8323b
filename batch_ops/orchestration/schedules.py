"""Declared schedules. They are stopped until somebody starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from batch_ops.spec.model import Operation


def operation_schedule(operation: Operation) -> dg.ScheduleDefinition | None:
    """The schedule of an operation that declares one.

    A tick has no run key: Dagster would refuse the same key for ever, also a tick that is to be
    done again. Whether something was done before, the journal knows.
    """
    if operation.schedule is None:
        return None
    config = {"confirm": True} if operation.schedule.confirm else {}

    def tick(_context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_config=config)

    return dg.ScheduleDefinition(
        name=f"{operation.name}_schedule",
        job_name=operation.name,
        cron_schedule=operation.schedule.cron,
        execution_timezone=operation.schedule.timezone,
        execution_fn=tick,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=operation.description or None,
    )
