"""`batch-ops status EXECUTION --verify`: the journal, counted anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from batch_ops.cli.project import project
from batch_ops.cli.summary import short
from batch_ops.errors import UsageError

if TYPE_CHECKING:
    from batch_ops.cli.say import Say
    from batch_ops.engine import Verification

DISAGREES = 4


def verified(say: Say, execution: str | None, *, watch: bool) -> int:
    """Recount one execution and tell what came of it; the exit code.

    Raises:
        UsageError: no execution is named, or it is to be watched.
    """
    from batch_ops.engine import verify

    if execution is None:
        raise UsageError(
            "--verify needs an execution.", todo="`batch-ops status` shows which there are."
        )
    if watch:
        raise UsageError("--watch and --verify exclude each other.", todo="Leave one out.")
    with project() as found:
        verification = verify(found, execution)
    say.data(verification.to_dict())
    _tell(say, verification)
    return 0 if verification.agrees else DISAGREES


def _tell(say: Say, found: Verification) -> None:
    figures = (
        (found.steps, "step"),
        (found.chunks, "chunk"),
        *(() if found.purged else ((found.batches, "batch"), (found.rejects, "reject"))),
    )
    counted = ", ".join(_counted(*figure) for figure in figures)
    head = f"Execution {short(found.execution_id)} counted anew: {counted}."
    if found.agrees:
        say.print(Text(f"{head} All of it agrees.", style="bold green"))
    else:
        say.print(Text(f"{head} Not all of it agrees:", style="bold red"))
    for each in found.disagreements:
        say.print(Padding(Text(str(each)), (0, 0, 0, 2)))
    if found.purged:
        say.print("Its batches and rejects were purged: they were not counted.")


def _counted(number: int, what: str) -> str:
    several = {"batch": "batches"}.get(what, f"{what}s")
    return f"{number:,} {what if number == 1 else several}"
