"""What is told of an execution, how often, how much, and where it is kept."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from batch_ops.engine import RunOptions, begin, rejects_of, result_of, resume, run
from batch_ops.engine.reading import MOST_ERRORS
from batch_ops.errors import DatabaseUnfitError, DeclarationError
from batch_ops.events import (
    BatchCommitted,
    ChunkCompleted,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    Progress,
)
from batch_ops.journal import ownership
from batch_ops.journal.store import utc_now
from batch_ops.observers.log import Log
from batch_ops.results import Counts, Reject, Status
from batch_ops.spec.model import ErrorLimit
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.engine import Project

    Make = Callable[..., Project]

UNLUCKY = ", CHECK (status <> 'closed' OR number NOT IN (7, 17, 27, 37, 47))"


@pytest.fixture
def make(closing: Make) -> Make:
    """The same, in two chunks."""

    def project(*options: str, unlucky: bool = False) -> Project:
        return closing("chunk_rows: 50", *options, extra=UNLUCKY if unlucky else "")

    return project


def events_of(project: Project) -> list[Event]:
    events: list[Event] = []
    run(project, "close", listen=events.append)
    return events


def kinds(events: list[Event]) -> set[type[Event]]:
    return {type(event) for event in events}


# progress


@pytest.mark.option("progress_tracking")
def test_without_progress_tracking_begin_and_end_are_told_and_no_progress(make):
    events = events_of(make("progress_tracking: false"))
    assert Progress not in kinds(events)
    assert isinstance(events[0], ExecutionStarted)
    assert events[0].progress is False
    assert isinstance(events[-1], ExecutionFinished)


def test_progress_is_told_unless_that_is_switched_off(make):
    events = events_of(make())
    assert Progress in kinds(events)
    assert isinstance(events[0], ExecutionStarted)
    assert events[0].progress is True


@pytest.mark.option("progress_notification_interval")
@pytest.mark.parametrize("how", ["atomic: false", "atomic: true"])
def test_progress_is_told_whenever_so_many_rows_are_done(make, how):
    events = events_of(make("progress_notification_interval: 25", how))
    asked = [event.counts.total for event in events if isinstance(event, Progress) and event.asked]
    assert asked == [30, 50, 80, 100]


def test_every_batch_is_told_as_it_is_committed(make):
    batches = [event for event in events_of(make()) if isinstance(event, BatchCommitted)]
    assert [event.number for event in batches] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    assert {event.counts for event in batches} == {Counts(total=10, updated=10)}
    assert len({event.chunk_key for event in batches}) == 2
    assert all(0 < event.duration_s < 60 for event in batches)


# the log


def logged(project: Project, caplog: pytest.LogCaptureFixture) -> list[str]:
    """The names of what was logged, in order, each once in a row."""
    with caplog.at_level(logging.INFO, logger="batch_ops"):
        run(project, "close", listen=Log())
    names = [record.getMessage().partition(" ")[0] for record in caplog.records]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


@pytest.mark.option("logging_level")
def test_a_minimal_log_is_begin_and_end(make, caplog):
    told = logged(make("logging_level: minimal"), caplog)
    assert told == ["execution_started", "execution_finished"]


def test_a_normal_log_tells_steps_and_chunks(make, caplog):
    told = logged(make("logging_level: normal"), caplog)
    assert told == [
        *("execution_started", "step_planned", "chunk_completed", "step_finished"),
        "execution_finished",
    ]


@pytest.mark.option("logging_level")
def test_a_detailed_log_tells_every_batch(make, caplog):
    told = logged(make("logging_level: detailed"), caplog)
    assert told == [
        *("execution_started", "step_planned", "batch_committed", "chunk_completed"),
        *("batch_committed", "chunk_completed", "step_finished", "execution_finished"),
    ]
    lines = [record.getMessage() for record in caplog.records]
    assert sum(line.startswith("batch_committed") for line in lines) == 10


# signs of life


@pytest.mark.option("heartbeat_interval")
def test_a_process_is_dead_after_three_intervals_of_its_own(make):
    project = make("heartbeat_interval: 1 second")
    execution = begin(project, "close")
    project.heartbeats[execution.id].stop()
    table = project.journal().tables.workers
    for age, lives in ((2, 1), (7, 0)):
        then = utc_now() - timedelta(seconds=age)
        with project.database().writing() as connection:
            connection.execute(update(table).values(host="elsewhere", heartbeat_at=then))
        with project.database().reading() as connection:
            found = ownership.living(project.journal(), connection, execution.id)
        assert len(found) == lives


@pytest.mark.option("heartbeat_interval")
def test_a_process_gives_its_sign_of_life_in_the_interval(make):
    """Where the database has one writer nobody gives any."""
    project = make("heartbeat_interval: 1 second")
    if not project.database().dialect.capabilities.concurrent_writers:
        return
    execution = begin(project, "close")
    query = "SELECT heartbeat_at FROM batch_workers"
    before, deadline = accounts.query(project.database(), query), time.monotonic() + 3.5
    while accounts.query(project.database(), query) == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    execution.abort(KeyboardInterrupt())


# tables


@pytest.mark.option("log_table")
def test_an_operation_names_the_table_of_its_log(make):
    project = make("log_table: close_log")
    assert run(project, "close").status is Status.COMPLETED
    query = "SELECT count(*), sum(total), min(status) FROM close_log"
    assert accounts.query(project.database(), query) == [(10, 100, "committed")]


@pytest.mark.option("log_table")
def test_what_died_is_read_from_the_operations_own_log(make):
    """How long a dead attempt lasted is known from its last batch."""
    project = make("log_table: close_log", "max_errors: 0", unlucky=True)
    stopped = run(project, "close")
    assert stopped.stopped_reason == "max_errors"
    steps = project.journal().tables.steps
    with project.database().writing() as connection:
        long_ago = utc_now() - timedelta(seconds=1000)
        connection.execute(update(steps).values(attempt_at=long_ago, busy_s=0.0))
    more = RunOptions(max_errors=ErrorLimit(rows=5))
    done = resume(project, stopped.execution_id, options=more)
    assert done.counts == Counts(total=100, updated=95, failed=5)
    assert done.step("update").duration_s > 900
    query = "SELECT count(*), sum(total) FROM close_log"
    assert accounts.query(project.database(), query) == [(10, 100)]


def test_the_journals_own_tables_may_be_named(make):
    project = make(
        "log_table: batch_operation_logs",
        "collect_metrics: true",
        "metrics_table: batch_performance_metrics",
    )
    assert run(project, "close").status is Status.COMPLETED
    assert accounts.query(project.database(), "SELECT count(*) FROM batch_operation_logs") == [
        (10,)
    ]


@pytest.mark.parametrize(
    ("option", "what"),
    [
        ("log_table: accounts", "the table of the entity 'accounts'"),
        ("log_table: batch_chunks", "another table of the journal"),
        ("log_table: batch_performance_metrics", "another table of the journal"),
        ("log_table: batch_output_1", "another table of the journal"),
    ],
)
def test_a_table_that_holds_something_else_is_no_log(make, option, what):
    project = make(option)
    with pytest.raises(DeclarationError, match=what):
        run(project, "close")
    assert not project.journal().exists()


def test_one_table_is_not_for_both(make):
    project = make("log_table: told", "collect_metrics: true", "metrics_table: told")
    with pytest.raises(DeclarationError, match="is the operation's `log_table`"):
        run(project, "close")


def test_a_table_that_is_there_and_is_another_one_is_refused(make):
    project = make("log_table: close_log")
    accounts.execute(project.database(), ["CREATE TABLE close_log (operation_id INTEGER)"])
    project.journal().ensure()
    with pytest.raises(DatabaseUnfitError, match=r"'close_log'.* lacks the columns batch_number"):
        run(project, "close")
    assert accounts.query(project.database(), "SELECT count(*) FROM batch_operations") == [(0,)]


# errors in the result


@pytest.mark.option("error_handling")
def test_collected_errors_are_in_the_result(make):
    project = make("error_handling: collect_errors", unlucky=True)
    result = run(project, "close")
    assert result.status is Status.COMPLETED_WITH_ERRORS
    keys = [error.key or {} for error in result.errors]
    assert sorted(key["number"] for key in keys) == [7, 17, 27, 37, 47]
    assert result.errors == tuple(rejects_of(project, result.execution_id))
    assert result.to_dict()["errors"] == [error.to_dict() for error in result.errors]
    assert result_of(project, result.execution_id).errors == result.errors


def test_collected_errors_are_a_list_also_when_there_are_none(make):
    assert run(make("error_handling: collect_errors"), "close").to_dict()["errors"] == []


def test_errors_that_are_not_collected_stay_in_the_journal(make):
    result = run(make(unlucky=True), "close")
    assert (result.counts.failed, result.errors) == (5, ())
    assert "errors" not in result.to_dict()


def test_collected_errors_of_what_was_stopped_are_in_the_result(make):
    project = make("error_handling: collect_errors", "max_errors: 0", unlucky=True)
    result = run(project, "close")
    assert result.status is Status.STOPPED
    assert len(result.errors) == result.counts.failed > 0


def test_no_more_errors_are_held_than_there_is_room_for(make, monkeypatch):
    assert MOST_ERRORS == 10_000
    monkeypatch.setattr("batch_ops.engine.reading.MOST_ERRORS", 3)
    result = run(make("error_handling: collect_errors", unlucky=True), "close")
    assert (result.counts.failed, len(result.errors)) == (5, 3)


def test_hidden_columns_are_not_in_collected_errors(make):
    project = make("error_handling: collect_errors", unlucky=True)
    file = project.folder / "defs" / "accounts.yaml"
    file.write_text(file.read_text().replace("key: [", "hidden: [number]\nkey: [", 1))
    hiding = accounts.project(project.folder, str(project.database().url), file.read_text())
    errors: tuple[Reject, ...] = run(hiding, "close").errors
    assert len(errors) == 5
    assert not any("number" in (error.key or {}) for error in errors)
    hiding.dispose()


def test_a_listener_hears_of_chunks_at_every_level(make):
    """Dagster's partitions turn green whatever the log says."""
    events = events_of(make("logging_level: minimal", "progress_tracking: false"))
    assert sum(isinstance(event, ChunkCompleted) for event in events) == 2
