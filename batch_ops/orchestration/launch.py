"""The shell's way to Dagster: the operation's own job, executed in this process, shown in the UI
like every other run of it.
"""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import yaml
from sqlalchemy.exc import SQLAlchemyError
from yaml import YAMLError

from batch_ops.engine import Launch, RunOptions, begin, join, result_of
from batch_ops.errors import EngineFault, ExecutionError, RefusedError, UsageError
from batch_ops.events import silent
from batch_ops.orchestration import dagster_internals, processes, reconcile, settings
from batch_ops.orchestration.code_location import definitions_from
from batch_ops.orchestration.handover import Launcher, driving
from batch_ops.orchestration.names import EXECUTION_TAG, OPERATION_TAG, POOL, VIA_TAG
from batch_ops.orchestration.watch import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from batch_ops.engine import Execution, Project
    from batch_ops.events import Listener
    from batch_ops.results import Result

_HOME = "DAGSTER_HOME"
_DEFAULT_LOCATION = "batch_ops"


def launch_run(
    project: Project,
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008  (frozen)
    launch: Launch | None = None,
    listen: Listener = silent,
) -> Result:
    """Run an operation through Dagster, in this process.

    Raises:
        UsageError, RefusedError: as the engine's `run`; nothing was written.
        KeyboardInterrupt: a signal ended it; the journal and the run say so.
    """
    declared = project.catalog.operation(operation)
    config = settings.write(declared, parameters or {}, options)
    with instance_of(project) as instance:
        _refuse_paused(instance)
        run_id = str(uuid.uuid4())
        launch = replace(launch or Launch(), run_id=run_id)
        execution = begin(
            project, operation, parameters, options=options, launch=launch, listen=listen
        )
        launcher = Launcher(run_id, execution.id, launch, options, listen)
        hidden = any(entity.hidden for entity in execution.entities.values())
        config = settings.with_short_lists(config, execution.id, hidden=hidden)
        return _drive(project, instance, execution, launcher, config)


def launch_resume(
    project: Project,
    execution_id: str,
    *,
    options: RunOptions = RunOptions(),  # noqa: B008  (frozen)
    launch: Launch | None = None,
    listen: Listener = silent,
) -> Result:
    """Go on with an execution through Dagster, as a child of the run it began with.

    Raises:
        UnknownNameError, UsageError, RefusedError: as the engine's `resume`.
        KeyboardInterrupt: a signal ended it; the journal and the run say so.
    """
    result = result_of(project, execution_id)
    declared = project.catalog.operation(result.operation)
    launch = launch or Launch()
    with instance_of(project) as instance:
        _refuse_paused(instance)
        execution = join(
            project,
            result.execution_id,
            options=options,
            launch=launch,
            listen=listen,
            exclusive=True,
        )
        launcher = Launcher(str(uuid.uuid4()), execution.id, launch, options, listen)
        parent = instance.get_run_by_id(result.run_id) if result.run_id else None
        config = settings.known(declared, settings.flat(declared, parent)) if parent else {}
        config |= settings.write_options(options) | {"execution_id": execution.id}
        return _drive(project, instance, execution, launcher, config, parent)


def show(project: Project, result: Result) -> None:
    """Let Dagster show an execution as it is in the journal."""
    with instance_of(project) as instance:
        reconcile.show(project, instance, result)


@contextmanager
def showing(project: Project) -> Iterator[Callable[[Result], None]]:
    """What lets Dagster show a retried execution as it is in the journal, with its checks. The
    instance is opened at once: what is wrong with it is known before anything is done.
    """
    with instance_of(project) as instance:
        yield lambda result: reconcile.show_again(project, instance, result)


