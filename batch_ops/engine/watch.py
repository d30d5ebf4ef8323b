"""Whether an execution must stop: what all its lanes ask between two batches."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from batch_ops.engine import limits
from batch_ops.engine.breaker import Breaker
from batch_ops.engine.stops import Stop
from batch_ops.journal import chunks

if TYPE_CHECKING:
    from batch_ops.engine.context import Context
    from batch_ops.results import Counts


class Watch:
    """The first reason that is found stays. That the time is over counts behind the first batch:
    each attempt gets further. known: what the execution had come to before.
    """

    def __init__(self, execution: Context, known: Counts) -> None:
        self._execution, self._total = execution, known
        self._lock = threading.Lock()
        self._stop: Stop | None = None
        self._began = False
        self._breaker = Breaker(execution.operation.settings.circuit_breaker)
        self._judge_errors()

    def __call__(self) -> Stop | None:
        """The reason to stop, or None.

        Raises:
            TakenOverError: another process works on the execution now.
        """
        if self._execution.lost:
            raise chunks.taken_over(self._execution.id)
        if self._stop is None and self._began and limits.out_of_time(self._execution):
            self.stop("timeout")
        if self._stop is None and (saw := limits.too_much_memory(self._execution)):
            self.stop("max_memory", saw)
        return self._stop

    def stop(self, reason: str, saw: str = "") -> None:
        """From now on there is a reason."""
        with self._lock:
            self._stop = self._stop or Stop(reason, saw)

    def took(self, counts: Counts) -> None:
        """A batch is done."""
        with self._lock:
            self._total += counts
            self._began = True
            self._breaker.took(counts)
        self._judge_errors()
        self._judge_breaker()

    def failed(self, why: str) -> None:
        """A batch was rolled back for what may pass; it is tried again."""
        with self._lock:
            self._breaker.failed(why)
        self._judge_breaker()

    def _judge_errors(self) -> None:
        if limits.is_over(self._execution, self._total):
            self.stop("max_errors")

    def _judge_breaker(self) -> None:
        with self._lock:
            saw = self._breaker.saw
        if saw:
            self.stop("circuit_breaker", saw)
