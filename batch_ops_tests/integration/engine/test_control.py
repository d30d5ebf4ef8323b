"""Pause and cancel: asked from another process, heard within a batch; and where nobody hears."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import begin, cancel, history, is_worked_on, pause, resume, run
from batch_ops.errors import OwnershipError, UsageError
from batch_ops.results import Status
from batch_ops_tests.support import accounts, kills

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops.events import ExecutionFinished
    from batch_ops.results import Result
    from batch_ops_tests.support.forkserver import Child, ForkServer


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    kills.write_project(tmp_path)
    named = "operation: debit\n"
    slowly = accounts.ACCOUNTS.replace(named, named + "    throttle: 20 ms\n")
    (tmp_path / "defs" / "accounts.yaml").write_text(slowly)
    project = kills.open_project(tmp_path, database_url)
    kills.fill(project)
    yield project
    project.dispose()


@pytest.fixture
def child(project: Project, database_url: str, fork_server: ForkServer) -> Child:
    """Another process that debits, and has written already."""
    child = kills.start(fork_server, project.folder, database_url, "debit")
    while kills.committed(project) < 3:
        assert child.poll() is None, child.output
        time.sleep(0.005)
    return child


def newest(project: Project) -> Result:
    return history(project, 1)[0]


def debited(project: Project) -> int:
    """How many accounts have ten less than they began with."""
    ((left,),) = accounts.query(project.database(), "SELECT sum(balance) FROM accounts")
    return (sum(n % 1000 for n in range(kills.ROWS)) - int(left)) // 10


@pytest.mark.quick("postgresql")
def test_a_pause_ends_the_attempt_of_another_process_and_a_resume_does_the_rest(
    project: Project, child: Child
):
    assert pause(project, newest(project).execution_id).status is Status.RUNNING
    assert child.wait() == 4, child.output
    paused = newest(project)
    assert (paused.status, paused.stopped_reason) == (Status.PAUSED, "paused")
    assert 0 < paused.counts.total < kills.ROWS
    assert debited(project) == paused.counts.updated
    done = resume(project, paused.execution_id)
    whole = run(project, "debit")
    assert done.counts.total == whole.counts.total == kills.ROWS


@pytest.mark.quick("sqlite")
def test_a_cancel_ends_the_execution_of_another_process_for_good(project: Project, child: Child):
    cancel(project, newest(project).execution_id)
    assert child.wait() == 4, child.output
    ended = newest(project)
    assert (ended.status, ended.stopped_reason) == (Status.CANCELLED, "cancelled")
    assert 0 < debited(project) == ended.counts.updated < kills.ROWS
    with pytest.raises(UsageError, match="has ended: it is cancelled"):
        resume(project, ended.execution_id)
    assert run(project, "debit").counts.total == kills.ROWS, "it blocks nothing"


def test_what_nobody_works_on_is_cancelled_at_once(project: Project, child: Child):
    """Killed: what was written stays and is counted, the table is free, who listens is told."""
    child.kill(signal.SIGKILL)
    child.wait()
    told: list[ExecutionFinished] = []
    execution_id = newest(project).execution_id
    ended = cancel(project, execution_id, listen=told.append)
    assert (ended.status, ended.completed_at is None) == (Status.CANCELLED, False)
    assert debited(project) == ended.counts.updated > 0
    assert [event.result.status for event in told] == [Status.CANCELLED]
    assert accounts.query(project.database(), "SELECT count(*) FROM batch_ownership") == [(0,)]
    assert accounts.query(project.database(), "SELECT count(*) FROM batch_workers") == [(0,)]
    with pytest.raises(UsageError, match="has ended: it is cancelled"):
        cancel(project, execution_id)


@pytest.mark.quick("sqlite")
def test_a_paused_execution_can_be_cancelled_and_not_be_paused_again(
    project: Project, child: Child
):
    execution_id = newest(project).execution_id
    pause(project, execution_id)
    child.wait()
    with pytest.raises(UsageError, match=r"Nobody works on execution .* it is paused") as caught:
        pause(project, execution_id)
    assert "batch-ops resume" in caught.value.todo
    assert cancel(project, execution_id).status is Status.CANCELLED


def test_a_frozen_process_is_cancelled_by_a_persons_word(project: Project, child: Child):
    """On PostgreSQL its sessions are ended and it cannot write when it wakes; where there is one
    writer it is refused, and nothing changes.
    """
    os.kill(child.pid, signal.SIGSTOP)
    execution_id = newest(project).execution_id
    assert is_worked_on(project, execution_id)
    try:
        if not project.database().dialect.capabilities.kills_sessions:
            with pytest.raises(OwnershipError, match="is worked on by process"):
                cancel(project, execution_id, take_over=True)
            assert newest(project).status is Status.RUNNING
            return
        ended = cancel(project, execution_id, take_over=True)
        assert ended.status is Status.CANCELLED
        before = debited(project)
        os.kill(child.pid, signal.SIGCONT)
        assert child.wait() == 4, child.output
        assert debited(project) == before == ended.counts.updated
        assert newest(project).status is Status.CANCELLED
    finally:
        if child.poll() is None:
            os.kill(child.pid, signal.SIGCONT)
            child.kill(signal.SIGKILL)


@pytest.mark.quick("postgresql")
def test_an_execution_that_was_begun_here_is_asked_too(project: Project):
    """A thread of this very process may be at work."""
    execution = begin(project, "debit")
    assert cancel(project, execution.id).status is Status.RUNNING
    from batch_ops.engine import go

    assert go(execution).status is Status.CANCELLED
    assert debited(project) == 0