def _drive(
    project: Project,
    instance: dg.DagsterInstance,
    execution: Execution,
    launcher: Launcher,
    config: settings.Config,
    parent: dg.DagsterRun | None = None,
) -> Result:
    """Create the run, execute it, and tell its end as the engine would have."""
    try:
        job, run = _create(project, instance, execution, launcher, config, parent)
    except BaseException as error:
        execution.abort(error)
        raise
    try:
        with driving(launcher), watching(instance, launcher, project.break_off) as watch:
            dagster_internals.execute(instance, job, run)
        interrupted = _close(instance, execution, launcher)
    except BaseException as error:
        execution.abort(error)
        raise
    if interrupted and not watch.terminated:
        raise KeyboardInterrupt
    return _end(execution, launcher)


def _create(
    project: Project,
    instance: dg.DagsterInstance,
    execution: Execution,
    launcher: Launcher,
    config: settings.Config,
    parent: dg.DagsterRun | None,
) -> tuple[dg.JobDefinition, dg.DagsterRun]:
    reconcile.close_dead_runs(instance, execution.id)
    job = definitions_from(project).resolve_job_def(execution.operation.name)
    tags = {
        OPERATION_TAG: execution.operation.name,
        EXECUTION_TAG: execution.id,
        VIA_TAG: launcher.launch.via,
        **processes.tags(launcher.run_id),
    }
    with driving(launcher):
        run = dagster_internals.create_run(
            instance,
            job,
            launcher.run_id,
            config,
            tags,
            location_name(project.folder),
            str(project.folder),
            parent,
        )
    return job, run


def _close(instance: dg.DagsterInstance, execution: Execution, launcher: Launcher) -> bool:
    """Whether the run was interrupted. Where no op could take the interrupt or the error, between
    two of them or before the first, the execution and the run are ended here.
    """
    run = instance.get_run_by_id(launcher.run_id)
    if run is None or run.status is dg.DagsterRunStatus.SUCCESS or launcher.error is not None:
        return False
    fault = dagster_internals.failed_because(instance, launcher.run_id)
    if fault is not None and not launcher.interrupted:
        launcher.error = EngineFault(f"The Dagster run failed: {fault}", execution_id=execution.id)
        launcher.result = execution.abort(launcher.error)
        return False
    if launcher.result is None:
        execution.abort(KeyboardInterrupt())
    if run.status is not dg.DagsterRunStatus.CANCELED:
        instance.report_run_canceled(run, "Interrupted.")
    return True


def _end(execution: Execution, launcher: Launcher) -> Result:
    """The result, or the error that kept it from beginning."""
    if launcher.error is None:
        return execution.result()
    if launcher.result is None or not isinstance(launcher.error, ExecutionError):
        raise launcher.error
    return launcher.result


def _refuse_paused(instance: dg.DagsterInstance) -> None:
    if dagster_internals.paused(instance, POOL):
        raise RefusedError(
            f"The queue is paused: the pool {POOL!r} has no slot.",
            todo="Let it go on: batch-ops queue resume. Without Dagster: --no-dagster.",
        )


@contextmanager
def instance_of(project: Project) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the project folder, or of DAGSTER_HOME."""
    home = os.environ.get(_HOME) or str(project.folder)
    with _opened(home) as instance:
        dagster_internals.leave_output_alone(instance)
        yield instance


def _opened(home: str) -> dg.DagsterInstance:
    try:
        instance = dg.DagsterInstance.from_config(home)
        instance.get_runs_count()
    except (dg.DagsterError, OSError, YAMLError, SQLAlchemyError) as error:
        first = str(error).strip().splitlines()[0]
        raise UsageError(
            f"Dagster's instance in {home} cannot be opened: {first}",
            todo="Mend its dagster.yaml and storage, or use --no-dagster.",
        ) from error
    return instance


def location_name(folder: Path) -> str:
    """The code location's name in the folder's workspace.yaml; the UI finds runs by it."""
    file = folder / "workspace.yaml"
    said = yaml.safe_load(file.read_text("utf-8")) if file.is_file() else None
    for entry in (said or {}).get("load_from", []):
        target = entry.get("python_module", {})
        module = target if isinstance(target, str) else target.get("module_name")
        if module == dagster_internals.MODULE:
            name = None if isinstance(target, str) else target.get("location_name")
            return str(name or module)
    return _DEFAULT_LOCATION
