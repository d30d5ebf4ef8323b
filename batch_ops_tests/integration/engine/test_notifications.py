"""Whoever is to be told of an execution is told, through real servers, and nothing waits long."""

from __future__ import annotations

import io
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.engine import RunOptions, begin, resume, run
from batch_ops.errors import PreconditionFailedError
from batch_ops.events import ChunkCompleted, ErrorLimitNear, Event
from batch_ops.results import Counts, Status
from batch_ops.spec.model import ErrorLimit
from batch_ops_tests.support import accounts, receivers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops_tests.support.receivers import Received

    Make = Callable[..., Project]

UNLUCKY = ", CHECK (status <> 'closed' OR number NOT IN (7, 17, 27, 37, 47, 57, 67, 77, 87, 97))"
"""Every tenth account cannot be closed."""


@pytest.fixture
def make(closing: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """The same, with the settings of a place."""
    monkeypatch.setenv("BATCH_OPS_NOTIFY_TIMEOUT", "30")

    def project(*options: str, settings: str = "", unlucky: bool = False) -> Project:
        (tmp_path / "batch_ops.toml").write_text(settings)
        return closing(*options, extra=UNLUCKY if unlucky else "")

    return project


@pytest.fixture
def mail() -> Iterator[Received]:
    with receivers.mail_server() as received:
        yield received


@pytest.fixture
def hook() -> Iterator[Received]:
    with receivers.web_hook() as received:
        yield received


def addresses(**channels: str) -> str:
    """The settings of a place with these channels."""
    return "[notify]\n" + "".join(f'{name} = "{url}"\n' for name, url in channels.items())


def sent(project: Project) -> list[tuple[Any, ...]]:
    """What the journal knows of the sendings."""
    query = "SELECT event, channel, success, error_message FROM batch_notifications ORDER BY 1, 2"
    rows = accounts.query(project.database(), query)
    return [(event, channel, bool(success), error) for event, channel, success, error in rows]


@pytest.mark.option("notify_on_completion")
@pytest.mark.option("notification_message")
def test_a_good_end_is_told_in_the_operations_own_words(make, mail, hook):
    project = make(
        "notify_on_completion: true",
        'notification_message: "Closed {processed_records} of {total_records} accounts: {status}"',
        settings=addresses(email=mail.address, webhook=hook.address),
    )
    assert run(project, "close").status is Status.COMPLETED
    words = "Closed 100 of 100 accounts: completed"
    assert mail.titles == hook.titles == [words]
    assert mail.letters[0][1].splitlines()[0] == words
    assert sent(project) == [
        ("completed", "email", True, None),
        ("completed", "webhook", True, None),
    ]


def test_a_good_end_nobody_wants_to_know_of_is_not_told(make, mail):
    project = make(settings=addresses(email=mail.address))
    run(project, "close")
    assert mail.letters == []
    assert sent(project) == []


def test_without_words_of_its_own_an_operation_is_told_in_plain_ones(make, mail):
    project = make("notify_on_completion: true", settings=addresses(email=mail.address))
    run(project, "close")
    assert mail.titles == ["close completed: 100 updated."]


@pytest.mark.option("notification_channels")
def test_only_the_named_channels_are_used(make, mail, hook):
    project = make(
        "notify_on_completion: true",
        "notification_channels: [webhook]",
        settings=addresses(email=mail.address, webhook=hook.address),
    )
    run(project, "close")
    assert (len(mail.letters), len(hook.letters)) == (0, 1)


def test_rows_that_were_refused_do_not_make_a_good_end_a_failure(make, mail):
    project = make(
        "notify_on_completion: true", settings=addresses(email=mail.address), unlucky=True
    )
    assert run(project, "close").status is Status.COMPLETED_WITH_ERRORS
    assert mail.titles == ["close completed with errors: 90 updated, 10 failed."]


def test_a_passed_limit_is_told_always_with_what_is_to_be_done(make, mail):
    project = make("max_errors: 0", settings=addresses(email=mail.address), unlucky=True)
    result = run(project, "close")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "max_errors")
    assert mail.titles == ["close stopped"]
    text = mail.letters[0][1]
    assert "More rows were refused than max_errors allows." in text
    assert f"Go on with: batch-ops resume {result.execution_id[:8]}" in text
    assert sent(project) == [("failed", "email", True, None)]


def test_a_refusal_is_told(make, mail):
    project = make('preconditions: ["COUNT(*) > 1000"]', settings=addresses(email=mail.address))
    with pytest.raises(PreconditionFailedError):
        run(project, "close")
    assert mail.titles == ["close refused"]


