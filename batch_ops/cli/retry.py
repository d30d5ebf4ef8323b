"""`batch-ops retry`: trying the rejects of an execution again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  (cyclopts reads it)
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from batch_ops.cli import problems, summary
from batch_ops.cli.interrupts import INTERRUPTED, orderly
from batch_ops.cli.look import reasons_of, with_reason
from batch_ops.cli.options import LIMITS, Actor, Common, Dagster, Limits, said
from batch_ops.cli.project import project
from batch_ops.cli.run import progress_of, tell_rejects, told_in_detail, unreached
from batch_ops.cli.say import Say, pipe_may_close
from batch_ops.cli.shown import shown
from batch_ops.errors import StoppedError
from batch_ops.observers import combine
from batch_ops.results import Status

if TYPE_CHECKING:
    from batch_ops.engine import Launch, Project, RunOptions
    from batch_ops.results import RetryResult


def retry(
    execution: Annotated[str, Parameter(help="Its id or the start of it.")],
    /,
    *,
    corrected: Annotated[
        Path | None,
        Parameter(
            name="--from",
            help="The file that `errors --csv` wrote, corrected: the rejects in it are tried with"
            " its values; rows that are not in it are not.",
        ),
    ] = None,
    reason: Annotated[
        str | None, Parameter(help="Only those of this code, or of this column.")
    ] = None,
    by: Actor = None,
    take_over: Annotated[bool, said("The process that works on it is gone: my word.")] = False,
    batch_size: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=1, lte=1_000_000), group=LIMITS, help="Rows of one transaction."
        ),
    ] = None,
    max_errors: Annotated[
        str | None,
        Parameter(
            group=LIMITS,
            help='Stop when more are refused again: a number, or a share as "1%%" from 1,000 on.',
        ),
    ] = None,
    timeout: Annotated[
        str | None, Parameter(group=LIMITS, help='Stop after this time: "30 minutes", "2h".')
    ] = None,
    dagster: Dagster = True,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Try the rejects of an execution again: as they are, or corrected in a file."""
    from batch_ops.engine import Launch
    from batch_ops.engine.options import default_actor

    limits = Limits(batch_size=batch_size, max_errors=max_errors, timeout=timeout)
    asked = _Asked(
        execution,
        corrected,
        reason,
        limits.options(take_over=take_over),
        Launch(by or default_actor(), "shell"),
    )
    say = Say(common)
    with project() as found:
        return _retry(say, found, asked, dagster=dagster)


@dataclass(frozen=True, slots=True)
class _Asked:
    execution: str
    corrected: Path | None
    reason: str | None
    options: RunOptions
    launch: Launch


def _retry(say: Say, found: Project, asked: _Asked, *, dagster: bool) -> int:
    from batch_ops.engine import result_of

    chosen = result_of(found, asked.execution).execution_id
    if asked.reason is not None:
        with_reason(reasons_of(found, chosen), asked.reason)
    with shown(found, dagster=dagster) as show:
        try:
            done = _watched(say, found, chosen, asked)
        except KeyboardInterrupt:
            return _tell_interrupted(say, found, chosen)
        finally:
            show(result_of(found, chosen))
    with pipe_may_close():
        _tell(say, found, done)
    return exit_code(done)


def _watched(say: Say, found: Project, chosen: str, asked: _Asked) -> RetryResult:
    from batch_ops.engine import retry as try_again

    with orderly(found.break_off), progress_of(say) as progress:
        return try_again(
            found,
            chosen,
            corrected=asked.corrected,
            reason=asked.reason,
            options=asked.options,
            launch=asked.launch,
            listen=combine(progress, told_in_detail(say)),
        )


def exit_code(done: RetryResult) -> int:
    """1 where rejects were refused again or could not be tried."""
    if done.result.status is Status.COMPLETED_WITH_FAILED_CHECKS:
        return done.result.status.exit_code
    return 1 if done.refused_again or done.untried else 0


def _tell(say: Say, found: Project, done: RetryResult) -> None:
    say.data(done.to_dict())
    if not say.common.json and not say.common.quiet:
        say.print(*summary.retried(done))
        if done.result.open_rejects:
            tell_rejects(say, found, done.result)
    if exit_code(done) > 1:
        problems.show(say.err, unreached(done.result))


def _tell_interrupted(say: Say, found: Project, execution_id: str) -> int:
    from batch_ops.engine import result_of

    short = summary.short(execution_id)
    problems.show(
        say.err,
        StoppedError(
            "interrupted",
            "Interrupted.",
            todo=f"Go on with: batch-ops retry {short}",
            execution_id=execution_id,
        ),
    )
    say.data(result_of(found, execution_id).to_dict())
    return INTERRUPTED
