"""Letting Dagster show what a command changed of an execution that had ended."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.engine import Project
    from batch_ops.results import Result


@contextmanager
def shown(found: Project, *, dagster: bool) -> Iterator[Callable[[Result], None]]:
    """What lets Dagster show the execution afterwards, if it is to."""
    if not dagster:
        yield lambda _: None
        return
    from batch_ops.orchestration.launch import showing

    with showing(found) as show:
        yield show
