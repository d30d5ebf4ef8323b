"""`batch-ops plan`: what an operation would do, without writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from batch_ops.cli.options import Common, Parameters, said
from batch_ops.cli.project import parameters_of, project
from batch_ops.cli.say import Say
from batch_ops.cli.tables import made_of
from batch_ops.cli.verdict import verdicts
from batch_ops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ops.engine import Preview

MAX_CELL = 40


def plan(
    operation: Annotated[str, Parameter(help="The operation's name.")],
    /,
    *,
    parameter: Parameters = None,
    sql: Annotated[
        bool,
        said("The SQL of each step on stdout, nothing else there."),
    ] = False,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Show what an operation would do: rows, chunks, batches, checks, a sample. Writes nothing."""
    if sql and common.json:
        raise UsageError("--sql and --json exclude each other.", todo="--json has the SQL, too.")
    from batch_ops.engine import preview

    say = Say(common)
    with project() as found:
        shown = preview(found, operation, parameters_of(found, operation, parameter))
    if sql:
        say.text(_script(shown))
        return 0
    say.data(shown.to_dict())
    tell_plan(say, shown)
    return 0


def _script(shown: Preview) -> str:
    parts = [
        f"-- {step.name}: {step.kind} {step.entity}\n{_closed(step.sql)}" for step in shown.steps
    ]
    return "\n\n".join(parts)


def _closed(sql: str) -> str:
    """With a semicolon, so that the script can be read by the database's own shell."""
    return sql if sql.rstrip().endswith(";") or not sql.strip() else f"{sql.rstrip()};"


def tell_plan(say: Say, shown: Preview) -> None:
    """Show what an operation would do."""
    table = made_of(
        "step", "does", "rows", "chunks", "batches", right=("rows", "chunks", "batches")
    )
    for step in shown.steps:
        sign = "~" if step.estimate else ""
        table.add_row(
            Text(step.name, style="bold"),
            f"{step.kind} {step.entity}",
            *(_figure(sign, number) for number in (step.rows, step.chunks, step.batches)),
        )
    say.print(Text(f"{shown.operation} would do this; nothing was written.", style="bold"), "")
    say.print(table)
    if any(step.estimate for step in shown.steps):
        say.print(Text("~ an estimate: it depends on what an earlier step finds", style="dim"))
    if shown.checks:
        say.print("", verdicts(shown.checks))
    if not all(check.success for check in shown.checks):
        say.note(Text("A run would be refused: not every condition holds.", style="bold yellow"))
    for name, meaning in shown.bindings.items():
        if meaning == f"parameter {name}":
            continue
        say.print(Text.assemble((f":{name}", "cyan"), f" is {meaning}"))
    for step in shown.steps:
        _sample(say, step.name, step.sample)
    for note in shown.notes:
        say.note(Text(note, style="yellow"))


def _figure(sign: str, number: int | None) -> str:
    return "?" if number is None else f"{sign}{number:,}"


def _sample(say: Say, step: str, sample: Sequence[dict[str, Any]]) -> None:
    """Some rows, one per block of `column: value` where they would not fit side by side."""
    if not sample:
        return
    say.print("", Text(f"{step}, for example:", style="bold"))
    names = list(sample[0])
    width = sum(max(len(name), *(len(_cell(row.get(name))) for row in sample)) for name in names)
    if width + 2 * len(names) <= say.out.width:
        table = made_of(*names)
        for row in sample:
            table.add_row(*(_cell(row.get(name)) for name in names))
        say.print(table)
        return
    for row in sample:
        pairs = [Text.assemble((f"{name}=", "dim"), _cell(value)) for name, value in row.items()]
        say.print(Text(" ").join([Text(" "), *pairs]))


def _cell(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"before", "after"}:
        return f"{_cell(value['before'])} → {_cell(value['after'])}"
    text = "NULL" if value is None else str(value).replace("\n", "⏎")
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
