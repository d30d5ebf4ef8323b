"""`batch-ops undo`: putting back the rows an execution changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from batch_ops.cli import problems, summary
from batch_ops.cli.confirmation import ask, can_be_asked
from batch_ops.cli.interrupts import INTERRUPTED, orderly
from batch_ops.cli.options import Actor, Common, said
from batch_ops.cli.project import project
from batch_ops.cli.say import Say, pipe_may_close
from batch_ops.errors import StoppedError
from batch_ops.results import UndoPolicy  # noqa: TC001  (cyclopts reads it)

if TYPE_CHECKING:
    from batch_ops.engine import Launch, Project, RunOptions
    from batch_ops.results import UndoResult


def undo(
    execution: Annotated[str, Parameter(help="Its id or the start of it.")],
    /,
    *,
    policy: Annotated[
        UndoPolicy | None,
        Parameter(
            name_transform=str.lower,
            show_default=False,
            help="Rows that somebody changed since: leave them alone (keep_newer, the default), put"
            " back what the execution changed in them (restore_wins), or make them whole as they"
            " were before (full_overwrite).",
        ),
    ] = None,
    dry_run: Annotated[
        bool, said("Tell how many rows would be put back or left alone; change nothing.")
    ] = False,
    yes: Annotated[bool, said("The person's yes, where nobody is to be asked.")] = False,
    by: Actor = None,
    take_over: Annotated[bool, said("The process that works on it is gone: my word.")] = False,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Put back the rows an execution changed; its operation said `undo: true`. Goes on where it
    broke off.
    """
    from batch_ops.engine import Launch, RunOptions
    from batch_ops.engine.options import default_actor

    say, options = Say(common), RunOptions(confirm=yes, take_over=take_over)
    launch = Launch(by or default_actor(), "shell")
    with project() as found:
        if dry_run:
            return _tell(say, _done(found, execution, policy, options, launch, dry_run=True))
        options = _confirmed(say, found, execution, policy, options)
        try:
            with orderly(found.break_off):
                done = _done(found, execution, policy, options, launch)
        except KeyboardInterrupt:
            return _tell_interrupted(say, execution)
        return _tell(say, done)


def _done(
    found: Project,
    execution: str,
    policy: UndoPolicy | None,
    options: RunOptions,
    launch: Launch,
    *,
    dry_run: bool = False,
) -> UndoResult:
    from batch_ops.engine import undo as put_back

    return put_back(
        found, execution, policy=policy, options=options, launch=launch, dry_run=dry_run
    )


def _confirmed(
    say: Say, found: Project, execution: str, policy: UndoPolicy | None, options: RunOptions
) -> RunOptions:
    """The options with the person's yes, asked for on a terminal; elsewhere the engine refuses what
    has none.

    Raises:
        ConfirmationError: the person says no.
    """
    from batch_ops.engine import Launch

    if options.confirm or not can_be_asked(say):
        return options
    tried = _done(found, execution, policy, options, Launch(), dry_run=True)
    say.err.print(summary.undone(tried))
    ask(say, "Do it?", "The undo")
    return replace(options, confirm=True)


def exit_code(done: UndoResult) -> int:
    """1 where rows were left alone."""
    return 1 if done.kept or done.refused or done.left else 0


def _tell(say: Say, done: UndoResult) -> int:
    with pipe_may_close():
        say.data(done.to_dict())
        if not say.common.json and not say.common.quiet:
            say.print(summary.undone(done), soft_wrap=True)
            if done.left:
                say.print(summary.left_alone(done))
    return exit_code(done)


def _tell_interrupted(say: Say, execution: str) -> int:
    problems.show(
        say.err,
        StoppedError(
            "interrupted",
            "Interrupted.",
            todo=f"Go on with: batch-ops undo {execution} --yes",
        ),
    )
    return INTERRUPTED
