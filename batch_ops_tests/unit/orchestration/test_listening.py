"""How much of the log Dagster gets: its lines are events, and there is a bound of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from batch_ops.events import BatchCommitted, Event, Progress, silent
from batch_ops.orchestration import listening
from batch_ops.orchestration.listening import Listening
from batch_ops.results import Counts
from batch_ops.spec.model import LoggingLevel, Telling

WHO = ("e1", "settle")
COUNTS = Counts(total=10, updated=10)


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(listening, "time", clock)
    return clock


def heard(level: LoggingLevel, *, prints: bool = True) -> tuple[Listening, list[str]]:
    """A listener for an operation of that level, and what it logs as events."""
    lines: list[str] = []
    log = SimpleNamespace(info=lambda text, *values: lines.append(text % values))
    operation: Any = SimpleNamespace(telling=Telling(level=level), steps=())
    context: Any = SimpleNamespace(log=log)
    return Listening(operation, context, silent, prints=prints, told_at=0.0), lines


def batch(number: int) -> Event:
    return BatchCommitted(*WHO, "update", "k-1", number, COUNTS, 0.25)


def test_progress_is_a_line_unless_the_log_is_minimal(clock):
    event = Progress(*WHO, "update", COUNTS, 100, 1.0)
    for level, number in ((LoggingLevel.NORMAL, 1), (LoggingLevel.MINIMAL, 0)):
        listen, lines = heard(level)
        listen(event)
        assert len(lines) == number


def test_batches_of_a_detailed_log_are_printed_at_most_once_a_second(clock, capsys):
    listen, lines = heard(LoggingLevel.DETAILED)
    for number in range(1, 31):
        listen(batch(number))
        clock.now += 0.1
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "update: batch 1 of k-1: 10 total, 10 updated, 0.250 s"
    assert len(told) == 3
    assert lines == []


@pytest.mark.parametrize(
    ("level", "prints"), [(LoggingLevel.NORMAL, True), (LoggingLevel.DETAILED, False)]
)
def test_batches_are_printed_only_where_they_are_wanted(clock, capsys, level, prints):
    """A launcher in this process has a log of its own."""
    listen, _ = heard(level, prints=prints)
    listen(batch(1))
    assert capsys.readouterr().err == ""
