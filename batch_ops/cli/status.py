"""`batch-ops status`: what became of executions."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Group
from rich.text import Text

from batch_ops.cli import summary
from batch_ops.cli.look import abandoned, reasons_of
from batch_ops.cli.options import Common, said
from batch_ops.cli.project import project
from batch_ops.cli.say import Say
from batch_ops.cli.tables import made_of, moment
from batch_ops.cli.verdict import verdicts
from batch_ops.cli.verify import verified
from batch_ops.errors import UsageError, without_passwords
from batch_ops.observers import words
from batch_ops.observers.pace import Pace
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from batch_ops.engine import Project
    from batch_ops.engine.reach import Missed
    from batch_ops.results import Result, StepResult

LISTED = 20
UNTOLD = 3
REFRESH_S = 1.0


def status(
    execution: Annotated[
        str | None, Parameter(help="Its id or the start of it; without: all, newest first.")
    ] = None,
    /,
    *,
    limit: Annotated[
        int | None,
        Parameter(validator=Number(gte=1), help="At most so many (20; with --json all)."),
    ] = None,
    watch: Annotated[
        bool,
        said("Show it again and again until it ends, or Ctrl-C."),
    ] = False,
    verify: Annotated[
        bool,
        said("Count it anew from the journal, and tell what does not agree (exit code 4)."),
    ] = False,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Show the executions, or all about one of them. Creates nothing. Exit code 3: a database that
    is named could not be asked; what the others have is shown.
    """
    if watch and common.json:
        raise UsageError("--watch and --json exclude each other.", todo="Leave one out.")
    if verify:
        return verified(Say(common), execution, watch=watch)
    say, looks = Say(common), Looks()
    missed: list[Missed] = []
    with project() as found:
        if watch:
            _watch(say, lambda: _watched(found, execution, limit or LISTED, looks))
        elif common.json:
            say.data(_data(found, execution, limit, missed))
        else:
            told, _ = _shown(found, execution, limit or LISTED, looks, missed)
            say.print(told)
    for each in missed:
        say.err.print(_untold(each), soft_wrap=True)
    return UNTOLD if missed else 0


def _history(found: Project, limit: int | None, missed: list[Missed]) -> list[Result]:
    """The executions of the databases that can be asked.

    Raises:
        BatchOpsError: there is none in them, and one could not be asked.
    """
    from batch_ops.engine import history

    results = history(found, limit, missed=missed)
    if missed and not results:
        raise missed[0].error
    return results


def _untold(each: Missed) -> Text:
    return Text(without_passwords(str(each)), style="bold red")


def _data(
    found: Project, execution: str | None, limit: int | None, missed: list[Missed]
) -> dict[str, Any]:
    from batch_ops.engine import result_of

    if execution is not None:
        return result_of(found, execution).to_dict()
    listed = [result.to_dict() for result in _history(found, limit, missed)]
    return {"executions": listed, "unreachable": [each.to_dict() for each in missed]}


def _watched(
    found: Project, execution: str | None, limit: int, looks: Looks
) -> tuple[RenderableType, bool]:
    """The same at each look, with what could not be asked then."""
    missed: list[Missed] = []
    told, changes = _shown(found, execution, limit, looks, missed)
    return Group(told, *map(_untold, missed)), changes


def _shown(
    found: Project, execution: str | None, limit: int, looks: Looks, missed: list[Missed]
) -> tuple[RenderableType, bool]:
    """What to show, and whether it may still change."""
    from batch_ops.engine import result_of

    if execution is None:
        return _listed(found, _history(found, limit, missed)), True
    result = result_of(found, execution)
    gone = abandoned(found, result)
    changes = result.status is Status.RUNNING and not gone
    left = looks.remaining_s(result) if changes else None
    return _one(found, result, gone=gone, left=left), changes


