"""How a judged condition is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from batch_ops.results import CheckResult


def verdict(check: CheckResult) -> Text:
    """`holds   flights are there: 336,776` in one line."""
    word, style = _word(check)
    told = Text.assemble((f"{word:<8}", style), check.description or check.name)
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
