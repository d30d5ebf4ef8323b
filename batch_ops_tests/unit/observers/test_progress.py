from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from batch_ops.events import ExecutionStarted, Progress, StepFinished, StepPlanned
from batch_ops.observers.progress import ProgressBar, ProgressLines
from batch_ops.results import ChunkCounts, Counts, StepResult


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def started(*, resumed: bool = False, **more: Any):
    return ExecutionStarted("e1", "import_rows", resumed=resumed, **more)


def planned(rows: int):
    return StepPlanned("e1", "import_rows", "insert", ("k-1",), rows)


def progress(done: int, of: int, *, invalid: int = 0, asked: bool = False):
    counts = Counts(total=done, created=done - invalid, invalid=invalid)
    return Progress("e1", "import_rows", "insert", counts, of, 1.0, asked)


def lines_of(*moments: object):
    """The lines for (seconds since the start, event) pairs."""
    clock, stream = Clock(), io.StringIO()
    lines = ProgressLines(stream, clock)
    for second, event in moments:
        clock.now = 100.0 + second
        lines(event)
    return stream.getvalue().splitlines()


def test_without_a_terminal_the_first_line_comes_after_two_seconds_then_one_every_five():
    told = lines_of(
        (0, started()),
        (0, planned(100_000)),
        *((second, progress(second * 1_000, 100_000)) for second in range(1, 14)),
    )
    assert [line.split(" rows")[0] for line in told] == [
        "insert: 2,000 of 100,000",
        "insert: 7,000 of 100,000",
        "insert: 12,000 of 100,000",
    ]


def test_a_line_the_operation_asks_for_comes_at_once():
    told = lines_of(
        (0, started()),
        (0, planned(100)),
        (0.1, progress(10, 100, asked=True)),
        (0.2, progress(15, 100)),
        (0.3, progress(20, 100, asked=True)),
    )
    assert [line.split(" rows")[0] for line in told] == [
        "insert: 10 of 100",
        "insert: 20 of 100",
    ]


@pytest.mark.parametrize("how", [{"progress": False}, {"level": "detailed"}])
def test_there_is_no_bar_where_none_is_wanted_or_a_log_would_be_in_its_way(how):
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with ProgressBar(console) as bar:
        for event in (started(**how), planned(100), progress(50, 100)):
            bar(event)
    assert console.file.getvalue() == ""


def test_a_line_tells_share_rate_and_remaining_time():
    told = lines_of((0, started()), (0, planned(10_000)), (2, progress(2_000, 10_000)))
    assert told == ["insert: 2,000 of 10,000 rows (20 %), 1,000 rows/s, 8.0 s left"]


def test_more_rows_than_planned_are_told_as_such_and_no_remaining_time_is_invented():
    told = lines_of((0, started()), (0, planned(1_000)), (2, progress(2_000, 1_000)))
    assert told == ["insert: 2,000 rows (1,000 were planned), 1,000 rows/s"]


def test_an_unknown_total_is_told_without_a_share():
    told = lines_of((0, started()), (0, planned(0)), (2, progress(2_000, 0)))
    assert told == ["insert: 2,000 rows, 1,000 rows/s"]


def test_rejects_are_told_while_they_happen():
    told = lines_of((0, started()), (3, progress(30, 100, invalid=7)))
    assert told[0].endswith("7 rows rejected")


def test_after_a_resume_the_rows_of_the_process_before_do_not_count_as_speed():
    told = lines_of(
        (0, started(resumed=True)),
        (0, planned(100_000)),
        (1, progress(90_000, 100_000)),
        (3, progress(90_200, 100_000)),
    )
    assert "100 rows/s, 1 min 38 s left" in told[0]


def test_a_stalled_step_promises_no_end():
    told = lines_of(
        (0, started(resumed=True)), (1, progress(500, 1_000)), (3, progress(500, 1_000))
    )
    assert told == ["insert: 500 of 1,000 rows (50 %), 0.0 rows/s"]


def screen(*events: object) -> str:
    clock, stream = Clock(), io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    with ProgressBar(console, clock) as bar:
        for event in events:
            clock.now += 1
            bar(event)
    return stream.getvalue()


def test_on_a_terminal_a_bar_shows_rows_of_planned_and_rate():
    shown = screen(started(), planned(10_000), progress(2_000, 10_000))
    assert "insert" in shown
    assert "2,000/10,000" in shown
    assert "2,000 rows/s, 4.0 s left" in shown


def test_on_a_terminal_an_overfull_step_is_not_shown_as_complete():
    shown = screen(started(), planned(1_000), progress(2_000, 1_000))
    assert "2,000 (1,000 planned)" in shown


def test_a_finished_step_shows_what_it_did_with_its_own_rate():
    counts = Counts(total=10_000, created=10_000)
    step = StepResult(
        "insert", "insert", "finished", counts, ChunkCounts(1, 1), 10_000, duration_s=4.0
    )
    finished = StepFinished("e1", "import_rows", step)
    shown = screen(started(), planned(10_000), progress(2_000, 10_000), finished)
    assert "2,500 rows/s, 4.0 s" in shown.splitlines()[-2]


def test_nothing_is_drawn_before_a_step_is_planned():
    assert screen(started()) == ""