def _listed(found: Project, results: list[Result]) -> RenderableType:
    if not results:
        return Text("There is no execution yet: batch-ops run OPERATION")
    table = made_of(
        "id", "operation", "status", "rows", "rejects", "done", "rows/s", "started",
        right=("rows", "rejects", "done", "rows/s", "started"), whole=("id", "operation"),
    )  # fmt: skip
    now = datetime.now(UTC)
    for result in results:
        rejects = result.counts.rejects
        table.add_row(
            Text(summary.short(result.execution_id), style="cyan"),
            result.operation,
            summary.status_of(result, gone=abandoned(found, result)),
            f"{result.counts.total:,}",
            Text(f"{rejects:,}", style="yellow" if rejects else "dim"),
            _done(result),
            words.compact(result.rows_per_s) if result.counts.total else "",
            moment(result.started_at, now),
        )
    return table


def _done(result: Result) -> str:
    """The share of its chunks; of steps that are not planned yet nobody knows the chunks."""
    if not result.chunks.total:
        return ""
    return words.share(result.chunks.completed, result.chunks.total)


def _one(found: Project, result: Result, *, gone: bool, left: float | None) -> RenderableType:
    from batch_ops.engine import retries_of, undos_of

    parts: list[RenderableType] = [summary.head(result, gone=gone), _facts(result, left), ""]
    if result.steps:
        parts += [summary.steps(result), ""]
    if result.checks:
        parts += [verdicts(result.checks), ""]
    if result.open_rejects:
        parts += [summary.reasons(reasons_of(found, result.execution_id)), ""]
    tried = retries_of(found, result.execution_id)
    parts += [*map(summary.retry, tried), *([""] if tried else [])]
    undone = undos_of(found, result.execution_id)
    parts += [*map(summary.undo, undone), *([""] if undone else [])]
    return Group(*parts, *_next(result, gone=gone))


def _facts(result: Result, left: float | None) -> Text:
    facts = [f"execution {result.execution_id}"]
    if result.started_at:
        facts += [f"started {result.started_at.astimezone():%Y-%m-%d %H:%M:%S}"]
    facts += [f"run {result.run_id}"] if result.run_id else []
    facts += [f"{words.duration(left)} left in this step"] if left is not None else []
    return Text("\n".join(facts), style="dim")


class Looks:
    """What was seen at each look: how fast a step goes now, whatever pauses it had before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._paces: dict[str, Pace] = {}

    def remaining_s(self, result: Result) -> float | None:
        """Seconds until the step at work ends; None when nobody can know.

        From the second look on by the pace since the first, before by the step's average.
        """
        for step in result.steps:
            if step.status == "running" and step.planned_rows:
                pace = self._paces.setdefault(f"{result.execution_id} {step.name}", Pace())
                pace.note(self._clock(), step.counts.total)
                left = pace.remaining_s(step.planned_rows)
                return _by_average(step) if left is None else left
        return None


def _by_average(step: StepResult) -> float | None:
    left = (step.planned_rows or 0) - step.counts.total
    return left / step.rows_per_s if step.rows_per_s and left >= 0 else None


def _next(result: Result, *, gone: bool) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if result.stopped_reason:
        parts.append(Text(f"Stopped: {result.stopped_reason}", style="red"))
    if result.message:
        parts.append(Text(result.message))
    if gone:
        parts.append(Text("The process that worked on it is gone.", style="red"))
    if result.open_rejects:
        parts.append(f"The rejects:  batch-ops errors {summary.short(result.execution_id)}")
    command = summary.next_command(result, gone=gone)
    return [*parts, f"Go on with:  {command}"] if command else parts


def _watch(say: Say, look: Callable[[], tuple[RenderableType, bool]]) -> None:
    """On a terminal in place; else again whenever something changed."""
    if not say.out.is_terminal:
        _watch_lines(say, look)
        return
    from rich.live import Live

    with Live(console=say.out, auto_refresh=False, transient=False) as live:
        while True:
            told, changes = look()
            live.update(told, refresh=True)
            if not changes:
                return
            time.sleep(REFRESH_S)


def _watch_lines(say: Say, look: Callable[[], tuple[RenderableType, bool]]) -> None:
    before = ""
    while True:
        told, changes = look()
        with say.out.capture() as captured:
            say.out.print(told)
        if captured.get() != before:
            before = captured.get()
            say.text(before)
        if not changes:
            return
        time.sleep(REFRESH_S)
