"""How fast an execution may go: pauses between batches, most rows a second of all lanes, and
waiting while others are busy.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.spec.model import Throttle

LOOK_EVERY_S = 0.2
"""A long pause ends soon after it is asked to."""
ASK_EVERY_S = 1.0
"""How often a busy database is asked whether it still is."""


class Pace:
    """Shared by the lanes of a step, or of a call.

    Args:
        at_work: how many other sessions are at work in the database now.
    """

    def __init__(self, throttle: Throttle | None, at_work: Callable[[], int]) -> None:
        self._throttle, self._at_work = throttle, at_work
        self._lock = threading.Lock()
        self._due = time.monotonic()

    def __call__(self, done: int | None, stops: Callable[[], object] = lambda: None) -> None:
        """Wait before a batch.

        Args:
            done: rows of the lane's batch before it; None: it is the first.
            stops: whether there is a reason to stop; then nobody waits.
        """
        if self._throttle is None:
            return
        if done is not None:
            until = time.monotonic()
            if self._throttle.pause is not None:
                until += self._throttle.pause.total_seconds()
            wait(max(until, self._at_rate(done, self._throttle.rows_per_second)), stops)
        if self._throttle.max_active is not None:
            self._until_calm(self._throttle.max_active, stops)

    def _at_rate(self, rows: int, rate: float | None) -> float:
        """When the rows done so far are as many as the rate allows."""
        if rate is None:
            return 0.0
        with self._lock:
            self._due += rows / rate
            return self._due

    def _until_calm(self, most: int, stops: Callable[[], object]) -> None:
        while not stops() and self._at_work() > most:
            wait(time.monotonic() + ASK_EVERY_S, stops)


def wait(until: float, stops: Callable[[], object]) -> None:
    """Wait until a moment of the monotonic clock, unless there is a reason to stop."""
    while (left := until - time.monotonic()) > 0 and not stops():
        time.sleep(min(left, LOOK_EVERY_S))
