"""How judged conditions are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batch_ops.results import CheckResult


def verdicts(checks: Iterable[CheckResult]) -> Table:
    """One line for each: `holds  There are flights, observed 336,776`."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for check in checks:
        word, style = _word(check)
        table.add_row(Text(word, style=style), _told(check))
    return table


def _told(check: CheckResult) -> Text:
    told = Text(check.description or check.name)
    if check.observed_value is not None:
        told.append(f", observed {_figure(check.observed_value)}")
    if check.unexpected_count:
        told.append(f", {check.unexpected_count:,} rows break it")
    if check.message and not check.success:
        told.append(f": {check.message}")
    return told


def _word(check: CheckResult) -> tuple[str, str]:
    if not check.evaluated:
        return "unknown", "bold yellow"
    return ("holds", "green") if check.success else ("fails", "bold red")


def _figure(value: object) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if whole else str(value)
