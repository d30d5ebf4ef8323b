"""Who may write, and when: identity, ownership, take-over, fencing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil
import pytest

from batch_ops.engine import (
    Launch,
    Project,
    RunOptions,
    begin,
    history,
    join,
    result_of,
    resume,
    run,
)
from batch_ops.errors import (
    AlreadyCompletedError,
    OwnershipError,
    PreconditionFailedError,
    StoppedError,
    TakenOverError,
    UnfinishedExecutionError,
    UsageError,
)
from batch_ops.journal import chunks
from batch_ops.journal.ownership import process_lives, started_at
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts, kills
from batch_ops_tests.support.waiting import until_one_waits

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from batch_ops_tests.support.forkserver import ForkServer


PRINT_PID = "import os; print(os.getpid())"


def other_process(project: Project) -> Project:
    """The same project as another worker sees it: a name of its own in the journal."""
    return Project(project.folder, project.catalog)


def test_a_second_run_of_an_unfinished_operation_names_resume(project: Project):
    accounts.make_accounts(project.database(), 100)
    execution = begin(project, "debit")
    execution.abort(KeyboardInterrupt())
    with pytest.raises(UnfinishedExecutionError, match=f"batch-ops resume {execution.id[:8]}"):
        run(project, "debit")
    assert len(history(project)) == 1


def test_other_parameters_are_another_execution(project: Project):
    accounts.make_accounts(project.database(), 100)
    begin(project, "close", {"below": 10}).abort(KeyboardInterrupt())
    assert run(project, "close", {"below": 20}).status is Status.COMPLETED


def test_a_table_that_is_worked_on_is_refused_and_its_holder_told(project: Project):
    accounts.make_accounts(project.database(), 100)
    holder = begin(project, "debit")
    with pytest.raises(
        OwnershipError, match=f"held by execution {holder.id[:8]} .process {os.getpid()}"
    ):
        run(other_process(project), "remove")
    assert [result.operation for result in history(project)] == ["debit"]
    holder.abort(KeyboardInterrupt())
    assert run(other_process(project), "remove").status is Status.COMPLETED


def test_a_dead_holder_loses_its_table_to_another_operation(project: Project):
    accounts.make_accounts(project.database(), 100)
    ended = subprocess.check_output([sys.executable, "-c", PRINT_PID])
    holder = begin(project, "debit")
    accounts.execute(project.database(), [f"UPDATE batch_workers SET pid = {int(ended)}"])
    assert run(other_process(project), "remove").status is Status.COMPLETED
    lost = result_of(project, holder.id)
    assert (lost.status, lost.stopped_reason) == (Status.FAILED, "process_died")


def test_a_holder_lives_on_when_the_clock_is_set(project: Project, monkeypatch: pytest.MonkeyPatch):
    """What time a process seems to have started changes with the clock; it is the same process."""
    accounts.make_accounts(project.database(), 100)
    holder = begin(project, "debit")
    booted = psutil.boot_time() + 100
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: booted)
    with pytest.raises(OwnershipError, match=f"held by execution {holder.id[:8]}"):
        run(other_process(project), "remove")
    assert not process_lives(os.getpid(), started_at(os.getpid()) + 1), "another one of its pid"


def test_resume_is_refused_beside_a_living_process(project: Project):
    accounts.make_accounts(project.database(), 100)
    holder = begin(project, "debit")
    with pytest.raises(OwnershipError, match=f"is worked on by process {os.getpid()}"):
        resume(other_process(project), holder.id)


def test_an_ended_execution_is_not_resumed(project: Project):
    accounts.make_accounts(project.database(), 100)
    result = run(project, "debit")
    with pytest.raises(UsageError, match="has ended: it is completed"):
        resume(project, result.execution_id)


def test_the_tables_are_given_back_at_every_end(project: Project):
    accounts.make_accounts(project.database(), 100)
    run(project, "debit")
    accounts.execute(project.database(), ["UPDATE accounts SET status = 'gone'"])
    with pytest.raises(PreconditionFailedError):
        run(project, "sweep")
    for table in ("batch_ownership", "batch_workers"):
        assert accounts.query(project.database(), f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_worker_that_lost_its_token_cannot_write(project: Project):
    """The batch is rolled back whole: the last statement of its transaction finds another token."""
    accounts.make_accounts(project.database(), 100)
    execution = begin(project, "debit")
    execution.plan_step("update")
    database, journal = project.database(), project.journal()
    from batch_ops.engine.lane import Lane
    from batch_ops.engine.pace import Pace
    from batch_ops.engine.watch import Watch

    def steal() -> None:
        with database.writing() as connection:
            chunks.fence(journal, connection, execution.id, project.worker().name)

    stolen = []

    class Stealing(Watch):
        def __call__(self) -> None:
            if not stolen:
                stolen.append(True)
                steal()

    lane = Lane(
        execution,
        execution.operation.step("update"),
        f"{project.worker().name}/1",
        report=lambda _message: None,
        watch=Stealing(execution, Counts()),
        pace=Pace(None, lambda: 0),
    )
    before = accounts.query(database, "SELECT sum(balance) FROM accounts")
    with pytest.raises(TakenOverError):
        lane.run()
    assert accounts.query(database, "SELECT sum(balance) FROM accounts") == before
    assert accounts.query(database, "SELECT count(*) FROM batch_operation_logs") == [(0,)]


def test_two_lanes_that_claim_at_once_have_two_chunks(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
):
    """The second one has seen the chunk as free, and waits for the first one's commit."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    project = accounts.project(tmp_path, postgresql_url)
    database, journal = project.database(), project.journal()
    accounts.make_accounts(database, 500)
    execution = begin(project, "debit")
    assert len(execution.plan_step("update")) > 1

    def claimed(connection: Connection, lane: int) -> int:
        worker = f"{project.worker().name}/{lane}"
        claim = chunks.claim_next(journal, connection, execution.id, "update", worker)
        assert claim is not None
        return claim.chunk.number

    def at_once() -> int:
        with database.writing() as connection:
            return claimed(connection, 2)

    with ThreadPoolExecutor(1) as pool:
        with database.writing() as connection:
            first = claimed(connection, 1)
            second = pool.submit(at_once)
            until_one_waits(database)
        assert (first, second.result()) == (1, 2)
    execution.abort(KeyboardInterrupt())
    project.dispose()


