"""Limits of statements, locks, memory and bad luck: the batch under way is whole or not at all, the
reason is told, and once it is mended the execution goes on.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from batch_ops.engine import RunOptions, easing, rejects_of, resume, run
from batch_ops.faultpoints import Point
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts
from batch_ops_tests.support.happenings import happening
from batch_ops_tests.support.slowness import slow_down

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batch_ops.engine import Project

ALL = Counts(total=100, updated=100)


def sizes(project: Project) -> list[int]:
    """The rows of each batch, in order."""
    query = "SELECT total FROM batch_operation_logs ORDER BY chunk, batch_number"
    return [size for (size,) in accounts.query(project.database(), query)]


def edited(project: Project, old: str, new: str, tmp_path: Path) -> Project:
    """The project with another declaration, and the old one's connections closed."""
    text = (tmp_path / "defs" / "accounts.yaml").read_text()
    assert old in text
    url = project.database().url.render_as_string(hide_password=False)
    project.dispose()
    return accounts.project(tmp_path, url, text.replace(old, new))


@pytest.mark.option("statement_timeout")
@pytest.mark.quick("postgresql")
def test_a_statement_that_takes_too_long_is_done_with_half_the_rows(
    closing: Callable[..., Project],
) -> None:
    """Ten rows take longer than they may, some fewer do not; no row is lost or done twice."""
    project = closing("statement_timeout: 400 ms")
    slow_down(project.database(), "accounts", seconds=0.1, where="number < 30")
    result = run(project, "close")
    assert (result.status, result.counts) == (Status.COMPLETED, ALL)
    assert max(sizes(project)[:2]) <= 5
    assert sum(sizes(project)) == 100


@pytest.mark.slow
def test_after_some_that_go_well_batches_are_larger_again(
    closing: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(easing, "GROWS_AFTER", 3)
    project = closing("statement_timeout: 400 ms", "chunk_rows: 100")
    slow_down(project.database(), "accounts", seconds=0.1, where="number < 24")
    result = run(project, "close", options=RunOptions(batch_size=8))
    assert result.counts == ALL
    assert sizes(project)[0] < 8
    assert 8 in sizes(project)


@pytest.mark.option("statement_timeout")
@pytest.mark.quick("postgresql")
def test_a_row_that_takes_too_long_alone_stops_it_and_can_be_gone_on_with(
    closing: Callable[..., Project], tmp_path: Path
) -> None:
    project = closing("statement_timeout: 300 ms", "retry: {max_retries: 1, initial_delay: 0.01}")
    slow_down(project.database(), "accounts", seconds=1.5, where="number = 51")
    result = run(project, "close")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "statement_timeout")
    assert result.status.exit_code == 4
    assert "took too long" in (result.message or "")
    closed = "SELECT count(*) FROM accounts WHERE status = 'closed'"
    assert accounts.query(project.database(), closed) == [(result.counts.updated,)]
    assert 0 < result.counts.updated < 100
    patient = edited(project, "300 ms", "30 s", tmp_path)
    assert resume(patient, result.execution_id, options=RunOptions(use_new=True)).counts == ALL
    patient.dispose()


@pytest.mark.option("lock_timeout")
def test_a_lock_of_a_row_is_waited_for_no_longer_than_said(
    on_postgresql: Callable[..., Project],
) -> None:
    """All others are done by then; when the row is free it goes on."""
    project = on_postgresql("lock_timeout: 100 ms", "retry: {max_retries: 1, initial_delay: 0.01}")
    with create_engine(project.database().url).connect() as rival:
        rival.execute(text("SELECT 1 FROM accounts WHERE number = 51 FOR UPDATE"))
        at_last = threading.Timer(5.0, rival.rollback)
        at_last.start()
        result = run(project, "close")
        at_last.cancel()
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "lock_timeout")
    assert result.status.exit_code == 4
    assert "held a lock for too long" in (result.message or "")
    assert result.counts.updated == 17, "batches are halved down to the row before it gives up"
    assert resume(project, result.execution_id).counts == ALL


@pytest.mark.option("lock_timeout")
def test_on_sqlite_the_one_lock_is_waited_for_no_longer_than_said(
    on_sqlite: Callable[..., Project],
) -> None:
    project = on_sqlite("lock_timeout: 100 ms", "retry: {max_retries: 1, initial_delay: 0.01}")
    rival = sqlite3.connect(str(project.database().url.database), check_same_thread=False)
    timers: list[threading.Timer] = []

    def lock(point: Point) -> None:
        if point is Point.AFTER_COMMIT and not timers:
            rival.execute("BEGIN IMMEDIATE")
            timers.append(threading.Timer(2.0, rival.rollback))
            timers[0].start()

    with happening(lock):
        result = run(project, "close")
    timers[0].join()
    rival.close()
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "lock_timeout")
    assert 0 < result.counts.updated < 100
    assert resume(project, result.execution_id).counts == ALL


