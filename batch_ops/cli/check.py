"""`batch-ops check`: are the declarations right, and would the database take them?"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003  (cyclopts reads it)
from typing import TYPE_CHECKING, Annotated, Any

from rich.padding import Padding
from rich.text import Text

from batch_ops.cli import problems
from batch_ops.cli.declarations import Declarations, load
from batch_ops.cli.options import Common, said
from batch_ops.cli.say import Say
from batch_ops.cli.settings import channels_without_address, tables_taken
from batch_ops.cli.target import Looked, look

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from batch_ops.spec.model import Operation

WRONG = 2


def check(
    files: Annotated[
        list[Path] | None,
        said("Entity files; without: all of the project."),
    ] = None,
    /,
    *,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Check declarations, and whether the database would take them, where it is there. Creates and
    changes nothing.
    """
    say = Say(common)
    checked = load(files or [])
    checked.errors.extend(tables_taken(checked))
    looked = look(checked)
    findings = [*looked.findings, *channels_without_address(checked)]
    report = Report(checked, looked, [*checked.warnings, *findings])
    say.data(report.to_dict())
    if not common.json:
        _tell(say, report)
    return report.exit_code


@dataclass(frozen=True)
class Report:
    """What was checked and what was found."""

    checked: Declarations
    looked: Looked
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """One JSON object with stable keys."""
        return {
            "files": len(self.checked.files),
            "operations": [described(each) for each in self.checked.operations],
            "errors": [error.to_dict() for error in self.checked.errors],
            "refused": [
                {"operation": name, **error.to_dict()}
                for name, errors in self.looked.refused.items()
                for error in errors
            ],
            "not_asked": self.looked.unasked,
            "warnings": self.warnings,
        }

    @property
    def exit_code(self) -> int:
        """That of the declarations that are wrong; else of what the database would refuse."""
        refused = [error for errors in self.looked.refused.values() for error in errors]
        if self.checked.errors:
            return WRONG
        return min((error.exit_code for error in refused), default=0)


def described(operation: Operation) -> dict[str, Any]:
    """What was understood of an operation: bindings, conditions, schedule, sensor."""
    schedule, sensor = operation.schedule, operation.sensor
    return {
        "operation": operation.name,
        "entity": operation.entity,
        "steps": [
            {
                "name": step.name,
                "kind": str(step.kind),
                "depends_on": list(step.depends_on),
                "bindings": {
                    **{name: f"step {earlier}" for name, earlier in step.outputs.items()},
                    **dict.fromkeys(step.record_names, f"records of step {step.records}"),
                },
            }
            for step in operation.steps
        ],
        "parameters": [each.name for each in operation.parameters],
        "preconditions": [each.name for each in operation.preconditions],
        "postconditions": [each.name for each in operation.postconditions],
        "schedule": {"cron": schedule.cron, "timezone": schedule.timezone} if schedule else None,
        "sensor": {"folder": sensor.folder, "pattern": sensor.pattern} if sensor else None,
    }


def _tell(say: Say, report: Report) -> None:
    for each in map(described, report.checked.operations):
        say.print(*_lines(each))
    if report.checked.operations:
        say.print("")
    for warning in report.warnings:
        say.note(Text.assemble(("warning: ", "bold yellow"), warning))
    for errors in (report.checked.errors, *report.looked.refused.values()):
        for error in errors:
            problems.show(say.err, error)
    _verdict(say, report)


def _verdict(say: Say, report: Report) -> None:
    files, wrong = len(report.checked.files), len(report.checked.errors)
    counted = f"{files} {'file' if files == 1 else 'files'}"
    found = len(report.checked.operations)
    if wrong:
        say.err.print(Text(f"{wrong} of {counted} wrong.", style="bold red"))
        return
    operations = f"{found} {'operation' if found == 1 else 'operations'}"
    refused, unasked = report.looked.refused, report.looked.unasked
    if refused:
        told = f"right, and the database would refuse {', '.join(refused)}."
        say.err.print(Text(f"{counted}, {operations}: {told}", style="bold red"))
    elif unasked:
        told = "right as far as can be told without the database."
        say.print(Text(f"{counted}, {operations}: {told}", style="bold yellow"))
    else:
        say.print(Text(f"{counted}, {operations}: all right.", style="bold green"))


def _lines(each: dict[str, Any]) -> list[RenderableType]:
    """An operation: its steps, what each `:name` means, what guards it, what starts it."""
    head = Text.assemble((each["operation"], "bold"), (f"  {each['entity']}", "dim"))
    return [head, *(Padding(line, (0, 0, 0, 2)) for line in _told(each))]


def _told(each: dict[str, Any]) -> Iterator[Text]:
    for step in each["steps"]:
        kind = f" ({step['kind']})" if step["kind"] != step["name"] else ""
        yield Text(f"step {step['name']}{kind}")
        for name, meaning in step["bindings"].items():
            yield Text.assemble("  ", (f":{name}", "cyan"), f" → {meaning}")
    for name in each["parameters"]:
        yield Text.assemble((f":{name}", "cyan"), " → parameter")
    for name in each["preconditions"]:
        yield Text(f"only if {name}")
    for name in each["postconditions"]:
        yield Text(f"afterwards {name}")
    if schedule := each["schedule"]:
        yield Text(f"starts at {schedule['cron']} ({schedule['timezone']})")
    if sensor := each["sensor"]:
        yield Text(f"starts for each new {sensor['pattern']} in {sensor['folder']}")
