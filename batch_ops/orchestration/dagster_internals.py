"""Every call into Dagster's private modules stands here: they may change with any release.

Dagster has no public way to execute a run in this process that its UI can execute again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.events import RunFailureReason
from dagster._core.execution.api import execute_run
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagster as dg

MODULE = "batch_ops.definitions"
VARIABLE = "defs"
REPOSITORY = "__repository__"
_LOCATION_TAG = "dagster/code_location"
_SLOTS = "batch_ops/slots/{}"


SQLITE_STORAGE = "DagsterSqliteStorage"


def storage_of(home: str) -> tuple[str, Mapping[str, Any]]:
    """The class by which a home's settings store runs, and what it is told; opens nothing."""
    found = InstanceRef.from_dir(home).storage_data
    if found is None:
        return "an instance of its own class", {}
    return found.class_name, yaml.safe_load(found.config_yaml) or {}


def leave_output_alone(instance: dg.DagsterInstance) -> None:
    """Do not capture this process's output into Dagster's logs: a terminal belongs to the shell,
    and the capture would start two more processes.
    """
    manager = NoOpComputeLogManager()
    instance._compute_log_manager = manager  # noqa: SLF001
    manager.register_instance(instance)


def create_run(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    run_id: str,
    run_config: Mapping[str, Any],
    tags: Mapping[str, str],
    location: str,
    folder: str,
    parent: dg.DagsterRun | None,
) -> dg.DagsterRun:
    """A run of the job, not started, that the UI takes for one of its own.

    Args:
        instance: where it is kept.
        job: of the code location.
        run_id: a new UUID.
        run_config: of the job.
        tags: of the run.
        location: the code location's name in the workspace.
        folder: the working directory its code is loaded from.
        parent: the run it goes on with.
    """
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), REPOSITORY)
    repository = ReconstructableRepository.for_module(MODULE, VARIABLE, working_directory=folder)
    code_origin = repository.get_reconstructable_job(job.name).get_python_origin()
    lineage, root = {}, None
    if parent is not None:
        root = parent.root_run_id or parent.run_id
        lineage = {"dagster/root_run_id": root, "dagster/parent_run_id": parent.run_id}
    return instance.create_run_for_job(
        job_def=job,
        run_id=run_id,
        run_config=run_config,
        tags={**tags, **lineage, _LOCATION_TAG: location},
        root_run_id=root,
        parent_run_id=parent.run_id if parent else None,
        remote_job_origin=origin.get_job_origin(job.name),
        job_code_origin=code_origin,
    )


def execute(instance: dg.DagsterInstance, job: dg.JobDefinition, run: dg.DagsterRun) -> None:
    """Execute the run in this process; its end is in its status, nothing is raised for steps."""
    execute_run(InMemoryJob(job), run, instance, raise_on_error=False)


def failed_because(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Why a run failed; None when it did not, or when a signal ended it."""
    events = instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)
    event = events[-1].dagster_event if events else None
    if event is None:
        return None
    data = event.job_failure_data
    if data.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION:
        return None
    step = data.first_step_failure_event
    error = step.step_failure_data.error if step else data.error
    return error.message.strip() if error else event.message


def paused(instance: dg.DagsterInstance, pool: str) -> bool:
    """Whether the pool has no slot: its runs are held."""
    limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
    return limits.get(pool) == 0


def hold(instance: dg.DagsterInstance, pool: str) -> None:
    """Take all slots from a pool: the queue starts none of its runs. How many it had is kept."""
    if paused(instance, pool):
        return
    limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
    before = limits.get(pool)
    kept = "" if before is None else str(before)
    instance.daemon_cursor_storage.set_cursor_values({_SLOTS.format(pool): kept})
    instance.event_log_storage.set_concurrency_slots(pool, 0)


def let_go(instance: dg.DagsterInstance, pool: str) -> None:
    """Give a pool that was held its slots back."""
    if not paused(instance, pool):
        return
    key = _SLOTS.format(pool)
    kept = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    if kept:
        instance.event_log_storage.set_concurrency_slots(pool, int(kept))
    else:
        instance.event_log_storage.delete_concurrency_limit(pool)


def cancel_queued(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Take a run out of the queue; False: it is not there any more."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status is not DagsterRunStatus.QUEUED:
        return False
    return bool(instance.run_coordinator.cancel_run(run_id))
