"""`collect_metrics`: what was measured of an execution and its steps stands in a table."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.engine import RunOptions, resume, run
from batch_ops.engine.metrics import percentile
from batch_ops.events import BatchCommitted, Event
from batch_ops.results import Status
from batch_ops.spec.model import ErrorLimit
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batch_ops.database import Database
    from batch_ops.engine import Project

NAMES = {
    *("rows_per_second", "batch_seconds_p50", "batch_seconds_p95", "reject_rate"),
    *("peak_memory_mb", "total_rows", "rejects", "batches", "duration_seconds"),
    "lock_wait_seconds",
}
UNLUCKY = ", CHECK (status <> 'closed' OR number NOT IN (7, 17, 27, 37, 47))"
TEXT = (
    accounts.ENTITY
    + """  - name: batch_operations
    operation: close
    batch_size: 10
    chunk_rows: 20
    collect_metrics: true
    steps:
      - name: find
        operation_type: select
        where_condition: "status = 'open'"
      - name: shut
        operation_type: update
        update_data: {status: closed}
        where_condition: "(region, number) IN (:find_ids)"
"""
)

NAMED = TEXT.replace("    collect_metrics", "    metrics_table: close_metrics\n    collect_metrics")


def made(folder: Path, url: str, rows: int, text_: str = TEXT, extra: str = "") -> Project:
    project = accounts.project(folder, url, text_)
    accounts.make_accounts(project.database(), rows, extra)
    return project


def measured(
    project: Project, table: str = "batch_performance_metrics"
) -> dict[str | None, dict[str, float]]:
    """The figures by step; None is the whole."""
    query = f"SELECT step, metric_name, metric_value FROM {table} WHERE recorded_at IS NOT NULL"
    found: dict[str | None, dict[str, float]] = {}
    for step, name, value in accounts.query(project.database(), query):
        assert name not in found.setdefault(step, {})
        found[step][name] = float(value)
    return found


@pytest.mark.option("collect_metrics")
def test_every_step_and_the_whole_are_measured(tmp_path: Path, database_url: str):
    project = made(tmp_path, database_url, 100, extra=UNLUCKY)
    result = run(project, "close")
    found = measured(project)
    assert set(found) == {"find", "shut", None}
    assert {step: set(values) for step, values in found.items()} == dict.fromkeys(found, NAMES)
    counted = ("total_rows", "rejects", "batches", "reject_rate")
    assert [found["find"][name] for name in counted] == [100, 0, 10, 0.0]
    assert [found["shut"][name] for name in counted] == [100, 5, 10, 0.05]
    assert [found[None][name] for name in counted] == [200, 5, 20, 0.025]
    whole = found[None]
    assert whole["rows_per_second"] == pytest.approx(result.rows_per_s)
    assert whole["duration_seconds"] == pytest.approx(result.duration_s)
    assert 0 < whole["batch_seconds_p50"] <= whole["batch_seconds_p95"] < 10
    assert whole["peak_memory_mb"] > 20
    assert whole["lock_wait_seconds"] < 1
    project.dispose()


def test_without_the_option_nothing_is_measured(tmp_path: Path, database_url: str):
    text_ = TEXT.replace("    collect_metrics: true\n", "")
    project = made(tmp_path, database_url, 100, text_)
    run(project, "close")
    assert measured(project) == {}
    project.dispose()


def test_a_failed_execution_is_measured_and_a_resume_takes_its_place(
    tmp_path: Path, database_url: str
):
    text_ = TEXT.replace("    collect_metrics", "    max_errors: 0\n    collect_metrics")
    project = made(tmp_path, database_url, 100, text_, UNLUCKY)
    stopped = run(project, "close")
    assert (stopped.status, stopped.stopped_reason) == (Status.STOPPED, "max_errors")
    before = measured(project)
    assert before["shut"]["rejects"] == before[None]["rejects"] == stopped.counts.rejects > 0
    assert before["shut"]["batches"] < 10
    more = RunOptions(max_errors=ErrorLimit(rows=5))
    resume(project, stopped.execution_id, options=more)
    after = measured(project)
    assert (after["shut"]["rejects"], after["shut"]["batches"]) == (5, 10)
    assert after[None]["total_rows"] == 200
    project.dispose()


@pytest.mark.option("metrics_table")
def test_an_operation_names_the_table_of_its_metrics(tmp_path: Path, database_url: str):
    project = made(tmp_path, database_url, 100, NAMED)
    run(project, "close")
    assert set(measured(project, "close_metrics")) == {"find", "shut", None}
    with pytest.raises(DBAPIError):
        measured(project)
    project.dispose()


class Blocking:
    """Holds a lock of the table for 1.5 s, from the first batch of the step `shut` on.

    Where one connection writes at a time, it is asked for all the time, and the lanes' pauses let
    it in.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._held = database, False

    def __call__(self, event: Event) -> None:
        if isinstance(event, BatchCommitted) and event.step == "shut" and not self._held:
            self._held = True
            threading.Timer(1.5, self._hold()).start()

    def _hold(self) -> Callable[[], object]:
        if self._database.dialect.capabilities.concurrent_writers:
            connection = self._database.engine.connect()
            connection.execute(text("UPDATE accounts SET balance = balance"))
            return connection.close
        raw = sqlite3.connect(
            str(self._database.url.database), isolation_level=None, check_same_thread=False
        )
        raw.execute("PRAGMA busy_timeout = 0")
        while True:
            with suppress(sqlite3.OperationalError):
                raw.execute("BEGIN IMMEDIATE")
                return raw.close


@pytest.mark.quick("sqlite")
def test_waiting_for_somebody_elses_lock_is_measured(tmp_path: Path, database_url: str):
    text_ = TEXT.replace("    collect_metrics", "    throttle: 20 ms\n    collect_metrics")
    project = made(tmp_path, database_url, 600, text_)
    assert run(project, "close", listen=Blocking(project.database())).status is Status.COMPLETED
    found = measured(project)
    assert found["find"]["lock_wait_seconds"] < 0.5
    assert 0.8 < found["shut"]["lock_wait_seconds"] < 5
    assert found[None]["lock_wait_seconds"] == pytest.approx(
        found["find"]["lock_wait_seconds"] + found["shut"]["lock_wait_seconds"]
    )
    project.dispose()


def test_figures_that_cannot_be_kept_fail_nothing(
    tmp_path: Path, database_url: str, caplog: pytest.LogCaptureFixture
):
    project = made(tmp_path, database_url, 100)
    project.journal().ensure()

    def drop(event: Event) -> None:
        if isinstance(event, BatchCommitted) and event.step == "find" and event.number == 1:
            accounts.execute(project.database(), ["DROP TABLE IF EXISTS batch_performance_metrics"])

    assert run(project, "close", listen=drop).status is Status.COMPLETED
    assert "metrics_not_kept" in caplog.text
    project.dispose()


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(number) for number in range(1, 11)]
    assert (percentile(values, 0.5), percentile(values, 0.95)) == (5.0, 10.0)
    assert percentile([3.0], 0.5) == 3.0


def test_what_collects_its_errors_is_measured_and_ends(closing: Callable[..., Project]):
    """Errors that are read as a stream do not make streams of the statements behind them."""
    project = closing(
        "error_handling: collect_errors", "collect_metrics: true",
        extra=", CHECK (status <> 'closed' OR number <> 3)",
    )  # fmt: skip
    result = run(project, "close")
    assert result.status is Status.COMPLETED_WITH_ERRORS
    assert len(result.errors) == 1
    assert measured(project)[None]["rejects"] == 1.0
