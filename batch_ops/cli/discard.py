"""`batch-ops errors --discard`: giving rejects up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.cli.look import reasons_of, with_reason
from batch_ops.cli.project import project
from batch_ops.cli.shown import shown
from batch_ops.errors import UsageError

if TYPE_CHECKING:
    from batch_ops.cli.say import Say
    from batch_ops.engine import Discarded


@dataclass(frozen=True, slots=True)
class Given:
    """What was said: whose rejects, of which reason, why, and who says so."""

    execution: str | None
    reason: str | None
    because: str | None
    by: str | None


def give_up(say: Say, given: Given, *, dagster: bool) -> int:
    """Give up what is meant, and tell it."""
    from batch_ops.engine import discard, result_of

    if given.execution is None:
        raise UsageError("Whose rejects are to be given up?", todo="Name the execution.")
    if given.because is None:
        raise UsageError("Nobody says why they are given up.", todo='Add --because "…".')
    with project() as found:
        chosen = result_of(found, given.execution).execution_id
        if given.reason is not None:
            with_reason(reasons_of(found, chosen), given.reason)
        with shown(found, dagster=dagster) as show:
            done = discard(
                found, chosen, because=given.because, reason=given.reason, actor=given.by
            )
            show(result_of(found, chosen))
        say.data(done.to_dict())
        if not say.common.quiet:
            say.print(_told(done))
    return 0


def _told(done: Discarded) -> str:
    left = f"{done.open:,} are open still" if done.open else "none is open"
    number = "1 reject" if done.discarded == 1 else f"{done.discarded:,} rejects"
    verb = "was" if done.discarded == 1 else "were"
    return f"{number} of {done.operation} {verb} given up by {done.by}; {left}."
