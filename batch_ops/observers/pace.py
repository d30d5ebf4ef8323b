"""How fast a step goes, from what its progress events told."""

from __future__ import annotations

from collections import deque

WINDOW_S = 20.0


class Pace:
    """Rows per second over the last 20 seconds.

    Only growth that was seen counts: what an earlier process had done before a resume is not
    taken for speed of this one.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, now: float, done: int) -> None:
        """At `now` (seconds of a monotonic clock) `done` rows were done."""
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_S:
            self._seen.popleft()

    @property
    def rows_per_s(self) -> float | None:
        """The rate; None before it can be known."""
        if len(self._seen) < 2:
            return None
        (begin, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - begin) if end > begin else None

    def remaining_s(self, planned: int) -> float | None:
        """Seconds until `planned` rows are done; None when nobody can know."""
        speed = self.rows_per_s
        if not speed or planned <= 0 or self._seen[-1][1] > planned:
            return None
        return (planned - self._seen[-1][1]) / speed
