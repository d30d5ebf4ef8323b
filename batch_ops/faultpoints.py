"""Named places at which a test lets something happen: a kill, an error, a wait.

Nothing is installed unless a test does it; then a place costs one call, and nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

Happening = Callable[["Point"], None]
"""Called with each place that is reached, in the thread that reached it."""


class Point(StrEnum):
    """A place on the way of an execution. Within a transaction, unless it says otherwise."""

    BEGUN = "begun"
    """The execution's row was committed, and nothing else."""
    PLANNING = "planning"
    """A step's plan is made and not stored; outside of a transaction."""
    STORING_PLAN = "storing_plan"
    CALLING = "calling"
    """A custom function has answered; outside of a transaction."""
    BEFORE_DATA = "before_data"
    """A batch's transaction has begun."""
    ISOLATING = "isolating"
    """A batch was refused; its rows are looked at more closely."""
    WRITING_OUTPUT = "writing_output"
    """Rows for later steps were handed on."""
    KEEPING_IMAGES = "keeping_images"
    """Rows of a batch were kept as they are, and none was written yet."""
    AFTER_DATA = "after_data"
    BEFORE_COMMIT = "before_commit"
    """The batch's last statement is done."""
    AFTER_COMMIT = "after_commit"
    """The batch is committed and nobody was told; outside of a transaction."""
    TELLING_REJECTS = "telling_rejects"
    """The rejects of a batch that was rolled back are written."""
    BETWEEN_STEPS = "between_steps"
    """A step is marked as finished; outside of a transaction."""
    RESUMING = "resuming"
    RESUMED = "resumed"
    """This process may work on the execution and has not begun to; outside of a transaction."""
    CLOSING = "closing"
    CLOSED = "closed"
    """The execution's end is committed and nobody was told; outside of a transaction."""


_installed: list[Happening] = []


def install(happening: Happening | None) -> None:
    """From now on this happens at every place, in this process and those it forks; None: nothing
    does.
    """
    _installed[:] = [] if happening is None else [happening]


def reached(point: Point) -> None:
    """Say that a place was reached."""
    for happening in _installed:
        happening(point)
