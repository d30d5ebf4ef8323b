"""Progress for a person: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from batch_ops.events import (
    BatchRetried,
    ExecutionStarted,
    Progress,
    StepFinished,
    StepPlanned,
)
from batch_ops.observers import words
from batch_ops.observers.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from batch_ops.events import Event

FIRST_LINE_S, NEXT_LINE_S = 2.0, 5.0


class Paces:
    """The pace of each step of one execution, kept from its events."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._resumed = False
        self._paces: dict[str, Pace] = {}

    def note(self, event: Event) -> None:
        """Take in an event; a step that is planned and not resumed begins with no rows."""
        if isinstance(event, ExecutionStarted):
            self._resumed = event.resumed
        elif isinstance(event, StepPlanned) and not self._resumed:
            self.of(event.step).note(self._clock(), 0)
        elif isinstance(event, Progress):
            self.of(event.step).note(self._clock(), event.counts.total)

    def of(self, step: str) -> Pace:
        return self._paces.setdefault(step, Pace())

    def told(self, event: Progress) -> str:
        """`81,204 rows/s, 3.1 s left`, as far as it is known."""
        pace = self.of(event.step)
        speed, left = pace.rows_per_s, pace.remaining_s(event.planned_rows)
        known = [words.rate(speed)] if speed is not None else []
        return ", ".join([*known, *([f"{words.duration(left)} left"] if left is not None else [])])


class ProgressLines:
    """Without a terminal: the first line after 2 s, then one every 5 s; besides one whenever so
    many rows are done as the operation asks for. None where it says that no progress is told.

    Args:
        stream: where the lines go.
        clock: seconds, monotonic.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._paces = Paces(clock)
        self._due, self._trouble_due = clock() + FIRST_LINE_S, clock()

    def __call__(self, event: Event) -> None:
        self._paces.note(event)
        if isinstance(event, Progress) and (event.asked or self._clock() >= self._due):
            self._due = self._clock() + NEXT_LINE_S
            self._write(event)
        if isinstance(event, BatchRetried) and self._clock() >= self._trouble_due:
            self._trouble_due = self._clock() + NEXT_LINE_S
            print(f"{event.step}: {words.tried_again(event)}", file=self._stream, flush=True)

    def _write(self, event: Progress) -> None:
        done, rejects = event.counts.total, event.counts.rejects
        parts = [words.progress(done, event.planned_rows), self._paces.told(event)]
        parts += [f"{words.rows(rejects)} rejected"] if rejects else []
        line = f"{event.step}: {', '.join(part for part in parts if part)}"
        print(line, file=self._stream, flush=True)


class ProgressBar:
    """On a terminal: one bar per step with rows, rate and remaining time.

    The bar appears with the first planned step and stays on the screen at the end. There is none
    where the operation says that no progress is told, or where its log tells every batch: they
    would be in each other's way.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._paces = console, Paces(clock)
        self._bar: Bar | None = None
        self._silent = False
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, event: Event) -> None:
        self._paces.note(event)
        if isinstance(event, ExecutionStarted):
            self._silent = not event.progress or event.level == "detailed"
        if self._silent:
            return
        if isinstance(event, StepPlanned):
            self._show(event.step, 0, event.rows, "")
        elif isinstance(event, Progress):
            told = self._paces.told(event)
            self._show(event.step, event.counts.total, event.planned_rows, told)
        elif isinstance(event, BatchRetried):
            bar = self._started()
            bar.update(self._task(bar, event.step), told=words.tried_again(event), refresh=True)
        elif isinstance(event, StepFinished):
            self._end(event)

    def _show(self, step: str, done: int, planned: int, told: str) -> None:
        bar = self._started()
        task = self._task(bar, step)
        # a bar that is full while rows still come would be a lie: then it only pulses
        total = planned if planned > 0 and done <= planned else None
        bar.update(
            task, completed=done, total=total, said=_said(done, planned), told=told, refresh=True
        )

    def _end(self, event: StepFinished) -> None:
        step = event.result
        bar = self._started()
        done = step.counts.total
        told = f"{words.rate(step.rows_per_s)}, {words.duration(step.duration_s)}"
        bar.update(
            self._task(bar, step.name),
            completed=done,
            total=max(done, 1),
            said=words.rows(done),
            told=told if done else "",
            refresh=True,
        )

    def _task(self, bar: Bar, step: str) -> TaskID:
        if step not in self._tasks:
            self._tasks[step] = bar.add_task(step, total=None, said="", told="")
        return self._tasks[step]

    def _started(self) -> Bar:
        if self._bar is None:
            self._bar = _make_bar(self._console)
            self._bar.start()
        return self._bar


def _said(done: int, planned: int) -> str:
    if planned <= 0:
        return words.rows(done)
    return f"{done:,}/{planned:,}" if done <= planned else f"{done:,} ({planned:,} planned)"


def _make_bar(console: Console) -> Bar:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[said]}", justify="right", markup=False),
        TextColumn("{task.fields[told]}", style="dim", justify="left", markup=False),
        console=console,
        expand=False,
        refresh_per_second=4,
    )
