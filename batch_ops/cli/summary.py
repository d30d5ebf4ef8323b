"""What became of an execution, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from batch_ops.cli.tables import made_of
from batch_ops.observers import words
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from batch_ops.cli.look import Reason
    from batch_ops.results import Reject, Result, StepResult

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


def reject_table(found: Sequence[Reject]) -> Table:
    """Rejects, one per line: which row of the source, which key, why."""
    numbered = any(reject.row is not None for reject in found)
    names = ("row", "key", "code", "why") if numbered else ("key", "code", "why")
    table = made_of(*names, right=("row",), whole=("code",))
    for reject in found:
        number = [f"{reject.row:,}" if reject.row is not None else ""] if numbered else []
        table.add_row(*number, key_of(reject), reject.code, why(reject))
    return table


def key_of(reject: Reject) -> str:
    """`carrier=AA flight=12`."""
    key = reject.key or {}
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
