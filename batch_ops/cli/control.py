"""`batch-ops pause` and `batch-ops cancel`: stopping what another process does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from batch_ops.cli import summary
from batch_ops.cli.look import abandoned
from batch_ops.cli.options import Common, Dagster, said
from batch_ops.cli.project import project
from batch_ops.cli.say import Say
from batch_ops.errors import UsageError
from batch_ops.observers import words
from batch_ops.results import Status

if TYPE_CHECKING:
    from batch_ops.engine import Project
    from batch_ops.results import Result

LOOK_EVERY_S = 0.2
Execution = Annotated[str, Parameter(help="Its id or the start of it.")]
Wait = Annotated[
    bool,
    Parameter(
        name="--wait",
        show_default=False,
        help="Wait until it has been heard (the default), or only ask.",
    ),
]


def pause(
    execution: Execution,
    /,
    *,
    wait: Wait = True,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Stop an execution after the batch under way; `resume` goes on."""
    from batch_ops.engine import pause as ask

    say = Say(common)
    with project() as found:
        result = ask(found, execution)
        if wait:
            result = _heard(say, found, result)
        _refuse_ended(result, Status.PAUSED)
        _tell(say, result)
    return 0


def cancel(
    execution: Execution,
    /,
    *,
    take_over: Annotated[
        bool,
        said("The process that works on it is gone: my word."),
    ] = False,
    wait: Wait = True,
    dagster: Dagster = True,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """End an execution for good: what was written stays, the rest is not done."""
    from batch_ops.engine import cancel as ask

    say = Say(common)
    with project() as found:
        result = ask(found, execution, take_over=take_over)
        while wait and result.status is Status.RUNNING:
            result = _heard(say, found, result)
            if result.status is Status.RUNNING:  # whoever was asked has died
                result = ask(found, result.execution_id)
        _refuse_ended(result, Status.CANCELLED)
        if dagster and result.status is Status.CANCELLED:
            from batch_ops.orchestration.launch import show

            show(found, result)
        _tell(say, result)
    return 0


def _heard(say: Say, found: Project, result: Result) -> Result:
    """The execution once it has stopped, or nobody works on it any more."""
    from batch_ops.engine import result_of

    if result.status is Status.RUNNING and not say.common.quiet:
        say.err.print("It stops after the batch under way. (Ctrl-C: do not wait for it.)")
    left = False
    while result.status is Status.RUNNING and not left:
        time.sleep(LOOK_EVERY_S)
        left = abandoned(found, result)  # asked first: who ends meanwhile has told how
        result = result_of(found, result.execution_id)
    return result


def _refuse_ended(result: Result, wanted: Status) -> None:
    """It reached its end before it heard."""
    if result.status.finished and result.status is not wanted:
        raise UsageError(
            f"{result.operation} ended before it was heard: it is {result.status}.",
            todo=f"See what it did: batch-ops status {summary.short(result.execution_id)}",
            execution_id=result.execution_id,
        )


def _tell(say: Say, result: Result) -> None:
    say.data(result.to_dict())
    if say.common.json or say.common.quiet:
        return
    say.print(summary.head(result))
    if result.status is Status.RUNNING:
        say.print("It has been asked to stop after the batch under way.")
    elif result.status is Status.CANCELLED:
        left = result.chunks.total - result.chunks.completed
        told = f"What was committed stays: {words.outcomes(result.counts)}"
        say.print(f"{told}; {left:,} of {result.chunks.total:,} planned chunks are not done.")
    command = summary.next_command(result)
    if command:
        say.print(f"Go on with:  {command}")
