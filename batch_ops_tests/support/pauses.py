"""Pauses that are noted, and not made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


class Clock:
    """Goes on by what is slept, and not by itself."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        self._now += seconds


def noted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses of calls from now on: of throttles and before retries."""
    clock = Clock()
    monkeypatch.setattr("batch_ops.engine.pace.time", clock)
    monkeypatch.setattr("batch_ops.engine.pace.LOOK_EVERY_S", 3600.0)
    monkeypatch.setattr("batch_ops.bulk.lanes.time", clock)
    return clock.pauses
