"""Trouble that passes is waited out; what is under way is seen from another process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from batch_ops.engine import Project, begin, history, newest_unfinished, resume, run
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts, kills

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops_tests.support.forkserver import ForkServer
    from batch_ops_tests.support.postgresql import PostgreSQL


@pytest.fixture
def on_postgresql(tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    return accounts.project(tmp_path, postgresql_url)


def balances(project: Project) -> int:
    return int(accounts.query(project.database(), "SELECT sum(balance) FROM accounts")[0][0])


def test_sessions_that_are_ended_under_way_cost_no_row_and_double_none(on_postgresql: Project):
    """A lost answer to a commit is looked up, never guessed: each account is debited once."""
    project = on_postgresql
    accounts.make_accounts(project.database(), 4000)
    before = balances(project)
    rival = create_engine(project.database().url, isolation_level="AUTOCOMMIT")
    done = threading.Event()

    def end_sessions() -> None:
        statement = text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = :name"
        )
        with rival.connect() as connection:
            while not done.wait(0.5):
                connection.execute(statement, {"name": project.application_name})

    thread = threading.Thread(target=end_sessions)
    execution = begin(project, "debit")
    execution.plan_step("update")
    thread.start()
    try:
        counts = execution.run_step("update").counts
    finally:
        done.set()
        thread.join()
        rival.dispose()
    execution.finish_step("update")
    assert execution.finish().status is Status.COMPLETED
    assert counts == Counts(total=4000, updated=4000)
    assert balances(project) == before - 40_000
    project.dispose()


def test_a_server_that_is_restarted_is_waited_for_or_the_execution_is_resumable(
    on_postgresql: Project, postgresql_server: PostgreSQL
):
    project = on_postgresql
    accounts.make_accounts(project.database(), 4000)
    before = balances(project)
    restarted = threading.Event()

    def restart_once(event: object) -> None:
        if not restarted.is_set() and kills.committed(project) > 10:
            restarted.set()
            threading.Thread(target=postgresql_server.restart).start()
            time.sleep(0.3)

    result = run(project, "debit", listen=restart_once)
    assert restarted.is_set()
    deadline = time.monotonic() + 30
    while not result.status.finished and time.monotonic() < deadline:
        unfinished = newest_unfinished(project)
        assert unfinished is not None
        result = resume(project, unfinished)
    assert result.counts == Counts(total=4000, updated=4000)
    assert balances(project) == before - 40_000
    project.dispose()


@pytest.mark.quick("sqlite")
def test_counters_are_seen_from_another_process_while_it_works(
    tmp_path: Path, database_url: str, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    kills.write_project(tmp_path)
    named = "operation: sweep\n"
    slowly = accounts.ACCOUNTS.replace(named, named + "    throttle: 20 ms\n")
    (tmp_path / "defs" / "accounts.yaml").write_text(slowly)
    project = kills.open_project(tmp_path, database_url)
    kills.fill(project)
    child = kills.start(fork_server, tmp_path, database_url, "sweep")
    seen: set[int] = set()
    while child.poll() is None:
        if project.journal().exists():
            seen |= {result.counts.total for result in history(project)}
        time.sleep(0.01)
    assert child.wait() == 0, child.output
    assert len(seen - {0}) >= 5, seen
    project.dispose()


def test_pause_and_cancel_are_heard_between_two_batches(on_postgresql: Project):
    project = on_postgresql
    accounts.make_accounts(project.database(), 4000)
    execution = begin(project, "debit")
    accounts.execute(project.database(), ["UPDATE batch_operations SET control = 'pause'"])
    from batch_ops.engine import go

    paused = go(execution)
    assert (paused.status, paused.stopped_reason) == (Status.PAUSED, "paused")
    assert resume(project, paused.execution_id).status is Status.COMPLETED
    project.dispose()


def test_an_interrupt_ends_after_the_batch_under_way_and_is_raised_again(on_postgresql: Project):
    project = on_postgresql
    accounts.make_accounts(project.database(), 4000)
    before = balances(project)

    def interrupt(event: object) -> None:
        if type(event).__name__ == "ChunkCompleted":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(project, "debit", listen=interrupt)
    (result,) = history(project)
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "interrupted")
    assert 0 < result.counts.updated < 4000
    assert balances(project) == before - 10 * result.counts.updated
    assert resume(project, result.execution_id).counts.updated == 4000
    project.dispose()
