"""`batch-ops run` and `batch-ops resume`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from batch_ops.cli import problems, summary
from batch_ops.cli.confirmation import confirmed
from batch_ops.cli.detailed import Detailed
from batch_ops.cli.interrupts import INTERRUPTED, orderly
from batch_ops.cli.look import reasons_of
from batch_ops.cli.options import Common, Dagster, Limits, Parameters, said
from batch_ops.cli.parameters import local_path
from batch_ops.cli.project import parameters_of, project
from batch_ops.cli.say import Say, pipe_may_close
from batch_ops.errors import BatchOpsError, ExecutionError, StoppedError, UsageError
from batch_ops.events import Event, ExecutionStarted, silent
from batch_ops.observers import combine, words
from batch_ops.observers.log import log
from batch_ops.observers.progress import ProgressBar, ProgressLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.engine import Project
    from batch_ops.events import Listener
    from batch_ops.results import Result


def run(
    operation: Annotated[str, Parameter(help="The operation's name.")],
    /,
    *,
    parameter: Parameters = None,
    again: Annotated[
        bool,
        said("Also when the same was completed before."),
    ] = False,
    yes: Annotated[
        bool,
        said("Yes, do it: of an operation that requires a confirmation."),
    ] = False,
    dagster: Dagster = True,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Run an operation."""
    from batch_ops.engine import Launch

    say, options = Say(common), limits.options(again=again, confirm=yes)
    with project() as found:
        values = parameters_of(found, operation, parameter)
        options = confirmed(say, found, operation, values, options)
        start = _run_with(dagster=dagster)
        return _watch(
            say,
            found,
            lambda listen: start(
                found, operation, values, options=options, launch=Launch(via="shell"), listen=listen
            ),
        )


def resume(
    execution: Annotated[
        str | None, Parameter(help="Its id or the start of it; without: the newest unfinished one.")
    ] = None,
    /,
    *,
    take_over: Annotated[
        bool,
        said("The process that holds it is gone: my word."),
    ] = False,
    source: Annotated[str | None, Parameter(help="The file it reads stands here now.")] = None,
    use_new: Annotated[
        bool,
        said("Take sizes and limits of today's declaration."),
    ] = False,
    skip_rejects: Annotated[
        bool,
        said("Rows that were rejected before do not stop it again."),
    ] = False,
    dagster: Dagster = True,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Go on with an execution that did not reach its end."""
    from batch_ops.engine import Launch

    say = Say(common)
    path = local_path(source) if source is not None else None
    options = limits.options(
        take_over=take_over, source_path=path, use_new=use_new, skip_rejects=skip_rejects
    )
    with project() as found:
        chosen = _chosen(found, execution)
        start = _resume_with(dagster=dagster)
        return _watch(
            say,
            found,
            lambda listen: start(
                found, chosen, options=options, launch=Launch(via="shell"), listen=listen
            ),
        )


def _run_with(*, dagster: bool) -> Callable[..., Result]:
    if dagster:
        from batch_ops.orchestration.launch import launch_run

        return launch_run
    from batch_ops.engine import run as run_alone

    return run_alone


def _resume_with(*, dagster: bool) -> Callable[..., Result]:
    if dagster:
        from batch_ops.orchestration.launch import launch_resume

        return launch_resume
    from batch_ops.engine import resume as resume_alone

    return resume_alone


def _chosen(found: Project, execution: str | None) -> str:
    from batch_ops.engine import newest_unfinished, result_of

    if execution is not None:
        return result_of(found, execution).execution_id
    newest = newest_unfinished(found)
    if newest is None:
        raise UsageError(
            "No execution is unfinished.", todo="`batch-ops status` shows the executions."
        )
    return newest


class _Begun:
    """Remembers which execution it is, for the case of an interrupt."""

    execution_id: str | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, ExecutionStarted):
            self.execution_id = event.execution_id


def _watch(say: Say, found: Project, start: Callable[[Listener], Result]) -> int:
    """Run with progress; tell the result; the exit code."""
    begun = _Begun()
    try:
        with orderly(found.break_off), progress_of(say) as progress:
            result = start(combine(begun, progress, told_in_detail(say)))
    except KeyboardInterrupt:
        return _tell_interrupted(say, found, begun.execution_id)
    with pipe_may_close():
        _tell(say, found, result)
    return result.status.exit_code


def told_in_detail(say: Say) -> Listener:
    """All that is logged with --debug; else what an operation wants to be told in detail."""
    if say.common.debug:
        return log
    return silent if say.common.quiet else Detailed()


@contextmanager
def progress_of(say: Say) -> Iterator[Listener]:
    """A bar on a terminal, else lines; log lines and a bar would be in each other's way."""
    if say.common.quiet:
        yield silent
    elif say.err.is_terminal and not say.common.debug:
        with ProgressBar(say.err) as bar:
            yield bar
    else:
        yield ProgressLines(sys.stderr)


def _tell(say: Say, found: Project, result: Result) -> None:
    say.data(result.to_dict())
    if not say.common.json and not say.common.quiet:
        _tell_summary(say, found, result)
    if result.status.exit_code > 1:
        problems.show(say.err, unreached(result))


def _tell_summary(say: Say, found: Project, result: Result) -> None:
    say.print(summary.head(result))
    if len(result.steps) > 1:
        say.print("", summary.steps(result))
    if result.open_rejects:
        tell_rejects(say, found, result)
    if result.status.exit_code == 1:
        say.print(Text("Done, with rejects: exit code 1.", style="yellow"))


def tell_rejects(say: Say, found: Project, result: Result) -> None:
    """Rejects by reason, the first five, and the command that shows all."""
    from batch_ops.engine import kept_rejects

    say.print("", summary.reasons(reasons_of(found, result.execution_id)))
    first = list(kept_rejects(found, result.execution_id, limit=summary.FIRST_REJECTS))
    say.print("", summary.reject_table(first))
    command = f"batch-ops errors {summary.short(result.execution_id)}"
    say.print("", f"All of them: {command} (--csv for a file)")


def unreached(result: Result) -> BatchOpsError:
    """Why an execution did not reach its end, as an error in the one form."""
    reason = result.stopped_reason or str(result.status)
    done = f"{result.chunks.completed:,} of {result.chunks.total:,} planned chunks are done"
    state = f"What was committed stays: {words.outcomes(result.counts)}; {done}."
    command = summary.next_command(result)
    what = result.message or f"{result.operation} ended before its end: {reason}."
    todo = f"Go on with: {command}" if command else ""
    return ExecutionError(what, state=state, todo=todo, execution_id=result.execution_id)


def _tell_interrupted(say: Say, found: Project, execution_id: str | None) -> int:
    """What was committed, and the command that goes on."""
    from batch_ops.engine import result_of

    error: BatchOpsError = StoppedError("interrupted", "Interrupted.", state="No row was written.")
    told = error.to_dict()
    if execution_id is not None:
        todo = f"Go on with: batch-ops resume {summary.short(execution_id)}"
        try:
            result = result_of(found, execution_id)
            error, told = unreached(result), result.to_dict()
            error.what, error.todo = "Interrupted.", todo
        except BatchOpsError as unreadable:
            state = f"What was committed stays; how much cannot be read: {unreadable.what}"
            error = StoppedError(
                "interrupted", "Interrupted.", state=state, todo=todo, execution_id=execution_id
            )
            told = error.to_dict()
    problems.show(say.err, error)
    say.data(told)
    return INTERRUPTED
