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
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for name in columns:
        number = name in right
        table.add_column(
            name,
            justify="right" if number else "left",
            no_wrap=number or name in whole,
            overflow="fold",
        )
    return table


def moment(when: datetime | None, now: datetime) -> str:
    """`14:03:12` today, else `11-21 14:03`, of another year `2025-11-21`; local time."""
    if when is None:
        return ""
    there, here = when.astimezone(), now.astimezone()
    if there.date() == here.date():
        return f"{there:%H:%M:%S}"
    return f"{there:%m-%d %H:%M}" if there.year == here.year else f"{there:%Y-%m-%d}"
