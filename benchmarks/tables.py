"""Figures as tables of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, its columns ruled."""
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    ruled = [head, ["-" * width for width in widths], *rows]
    return "".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |\n"
        for line in ruled
    )


def verdict(*, ok: bool) -> str:
    """Whether a bar was met."""
    return "ok" if ok else "**not met**"


def spread(values: Iterable[float]) -> str:
    """All repetitions."""
    return "[" + " ".join(f"{value:.2f}" for value in values) + "]"
