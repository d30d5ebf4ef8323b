"""The engine alone, from beginning to end: what every door does, without Dagster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.engine.joining import join
from batch_ops.engine.opening import begin
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.errors import BatchOpsError
from batch_ops.events import Listener, silent
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.engine.execution import Execution
    from batch_ops.engine.project import Project
    from batch_ops.results import Result


def run(
    project: Project,
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    options: RunOptions = RunOptions(),
    launch: Launch | None = None,
    listen: Listener = silent,
) -> Result:
    """Run an operation from its beginning.

    Returns:
        The result of everything that began; its status tells whether it reached its end.

    Raises:
        UsageError, RefusedError: no row was written.
        KeyboardInterrupt: after the batch under way; the execution is `stopped` and resumable.
    """
    execution = begin(project, operation, parameters, options=options, launch=launch, listen=listen)
    return go(execution)


def resume(
    project: Project,
    execution_id: str,
    *,
    options: RunOptions = RunOptions(),
    launch: Launch | None = None,
    listen: Listener = silent,
) -> Result:
    """Go on with an execution that began and has not ended. Raises and returns like `run`."""
    execution = join(
        project,
        execution_id,
        options=options,
        launch=launch,
        listen=listen,
        exclusive=True,
    )
    return go(execution)


def go(execution: Execution) -> Result:
    """All that is left of an execution; a step that is finished is passed over."""
    try:
        execution.judge()
        while (step := execution.next_step) is not None:
            execution.plan_step(step)
            execution.run_step(step)
            execution.finish_step(step)
        return execution.finish()
    except BatchOpsError as error:
        result = execution.abort(error)
        if result.status is Status.REFUSED:
            raise
        return result
    except BaseException as error:
        execution.abort(error)
        raise