def test_who_interrupts_an_execution_is_not_told_of_it(make, mail):
    project = make("notify_on_completion: true", settings=addresses(email=mail.address))

    def interrupt(event: Event) -> None:
        if isinstance(event, ChunkCompleted):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(project, "close", listen=interrupt)
    assert mail.letters == []


def test_half_of_the_allowed_errors_is_told_once_also_over_a_resume(make, mail):
    project = make("max_errors: 8", settings=addresses(email=mail.address), unlucky=True)
    events: list[Event] = []
    first = run(project, "close", listen=events.append)
    assert first.stopped_reason == "max_errors"
    near = [event.counts.failed for event in events if isinstance(event, ErrorLimitNear)]
    assert near == [4]
    more = RunOptions(max_errors=ErrorLimit(rows=12))
    again = resume(project, first.execution_id, options=more, listen=events.append)
    assert again.counts == Counts(total=100, updated=90, failed=10)
    assert mail.titles == ["close meets many errors: 4 rejects, 8 are allowed", "close stopped"]


def test_an_end_is_told_once_however_often_it_is_said(make, mail):
    project = make("notify_on_completion: true", settings=addresses(email=mail.address))
    execution = begin(project, "close")
    execution.plan_step("update")
    execution.run_step("update")
    execution.finish_step("update")
    execution.finish()
    execution.finish()
    assert len(mail.letters) == 1


def test_a_channel_without_an_address_is_told_as_the_run_begins(make, mail, caplog):
    project = make(
        "notify_on_completion: true",
        "notification_channels: [email, pager]",
        settings=addresses(email=mail.address),
    )
    with caplog.at_level(logging.WARNING, logger="batch_ops"):
        execution = begin(project, "close")
        warned = [record.getMessage() for record in caplog.records]
        execution.abort(KeyboardInterrupt())
    assert warned == ["notification_channel_without_address operation=close channel=pager"]
    assert resume(project, execution.id).status is Status.COMPLETED
    assert sent(project) == [
        ("completed", "email", True, None),
        ("completed", "pager", False, "the channel has no address"),
    ]


def test_a_receiver_that_never_answers_costs_no_more_than_its_time(make, hook, monkeypatch, caplog):
    monkeypatch.setenv("BATCH_OPS_NOTIFY_TIMEOUT", "1")
    with receivers.hanging() as address:
        project = make(
            "notify_on_completion: true", settings=addresses(slow=address, webhook=hook.address)
        )
        started = time.monotonic()
        with caplog.at_level(logging.WARNING, logger="batch_ops"):
            assert run(project, "close").status is Status.COMPLETED
        assert time.monotonic() - started < 20
    assert len(hook.letters) == 1
    (slow, fast) = sent(project)
    assert slow[:3] == ("completed", "slow", False)
    assert slow[3].startswith("the receiver had not answered after 1.")
    assert fast == ("completed", "webhook", True, None)
    assert "notification_failed" in caplog.text


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the root logger's handlers write (caplog hears loggers that keep to themselves, too)."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def test_a_receiver_that_is_not_there_is_in_the_log_and_the_journal(make, logged):
    with receivers.refusing() as address:
        project = make("notify_on_completion: true", settings=addresses(webhook=address))
        assert run(project, "close").status is Status.COMPLETED
    ((event, channel, success, error),) = sent(project)
    assert (event, channel, success) == ("completed", "webhook", False)
    assert "Connection error" in error
    assert "channel=webhook" in logged.getvalue()
    for secret in ("hunter2", "s3cret-path", "127.0.0.1"):
        assert secret not in error + logged.getvalue()


def test_a_receiver_that_says_no_is_a_failure(make):
    with receivers.web_hook(status=500) as hook:
        project = make("notify_on_completion: true", settings=addresses(webhook=hook.address))
        assert run(project, "close").status is Status.COMPLETED
    ((_, _, success, error),) = sent(project)
    assert not success
    assert "500" in error


def test_an_address_nobody_knows_is_told_by_its_scheme_alone(make):
    settings = addresses(odd="nonsense://hunter2@s3cret")
    project = make("notify_on_completion: true", settings=settings)
    run(project, "close")
    told = "the address (nonsense) is none that can be sent to"
    assert sent(project) == [("completed", "odd", False, told)]


def test_a_refused_row_is_not_told(make, mail):
    """A message may quote a value: it stays in the journal, with the reject."""
    project = make(
        "error_handling: stop_on_error",
        'notification_message: "{operation}: {message}"',
        settings=addresses(email=mail.address),
        unlucky=True,
    )
    result = run(project, "close")
    assert "refused" in (result.message or "")
    assert mail.titles == ["close stopped"]
    assert "constraint" not in str(mail).lower()
    assert mail.letters[0][1].splitlines()[-1] == "close:"
