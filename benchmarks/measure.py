"""Measuring two ways in turn, and what came out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from batch_ops.engine import RunOptions, run
from batch_ops.events import ChecksJudged

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.engine import Project
    from batch_ops.events import Event
    from batch_ops.results import Result


@dataclass(frozen=True, slots=True)
class Seconds:
    """One execution. work: from the judged preconditions to its end; start: all before."""

    start: float
    work: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A work beside its limit. bar: the ratio it must not pass; None: only told."""

    work: str
    rows: int
    limit_name: str
    sizes: str
    bar: float | None
    limit: list[float] = field(default_factory=list)
    ours: list[Seconds] = field(default_factory=list)

    @property
    def limit_s(self) -> float:
        return median(self.limit)

    @property
    def work_s(self) -> float:
        return median(one.work for one in self.ours)

    @property
    def start_s(self) -> float:
        return median(one.start for one in self.ours)

    @property
    def ratio(self) -> float:
        return self.work_s / self.limit_s

    @property
    def ok(self) -> bool:
        return self.bar is None or self.ratio <= self.bar


@dataclass(frozen=True, slots=True)
class Peak:
    """The largest resident memory of a process that imported a file, in MB of 2^20 bytes.

    of_operation: of a declared operation, not of a call of the Python door.
    """

    work: str
    rows: int
    peak_mb: float
    bar_mb: float
    of_operation: bool

    @property
    def ok(self) -> bool:
        return self.peak_mb <= self.bar_mb


@dataclass(frozen=True, slots=True)
class Growth:
    """Whether memory grew from the smaller to the larger input: `ratio` must not pass `bar`."""

    work: str
    ratio: float
    bar: float

    @property
    def ok(self) -> bool:
        return self.ratio <= self.bar


def interleave(
    comparison: Comparison,
    limit: Callable[[], float],
    ours: Callable[[], Seconds],
    repetitions: int,
) -> Comparison:
    """Measure both in turn; which one goes first changes from one repetition to the next."""
    for number in range(repetitions):
        if number % 2:
            comparison.ours.append(ours())
            comparison.limit.append(limit())
        else:
            comparison.limit.append(limit())
            comparison.ours.append(ours())
    return comparison


class _Clock:
    """Listens for the moment the preconditions were judged."""

    def __init__(self) -> None:
        self.judged: float | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, ChecksJudged):
            self.judged = time.perf_counter()


def timed(
    project: Project,
    operation: str,
    parameters: dict[str, Any] | None = None,
    *,
    through: Callable[..., Result] = run,
) -> tuple[Seconds, Result]:
    """Run an operation; `through` is the engine's `run` or another door's of the same shape."""
    clock = _Clock()
    began = time.perf_counter()
    result = through(project, operation, parameters, options=RunOptions(), listen=clock)
    ended = time.perf_counter()
    project.dispose()
    assert clock.judged is not None, result
    return Seconds(start=clock.judged - began, work=ended - clock.judged), result


def expect(result: Result, **counts: int) -> None:
    """Fast and wrong is not fast: the counters must be these."""
    told = result.counts.to_dict()
    assert result.stopped_reason is None, result
    assert {name: told[name] for name in counts} == counts, result
