"""`batch-ops errors`: the rows that could not be processed and why; and giving them up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from batch_ops.cli import rejects_told
from batch_ops.cli.discard import Given, give_up
from batch_ops.cli.look import reasons_of, with_reason
from batch_ops.cli.options import Actor, Common, Dagster, said
from batch_ops.cli.project import project
from batch_ops.cli.say import Say
from batch_ops.errors import UsageError

if TYPE_CHECKING:
    from batch_ops.engine import Project
    from batch_ops.results import Result

SHOWN = 20


def errors(
    execution: Annotated[
        str | None,
        Parameter(help="Its id or the start of it (default: the newest one with open rejects)."),
    ] = None,
    /,
    *,
    csv: Annotated[
        bool,
        said("As CSV to be corrected: the original columns, then row, code, why."),
    ] = False,
    limit: Annotated[
        int | None,
        Parameter(validator=Number(gte=1), help="At most so many (20; --json and --csv: all)."),
    ] = None,
    reason: Annotated[
        str | None, Parameter(help="Only those of this code, or of this column.")
    ] = None,
    every: Annotated[
        bool,
        Parameter(
            name="--all",
            negative="",
            show_default=False,
            help="Those that have ended, too: recovered, refused again, discarded.",
        ),
    ] = False,
    discard: Annotated[
        bool, said("Give them up, all or those of --reason; it says who, and --because why.")
    ] = False,
    because: Annotated[str | None, Parameter(help="Why they are given up.")] = None,
    by: Actor = None,
    dagster: Dagster = True,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Show the open rejects of an execution, or give them up. Columns declared hidden are never
    shown.
    """
    say = Say(common)
    if discard:
        _refuse_beside_discard(csv=csv, limit=limit, every=every)
        return give_up(say, Given(execution, reason, because, by), dagster=dagster)
    if because is not None or by is not None:
        what = "--because and --by belong to --discard."
        raise UsageError(what, todo="Add it, or leave them out.")
    if csv and common.json:
        raise UsageError("--csv and --json exclude each other.", todo="Leave one out.")
    if csv and every:
        what = "--csv is for correcting, and --all shows what has ended, too."
        raise UsageError(what, todo="Leave one out.")
    with project() as found:
        result = _execution(found, execution)
        some = _asked(found, result, reason, limit, every=every, whole=csv or common.json)
        if csv:
            rejects_told.as_csv(some, sys.stdout)
        elif common.json:
            rejects_told.as_json(say, some)
        else:
            rejects_told.as_tables(say, some)
    return 0


def _execution(found: Project, execution: str | None) -> Result:
    """That of the id, else the newest one that has open rejects."""
    from batch_ops.engine import history, result_of

    if execution is not None:
        return result_of(found, execution)
    for result in history(found, limit=None):
        if result.open_rejects:
            return result
    raise UsageError("No execution has open rejects.", todo="See what there is: batch-ops status")


def _asked(
    found: Project,
    result: Result,
    reason: str | None,
    limit: int | None,
    *,
    every: bool,
    whole: bool,
) -> rejects_told.Some:
    from batch_ops.journal.rejects import OPEN, Choice

    states = None if every else (OPEN,)
    reasons = reasons_of(found, result.execution_id, Choice(states))
    if reason is not None:
        reasons = with_reason(reasons, reason)
    number = limit if limit is not None or whole else SHOWN
    return rejects_told.Some(found, result, Choice(states, reason), reasons, number)


def _refuse_beside_discard(*, csv: bool, limit: int | None, every: bool) -> None:
    given = {"--csv": csv, "--limit": limit is not None, "--all": every}
    beside = next((name for name, there in given.items() if there), None)
    if beside is not None:
        todo = "Say which ones by --reason, or give all of them up."
        raise UsageError(f"{beside} and --discard exclude each other.", todo=todo)
