"""What people are told, and what they are not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from batch_ops.observers import letters
from batch_ops.observers.notify import NO_ADDRESS, Post, hide, scheme
from batch_ops.results import Counts, Result, Status, StepResult

COUNTS = Counts(total=12, updated=10, failed=2)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ADDRESS = "mailto://me:hunter2@mail.example.org:587/?to=ann%40example.org&from=ops@x"


def result(status: Status, **more: object) -> Result:
    return Result("0123456789", "close", status, COUNTS, started_at=NOW, duration_s=1.5, **more)


def test_a_good_end_in_our_words():
    letter = letters.completed(result(Status.COMPLETED_WITH_ERRORS), None)
    assert letter.event == "completed"
    assert letter.title == "close completed with errors: 10 updated, 2 failed."
    assert letter.body.splitlines() == [letter.title, "Execution 01234567, ended after 1.5 s."]


def test_a_message_may_name_every_field_and_what_is_missing_is_left_empty():
    message = (
        "{operation} {status} {error_count}/{total_records}/{total} {stopped_reason}{started_at}"
    )
    letter = letters.completed(result(Status.COMPLETED), message)
    assert letter.title == "close completed 2/12/12 2026-01-02T03:04:05+00:00"
    assert letter.body.splitlines()[0] == letter.title


def test_a_failure_does_not_go_by_the_name_of_a_success():
    stopped = result(Status.STOPPED, stopped_reason="timeout", message="Its time is over.")
    letter = letters.failed(stopped, "Closed {updated} accounts")
    assert letter.title == "close stopped"
    assert letter.body.splitlines() == [
        "close stopped.",
        "Its time is over.",
        "Reason: timeout.",
        "What was committed stays: 10 updated, 2 failed.",
        "Go on with: batch-ops resume 01234567",
        "See: batch-ops status 01234567",
        "Execution 01234567, ended after 1.5 s.",
        "",
        "Closed 10 accounts",
    ]


@pytest.mark.parametrize("reason", ["row_refused", "error", "not_understood"])
def test_a_message_that_may_quote_a_row_is_not_told(reason):
    bad = result(Status.STOPPED, stopped_reason=reason, message="Key (name)=(s3cret) exists.")
    letter = letters.failed(bad, "{operation}: {message}")
    assert "s3cret" not in letter.title + letter.body


def test_a_password_is_not_told():
    bad = result(Status.FAILED, message="postgresql://me:hunter2@db/x is gone")
    assert "hunter2" not in letters.failed(bad, "{message}").body


def test_words_that_cannot_be_written_are_ours_and_the_log_says_why(caplog):
    letter = letters.completed(result(Status.COMPLETED), "{total_records:nonsense}")
    assert letter.title == "close completed: 10 updated, 2 failed."
    assert "notification_message_unfit operation=close" in caplog.text


def test_a_title_is_one_line():
    letter = letters.completed(result(Status.COMPLETED), "first\nsecond {updated}")
    assert (letter.title, letter.body.splitlines()[1]) == ("first", "second 10")
    assert len(letters.completed(result(Status.COMPLETED), "x" * 999).title) == 200


def test_many_errors_in_our_words():
    letter = letters.errors("close", "0123456789", Counts(total=4, updated=1, failed=3), "6")
    assert letter.title == "close meets many errors: 3 rejects, 6 are allowed"
    assert "batch-ops errors 01234567" in letter.body


def test_the_rate_is_told_where_there_is_one():
    step = StepResult("update", "update", "finished", COUNTS, chunks=None, duration_s=2.0)
    told = letters.completed(result(Status.COMPLETED, steps=(step,)), None)
    assert told.body.endswith("ended after 1.5 s, 6.0 rows/s.")


def test_of_an_address_only_the_scheme_is_shown():
    text = f"no answer from mail.example.org for ann@example.org, me and hunter2: {ADDRESS}"
    shown = hide(text, ADDRESS)
    for secret in ("hunter2", "mail.example.org", "ann", "example.org", "587"):
        assert secret not in shown
    assert scheme(ADDRESS) == "mailto"


def test_a_channel_without_an_address_is_a_delivery_that_failed():
    post = Post(timeout=1)
    post.send(letters.errors("close", "e1", COUNTS, "6"), "pager", None)
    [delivery] = post.settle()
    assert (delivery.event, delivery.channel, delivery.error) == (
        "error_threshold",
        "pager",
        NO_ADDRESS,
    )
    assert post.settle() == []
