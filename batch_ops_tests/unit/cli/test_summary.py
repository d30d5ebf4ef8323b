from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batch_ops.cli import summary
from batch_ops.cli.status import Looks
from batch_ops.cli.tables import moment
from batch_ops.results import ChunkCounts, Counts, Reject, Result, Status, StepResult

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def result(done: int, planned: int | None, *, status: str = "running", seconds: float = 100.0):
    counts = Counts(total=done, updated=done)
    step = StepResult("update", "update", status, counts, ChunkCounts(4, 1), planned,
                      duration_s=seconds)  # fmt: skip
    return Result("abcdef12-3456", "touch", Status.RUNNING, counts, (step,))


def test_a_moment_is_told_as_exactly_as_its_age_needs():
    local = NOW.astimezone()
    assert moment(NOW, NOW) == f"{local:%H:%M}"
    assert moment(NOW - timedelta(days=3), NOW) == "Jun 12"
    assert moment(NOW - timedelta(days=400), NOW) == "2025-05"
    assert moment(None, NOW) == ""


def test_at_the_first_look_remaining_time_is_by_average_then_by_the_pace_that_was_seen():
    """The pause before a resume makes the average slower than the truth."""
    now = 0.0
    looks = Looks(lambda: now)
    assert looks.remaining_s(result(1_000, 11_000)) == pytest.approx(1_000)
    now = 1.0
    assert looks.remaining_s(result(2_000, 11_000)) == pytest.approx(9)


@pytest.mark.parametrize(("done", "planned"), [(5, None), (20, 10), (0, 10)])
def test_no_remaining_time_is_invented(done, planned):
    assert Looks().remaining_s(result(done, planned)) is None


def test_a_step_tells_how_far_it_is_only_while_it_works():
    def told(*arguments: int | None, **more: str):
        return summary.step_rows(result(*arguments, **more).steps[0])

    assert told(5, 10) == "5 of 10 rows (50 %)"
    assert told(10, 10) == "10 updated"
    assert told(9, 10, status="finished") == "9 updated"
    assert told(0, None, status="unplanned") == "not planned yet"


@pytest.mark.parametrize(
    ("status", "gone", "command"),
    [
        (Status.STOPPED, False, "batch-ops resume abcdef12"),
        (Status.FAILED, False, "batch-ops resume abcdef12"),
        (Status.PAUSED, False, "batch-ops resume abcdef12"),
        (Status.RUNNING, True, "batch-ops resume abcdef12"),
        (Status.RUNNING, False, ""),
        (Status.COMPLETED, False, ""),
        (Status.REFUSED, False, ""),
        (Status.CANCELLED, False, ""),
    ],
)
def test_resume_is_named_exactly_where_it_helps(status, gone, command):
    found = Result("abcdef12-3456", "touch", status, Counts())
    assert summary.next_command(found, gone=gone) == command


def test_a_reject_names_its_column_and_value_unless_the_message_does():
    assert summary.why(Reject("type", "no integer", column="age", value="x")) == (
        "age = 'x': no integer"
    )
    assert summary.why(Reject("rule", "age > 0 does not hold", column="age", value="-1")) == (
        "age > 0 does not hold"
    )
    assert summary.why(Reject("x", "bad", column="age")) == "age = NULL: bad"


def test_a_key_is_told_with_its_nulls():
    assert summary.key_of(Reject("x", "bad", key={"a": 1, "b": None})) == "a=1 b=NULL"
    assert summary.key_of(Reject("x", "bad")) == ""