@pytest.mark.option("max_memory")
def test_a_process_that_needs_too_much_memory_stops(
    closing: Callable[..., Project], tmp_path: Path
) -> None:
    project = closing("max_memory: 1 MB")
    result = run(project, "close")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "max_memory")
    assert result.counts.total == 0
    assert "max_memory allows 1 MB" in (result.message or "")
    roomy = edited(project, "1 MB", "1 TB", tmp_path)
    assert resume(roomy, result.execution_id, options=RunOptions(use_new=True)).counts == ALL
    roomy.dispose()


IMPORT = """
name: things
key: id
create_table: true
fields: {id: integer, amount: integer}
patterns:
  - name: batch_operations
    operation: take
    data_source: :rows
    batch_size: 5
    validation_rules: ["amount > 0"]
"""


def take(folder: Path, url: str, option: str, bad: set[int]) -> Any:
    """Import 50 records, some of which are refused."""
    project = accounts.project(folder, url, IMPORT + f"    circuit_breaker: {option}\n")
    rows = [{"id": n, "amount": 0 if n in bad else 1} for n in range(50)]
    result = run(project, "take", {"rows": rows})
    project.dispose()
    return result


@pytest.mark.option("circuit_breaker")
@pytest.mark.parametrize(
    ("option", "bad", "stopped_at", "saw"),
    [
        ("2", {*range(10, 20)}, 20, "all 10 rows of 2 batches in a row were refused"),
        ("{batches: 3}", {*range(10, 20)}, None, None),
        ("{batches: 2, share: '50%'}", {5, 6, 8, 9, 10, 13}, 15, "6 of the 10 rows of the last 2"),
        ("{batches: 2, share: '60%'}", {5, 6, 8, 9, 10, 13}, None, None),
    ],
    ids=["in a row", "not enough of them", "share", "not over the share"],
)
def test_a_circuit_breaker_stops_where_nearly_all_is_refused(
    tmp_path: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    bad: set[int],
    stopped_at: int | None,
    saw: str | None,
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", sqlite_url)
    result = take(tmp_path, sqlite_url, option, bad)
    if stopped_at is None:
        assert (result.status, result.counts.total) == (Status.COMPLETED_WITH_ERRORS, 50)
        return
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "circuit_breaker")
    assert (result.counts.total, result.status.exit_code) == (stopped_at, 4)
    assert saw in result.message


@pytest.mark.option("circuit_breaker")
def test_batches_that_fail_in_a_row_open_the_circuit_breaker(
    on_postgresql: Callable[..., Project],
) -> None:
    """Long before the retries are used up; what it saw is told, and it can be gone on with."""
    project = on_postgresql(
        "circuit_breaker: 3", "retry: {max_retries: 100, initial_delay: 0.01, max_delay: 0.01}"
    )
    database = project.database()
    clash = (
        "CREATE FUNCTION clash() RETURNS trigger AS $$ BEGIN RAISE 'busy' USING ERRCODE = '40001';"
        " END $$ LANGUAGE plpgsql"
    )
    trigger = (
        "CREATE TRIGGER clash BEFORE UPDATE ON accounts FOR EACH ROW WHEN (OLD.number = 51)"
        " EXECUTE FUNCTION clash()"
    )
    accounts.execute(database, [clash, trigger])
    result = run(project, "close")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "circuit_breaker")
    assert "3 batches in a row failed or were refused; the last: 40001: busy" in result.message
    assert result.counts.updated % 10 == 0
    accounts.execute(database, ["DROP TRIGGER clash ON accounts"])
    assert resume(project, result.execution_id).counts == ALL


def test_an_atomic_operation_tells_what_opened_the_circuit_breaker(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", sqlite_url)
    declared = IMPORT + "    circuit_breaker: 2\n    atomic: true\n"
    project = accounts.project(tmp_path, sqlite_url, declared)
    rows = [{"id": n, "amount": int(n >= 20)} for n in range(50)]
    result = run(project, "take", {"rows": rows})
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "circuit_breaker")
    assert "The circuit breaker opened" in (result.message or "")
    assert len(list(rejects_of(project, result.execution_id))) == 10
    with project.database().reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM things")).scalar() == 0
    project.dispose()
