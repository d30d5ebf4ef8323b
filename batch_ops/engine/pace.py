"""How fast an execution may go: pauses between batches, and most rows a second of all lanes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.results import Counts
    from batch_ops.spec.model import Throttle

LOOK_EVERY_S = 0.2
"""A long pause ends soon after the execution is asked to stop."""


class Pace:
    """Shared by the lanes of a step. `stops`: whether it is to stop; then nobody waits."""

    def __init__(self, throttle: Throttle | None, stops: Callable[[], object]) -> None:
        self._throttle, self._stops = throttle, stops
        self._lock = threading.Lock()
        self._due = time.monotonic()

    def __call__(self, counts: Counts) -> None:
        """Wait after a batch of so many rows."""
        if self._throttle is None:
            return
        until = time.monotonic()
        if self._throttle.pause is not None:
            until += self._throttle.pause.total_seconds()
        self._wait(max(until, self._at_rate(counts.total)))

    def _at_rate(self, rows: int) -> float:
        """When the rows done so far are as many as the rate allows."""
        rate = self._throttle.rows_per_second if self._throttle else None
        if rate is None:
            return 0.0
        with self._lock:
            self._due += rows / rate
            return self._due

    def _wait(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0 and not self._stops():
            time.sleep(min(left, LOOK_EVERY_S))
