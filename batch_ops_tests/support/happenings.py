"""Letting something happen at a named place of an execution, in this process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batch_ops import faultpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.faultpoints import Happening, Point


@contextmanager
def happening(what: Happening) -> Iterator[None]:
    """While the block lasts, it happens at every place that is reached."""
    faultpoints.install(what)
    try:
        yield
    finally:
        faultpoints.install(None)


def once_at(point: Point, number: int, what: Callable[[], object]) -> Happening:
    """What happens when a place is reached for the n-th time."""
    met, lock = 0, threading.Lock()

    def happens(reached: Point) -> None:
        nonlocal met
        with lock:
            met += reached is point
            now = reached is point and met == number
        if now:
            what()

    return happens
