"""What became of an execution, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from batch_ops.cli.tables import made_of
from batch_ops.observers import words
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rich.console import RenderableType
    from rich.table import Table

    from batch_ops.cli.look import Reason
    from batch_ops.engine import RetryInfo
    from batch_ops.journal.rejects import KeptReject
    from batch_ops.journal.undos import UndoRow
    from batch_ops.results import Reject, Result, RetryResult, StepResult, UndoResult

STYLES = {
    Status.COMPLETED: "bold green",
    Status.COMPLETED_WITH_ERRORS: "bold yellow",
    Status.RUNNING: "bold cyan",
    Status.PLANNED: "cyan",
    Status.REFUSED: "bold red",
    Status.FAILED: "bold red",
    Status.STOPPED: "bold red",
}
FIRST_REJECTS = 5
SHORT = 8


def short(execution_id: str) -> str:
    """The first eight characters: enough for every command."""
    return execution_id[:SHORT]


def status_of(result: Result, *, gone: bool = False) -> Text:
    """`completed with errors`; `running (its process is gone)`."""
    word = str(result.status).replace("_", " ")
    if gone:
        return Text(f"{word}, but its process is gone", style="bold red")
    return Text(word, style=STYLES.get(result.status, "bold"))


def head(result: Result, *, gone: bool = False) -> Text:
    """What was done, in one sentence."""
    told = Text.assemble((result.operation, "bold"), " ", status_of(result, gone=gone))
    if result.duration_s:
        told.append(f" in {words.duration(result.duration_s)}")
        if result.counts.total:
            told.append(f", {words.rate(result.rows_per_s)}")
    told.append(f": {words.outcomes(result.counts)}.")
    return told


def steps(result: Result) -> Table:
    """The steps with their counters, chunks, time and rate."""
    table = made_of(
        "step", "does", "rows", "chunks", "time", "rows/s",
        right=("chunks", "time", "rows/s"),
    )  # fmt: skip
    for step in result.steps:
        seconds = words.duration(step.duration_s) if step.duration_s else ""
        speed = f"{step.rows_per_s:,.0f}" if step.counts.total and step.duration_s else ""
        name = Text(step.name, style="bold")
        table.add_row(name, step.kind, step_rows(step), chunks(step), seconds, speed)
    return table


def step_rows(step: StepResult) -> str:
    """Its outcomes; while it works, how far it is."""
    told = words.outcomes(step.counts)
    planned = step.planned_rows
    if step.status == "finished" or planned is None or step.counts.total == planned:
        return told if planned is not None or step.counts.total else "not planned yet"
    far = words.progress(step.counts.total, planned)
    return f"{far}: {told}" if "," in told.replace(f"{step.counts.total:,}", "") else far


def chunks(step: StepResult) -> str:
    """`6/7`, and how many failed."""
    failed = f" ({step.chunks.failed} failed)" if step.chunks.failed else ""
    return f"{step.chunks.completed}/{step.chunks.total}{failed}" if step.chunks.total else ""


def reasons(found: Sequence[Reason]) -> Table:
    """Rejects by reason; the column only where one is known."""
    columns = any(each.column for each in found)
    names = ("rejects", "code", *(("column",) if columns else ()), "refused by")
    table = made_of(*names, right=("rejects",))
    for each in found:
        by = "a rule or type" if each.outcome == "invalid" else "the database"
        column = [each.column or ""] if columns else []
        table.add_row(f"{each.rows:,}", each.code, *column, by)
    return table


def reject_table(found: Sequence[KeptReject], *, ends: bool = False) -> Table:
    """Rejects, one per line: which row of the source, which key, why; and how they ended."""
    numbered = any(kept.reject.row is not None for kept in found)
    names = ["row"] if numbered else []
    names += ["key", "code", "why", *(["state"] if ends else [])]
    table = made_of(*names, right=("row",), whole=("code",))
    for kept in found:
        reject = kept.reject
        number = [f"{reject.row:,}" if reject.row is not None else ""] if numbered else []
        ended = [_ended(kept)] if ends else []
        table.add_row(*number, key_of(reject), reject.code, why(reject), *ended)
    return table


def _ended(kept: KeptReject) -> str:
    """`discarded by ann: not ours`."""
    told = kept.state.replace("_", " ")
    if kept.ended_by:
        told += f" by {kept.ended_by}"
    return f"{told}: {kept.because}" if kept.because else told


def retry(info: RetryInfo) -> Text:
    """`Retry 2 from rejects.csv by ann on 2026-11-30: 3 recovered, 1 refused again.`"""
    by = f" by {info.actor}" if info.actor else ""
    told = f"Retry {info.number} {info.how}{by} on {info.started_at:%Y-%m-%d}:"
    told += f" {info.recovered:,} recovered, {info.refused_again:,} refused again"
    return _ending(told, info.completed_at, "retry")


def _ending(told: str, completed_at: datetime | None, command: str) -> Text:
    """With what goes on where it is not at its end."""
    if completed_at is None:
        return Text(f"{told}; it is not at its end: batch-ops {command} goes on.", style="red")
    return Text(f"{told}.")


def _tried(done: RetryResult) -> str:
    name = done.result.operation
    if done.number is None:
        return f"No reject of {name} was tried again."
    return (
        f"Retry {done.number} of {name}: {done.tried:,} rejects were tried again,"
        f" {done.recovered:,} recovered, {done.refused_again:,} refused again."
    )


def retried(done: RetryResult) -> list[RenderableType]:
    """What became of rejects that were tried again."""
    name = done.result.operation
    if done.number is None and not done.untried:
        return [f"No reject of {name} is open."]
    told: list[RenderableType] = [_tried(done)]
    told += [f"{number:,} not tried: {why}." for why, number in done.untried.items()]
    told += [f"Step {step} was not done again: {why}." for step, why in done.not_again.items()]
    return [*told, "", head(done.result)]


def undo(row: UndoRow) -> Text:
    """`Undo 1 (keep_newer) by ann on 2026-11-30: 12 rows put back, 1 left alone …`"""
    by = f" by {row.actor}" if row.actor else ""
    told = f"Undo {row.number} ({row.policy}){by} on {row.started_at:%Y-%m-%d}:"
    told += f" {_put_back(row.restored, row.as_before, row.kept, row.refused)}"
    return _ending(told, row.completed_at, "undo")


def undone(done: UndoResult) -> Text:
    """What an undo did, or would do."""
    name = f"{done.result.operation} ({short(done.result.execution_id)})"
    counts = done.restored, done.as_before, done.kept, done.refused
    if done.dry_run:
        return Text(f"Undo of {name}, only tried ({done.policy}): {_put_back(*counts)}.")
    if done.number is None:
        since = done.result.undone_at
        when = f" on {since:%Y-%m-%d %H:%M} UTC" if since else ""
        return Text(f"{name} was undone{when}; nothing is left to be put back.")
    return Text(f"Undo {done.number} of {name} ({done.policy}): {_put_back(*counts)}.")


def _put_back(restored: int, as_before: int, kept: int, refused: int) -> str:
    told = [f"{restored:,} {'row' if restored == 1 else 'rows'} put back"]
    told += [f"{as_before:,} as before already"] if as_before else []
    told += [f"{kept:,} left alone as they were changed since"] if kept else []
    told += [f"{refused:,} left alone as the database refuses them"] if refused else []
    return ", ".join(told)


def left_alone(done: UndoResult) -> Table:
    """The rows that were left alone, as far as they are told."""
    table = made_of("step", "key", "left alone because")
    because = {"kept": "it was changed since", "refused": "the database refuses it"}
    for row in done.left:
        table.add_row(row.step, shown_key(row.key), because[row.why])
    return table


def key_of(reject: Reject) -> str:
    """`carrier=AA flight=12`."""
    return shown_key(reject.key or {})


def shown_key(key: Mapping[str, Any]) -> str:
    """The same of any key."""
    return " ".join(f"{name}={'NULL' if part is None else part}" for name, part in key.items())


def why(reject: Reject) -> str:
    """The message, led by the column and value where they are known and not in it."""
    if not reject.column or reject.column in reject.message:
        return reject.message
    value = "NULL" if reject.value is None else repr(reject.value)
    return f"{reject.column} = {value}: {reject.message}"


def next_command(result: Result, *, gone: bool = False) -> str:
    """The command that goes on, or nothing when nothing is left to do."""
    waiting = {Status.STOPPED, Status.FAILED, Status.PAUSED, Status.PLANNED}
    if result.status in waiting or gone:
        return f"batch-ops resume {short(result.execution_id)}"
    return ""