def test_a_struck_out_worker_claims_no_chunk(project: Project):
    accounts.make_accounts(project.database(), 100)
    execution = begin(project, "debit")
    execution.plan_step("update")
    accounts.execute(project.database(), ["DELETE FROM batch_workers"])
    with pytest.raises(TakenOverError):
        execution.run_step("update")
    assert accounts.query(project.database(), "SELECT max(balance) FROM accounts") == [(99,)]


def test_several_processes_join_one_execution_and_share_its_chunks(project: Project):
    accounts.make_accounts(project.database(), 1500)
    first = begin(project, "debit", options=RunOptions(batch_size=10))
    keys = [info.key for info in first.plan_step("update")]
    assert len(keys) > 1
    second = join(other_process(project), first.id)
    second.run_step("update", chunk_keys=keys[1:])
    assert [c.completed for c in first.chunks("update")] == [False] + [True] * (len(keys) - 1)
    with pytest.raises(StoppedError, match="1 chunks of step 'update' are not done"):
        second.finish_step("update")
    second.leave()
    first.run_step("update")
    first.finish_step("update")
    assert first.finish().counts == Counts(total=1500, updated=1500)


def test_once_is_once_and_again_is_asked_for(project: Project, tmp_path: Path):
    accounts.make_accounts(project.database(), 100)
    text = accounts.ACCOUNTS.replace("operation: debit", "operation: debit\n    once: true")
    url = project.database().url.render_as_string(hide_password=False)
    once = accounts.project(tmp_path / "once", url, text)
    run(once, "debit")
    with pytest.raises(AlreadyCompletedError, match="batch-ops run debit --again"):
        run(once, "debit")
    assert run(once, "debit", options=RunOptions(again=True)).counts.updated == 100
    once.dispose()


def test_what_was_done_is_not_done_again_because_a_check_failed(project: Project, tmp_path: Path):
    """Its rows are written: a failed postcondition does not take them back."""
    accounts.make_accounts(project.database(), 100)
    options = 'once: true\n    postconditions: ["COUNT(*) = 0"]'
    text = accounts.ACCOUNTS.replace("operation: debit", f"operation: debit\n    {options}")
    url = project.database().url.render_as_string(hide_password=False)
    once = accounts.project(tmp_path / "once", url, text)
    done = run(once, "debit")
    assert done.status is Status.COMPLETED_WITH_FAILED_CHECKS
    assert done.counts.updated == 100
    with pytest.raises(AlreadyCompletedError, match=r"\(completed_with_failed_checks\)"):
        run(once, "debit")
    once.dispose()


def test_the_journal_tells_who_started_it_and_from_where(project: Project):
    accounts.make_accounts(project.database(), 10)
    run(project, "debit", launch=Launch(actor="ada", via="shell", run_id="r1"))
    rows = accounts.query(project.database(), "SELECT actor, via, run_id FROM batch_operations")
    assert rows == [("ada", "shell", "r1")]


@pytest.mark.quick("postgresql")
def test_the_same_operation_started_twice_at_once_runs_once(
    tmp_path: Path, database_url: str, fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
):
    """On a database without a journal: the tables are made once, one process is refused."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    kills.write_project(tmp_path)
    project = kills.open_project(tmp_path, database_url)
    kills.fill(project)
    start = tmp_path / "start"
    arguments = (str(tmp_path), database_url, "remove", str(start))
    children = [fork_server.run(kills.child_run_when, *arguments) for _ in range(4)]
    while len(list(tmp_path.glob("start.*"))) < len(children):
        time.sleep(0.001)
    start.touch()
    codes = sorted(child.wait() for child in children)
    assert codes == [0, 70, 70, 70], [child.output for child in children]
    told = [child.output for child in children if child.wait() != 0]
    assert [text for text in told if "UnfinishedExecutionError" not in text] == []
    assert [str(r.status) for r in history(project)] == ["completed"]
    project.dispose()
