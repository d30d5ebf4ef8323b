"""Tables for a person: no frame, one line below the head, numbers at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from datetime import datetime


def made_of(*columns: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Table:
    """An empty table.

    Args:
        columns: the heads.
        right: those of numbers, which are never wrapped.
        whole: others that are never wrapped.
    """
    table = Table(
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="dim",
        show_edge=False,
    )
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name in right or name in whole,
            overflow="fold",
        )
    return table


def moment(when: datetime | None, now: datetime) -> str:
    """`14:03` today, else `Nov 21`, of another year `2025-11`; local time."""
    if when is None:
        return ""
    there, here = when.astimezone(), now.astimezone()
    if there.date() == here.date():
        return f"{there:%H:%M}"
    return f"{there:%b %d}" if there.year == here.year else f"{there:%Y-%m}"
