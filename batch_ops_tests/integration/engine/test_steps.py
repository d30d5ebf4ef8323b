"""What the steps do to a table, and what the journal and the result say of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import RunOptions, begin, history, rejects_of, result_of, resume, run
from batch_ops.engine.batch import new_attempt
from batch_ops.engine.keyset_work import KeysetWork
from batch_ops.engine.work import Batch, Outcome
from batch_ops.errors import (
    DatabaseUnfitError,
    EngineFault,
    LimitExceededError,
    ParameterError,
    UnknownNameError,
)
from batch_ops.events import ChunkCompleted, Progress, StepPlanned
from batch_ops.journal import chunks
from batch_ops.results import Counts, Status
from batch_ops.spec.model import ErrorLimit
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from batch_ops.engine import Project


def test_an_update_changes_what_its_condition_matches_and_nothing_else(project: Project):
    accounts.make_accounts(project.database(), 2000)
    result = run(project, "close", {"below": "300"})
    assert result.status is Status.COMPLETED
    assert result.counts == Counts(total=600, updated=600)
    rows = accounts.query(
        project.database(),
        "SELECT status, count(*), min(balance), max(balance), count(closed_at)"
        " FROM accounts GROUP BY status ORDER BY status",
    )
    assert rows == [("closed", 600, 0, 299, 600), ("open", 1400, 300, 999, 0)]


def test_a_parameter_is_required_known_and_typed(project: Project):
    accounts.make_accounts(project.database(), 10)
    with pytest.raises(ParameterError, match="'below' of close has no value"):
        run(project, "close")
    with pytest.raises(ParameterError, match="'many' of parameter 'below' is no integer"):
        run(project, "close", {"below": "many"})
    with pytest.raises(
        UnknownNameError, match=r"no parameter 'belov'[.\n\w ]*Did you mean 'below'"
    ):
        run(project, "close", {"belov": 3})
    assert history(project) == []


def test_three_steps_hand_on_their_rows_and_delete_by_their_own_condition(project: Project):
    accounts.make_accounts(project.database(), 3000)
    result = run(project, "sweep")
    assert [(s.name, s.counts.total, s.planned_rows) for s in result.steps] == [
        ("validate", 1500, 1500),
        ("update", 1500, 1500),
        ("cleanup", 300, 300),
    ]
    assert result.counts == Counts(total=3300, selected=1500, updated=1500, deleted=300)
    assert result.processed_records == 1800
    rows = accounts.query(
        project.database(),
        "SELECT status, count(*), count(closed_at) FROM accounts GROUP BY 1 ORDER BY 1",
    )
    assert rows == [("open", 1500, 0), ("swept", 1200, 1200)]


def test_rows_a_select_did_not_give_are_left_alone(project: Project):
    """The update goes by what validate selected, not by what would match now."""
    accounts.make_accounts(project.database(), 100)
    execution = begin(project, "sweep")
    execution.judge()
    for step in ("validate",):
        execution.plan_step(step)
        execution.run_step(step)
        execution.finish_step(step)
    accounts.execute(
        project.database(), ["INSERT INTO accounts VALUES ('new', 1, 5, 'open', NULL)"]
    )
    execution.plan_step("update")
    execution.run_step("update")
    found = accounts.query(project.database(), "SELECT status FROM accounts WHERE region = 'new'")
    assert found == [("open",)]
    execution.abort(KeyboardInterrupt())


def test_a_row_that_stopped_qualifying_since_the_plan_is_not_written(project: Project):
    accounts.make_accounts(project.database(), 500)
    execution = begin(project, "debit")
    execution.judge()
    execution.plan_step("update")
    accounts.execute(
        project.database(), ["UPDATE accounts SET status = 'frozen' WHERE number < 100"]
    )
    execution.run_step("update")
    execution.finish_step("update")
    result = execution.finish()
    assert (result.steps[0].planned_rows, result.counts) == (500, Counts(total=400, updated=400))


def test_rows_added_behind_the_last_key_after_the_plan_are_not_chased(project: Project):
    accounts.make_accounts(project.database(), 500)
    execution = begin(project, "debit")
    execution.plan_step("update")
    accounts.execute(
        project.database(), ["INSERT INTO accounts VALUES ('zzz', 1, 100, 'open', NULL)"]
    )
    execution.run_step("update")
    found = accounts.query(project.database(), "SELECT balance FROM accounts WHERE region = 'zzz'")
    assert found == [(100,)]
    execution.abort(KeyboardInterrupt())


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000, 5000])
@pytest.mark.quick("-7")
def test_batches_are_of_the_size_asked_for(project: Project, batch_size: int):
    accounts.make_accounts(project.database(), 1100)
    result = run(project, "remove", options=RunOptions(batch_size=batch_size))
    sizes = accounts.query(
        project.database(),
        "SELECT records_processed FROM batch_operation_logs ORDER BY chunk, batch_number",
    )
    assert sum(size for (size,) in sizes) == 1100 == result.counts.deleted
    assert max(size for (size,) in sizes) == min(batch_size, 1100)


def test_chunks_have_the_declared_rows_and_at_most_two_hundred(project: Project):
    accounts.make_accounts(project.database(), 1100)
    execution = begin(project, "remove", options=RunOptions(batch_size=1))
    infos = execution.plan_step("delete")
    assert len(infos) <= 200
    assert sum(info.rows for info in infos) == 1100
    assert [info.key for info in infos[:2]] == [
        f"{execution.id[:8]}-00001",
        f"{execution.id[:8]}-00002",
    ]
    execution.abort(KeyboardInterrupt())


def test_a_step_with_nothing_to_do_has_one_empty_chunk(project: Project):
    accounts.make_accounts(project.database(), 0)
    result = run(project, "remove")
    assert result.status is Status.COMPLETED
    assert (result.chunks.total, result.chunks.completed, result.counts.total) == (1, 1, 0)


def test_events_tell_the_plan_each_chunk_and_the_progress(project: Project):
    accounts.make_accounts(project.database(), 2500)
    heard: list[object] = []
    result = run(project, "remove", listen=heard.append)
    planned = [e for e in heard if isinstance(e, StepPlanned)]
    chunks = [e for e in heard if isinstance(e, ChunkCompleted)]
    assert [e.rows for e in planned] == [2500]
    assert {e.chunk_key for e in chunks} == set(planned[0].chunk_keys)
    assert sum(e.counts.deleted for e in chunks) == 2500
    last = [e for e in heard if isinstance(e, Progress)][-1]
    assert (last.counts, last.planned_rows) == (result.counts, 2500)


def test_several_lanes_do_the_same_as_one(project: Project):
    accounts.make_accounts(project.database(), 3000)
    result = run(project, "debit", options=RunOptions(max_workers=3))
    assert result.counts == Counts(total=3000, updated=3000)
    total = accounts.query(project.database(), "SELECT sum(balance) FROM accounts")
    assert int(total[0][0]) == sum(i % 1000 for i in range(3000)) - 30_000
    lanes = accounts.query(project.database(), "SELECT count(DISTINCT worker) FROM batch_chunks")
    several = project.database().dialect.capabilities.concurrent_writers
    assert (lanes[0][0] > 1) == several


CARDS = (
    "CREATE TABLE cards (id INTEGER PRIMARY KEY, region VARCHAR(10), number INTEGER,"
    " FOREIGN KEY (region, number) REFERENCES accounts (region, number)"
)


class TestBadRows:
    """One bad row costs one row."""

    def test_rows_a_check_refuses_become_rejects_and_their_neighbours_are_written(
        self, project: Project
    ):
        accounts.make_accounts(project.database(), 1000, ", CHECK (balance >= 0)")
        result = run(project, "debit")
        assert result.status is Status.COMPLETED_WITH_ERRORS
        assert result.counts == Counts(total=1000, updated=990, failed=10)
        rejects = list(rejects_of(project, result.execution_id))
        assert sorted(r.key["number"] for r in rejects if r.key) == list(range(10))
        assert {r.outcome for r in rejects} == {"failed"}
        assert all("CHECK" in r.message or "check" in r.message for r in rejects)
        kept = accounts.query(
            project.database(), "SELECT count(*) FROM accounts WHERE balance = number"
        )
        assert kept == [(10,)]

    def test_rows_a_foreign_key_holds_are_not_deleted(self, project: Project):
        accounts.make_accounts(project.database(), 300)
        accounts.execute(
            project.database(),
            [
                CARDS + ")",
                "INSERT INTO cards VALUES (1, 'n', 0), (2, 's', 1), (3, 'n', 297)",
            ],
        )
        result = run(project, "remove")
        assert result.counts == Counts(total=300, deleted=297, failed=3)
        left = accounts.query(project.database(), "SELECT number FROM accounts ORDER BY number")
        assert left == [(0,), (1,), (297,)]

    def test_a_deferred_violation_belongs_to_its_batch(self, project: Project):
        accounts.make_accounts(project.database(), 300)
        accounts.execute(
            project.database(),
            [
                CARDS + " DEFERRABLE INITIALLY DEFERRED)",
                "INSERT INTO cards VALUES (1, 'n', 0), (2, 's', 1), (3, 'n', 297)",
            ],
        )
        result = run(project, "remove")
        assert result.counts == Counts(total=300, deleted=297, failed=3)

    def test_stop_on_error_rolls_the_batch_back_and_goes_on_once_mended(
        self, project: Project, tmp_path
    ):
        database = project.database()
        accounts.make_accounts(database, 300, ", CHECK (balance >= 0)")
        text = accounts.ACCOUNTS.replace(
            "operation: debit", "operation: debit\n    error_handling: stop_on_error"
        )
        strict = accounts.project(
            tmp_path / "strict",
            project.database().url.render_as_string(hide_password=False),
            text,
        )
        first = run(strict, "debit")
        assert (first.status, first.stopped_reason) == (Status.STOPPED, "row_refused")
        assert first.counts.failed >= 1
        assert first.counts.skipped + first.counts.failed == 50
        assert first.counts.reconciled
        told = list(rejects_of(strict, first.execution_id))
        assert len(told) == first.counts.failed, "they survive their batch"
        accounts.execute(
            database, ["UPDATE accounts SET balance = balance + 10 WHERE balance < 10"]
        )
        second = resume(strict, first.execution_id)
        assert second.status is Status.COMPLETED
        assert second.counts == Counts(total=300, updated=300)
        assert list(rejects_of(strict, first.execution_id)) == []
        strict.dispose()


class TestLimits:
    def test_max_errors_allows_n_and_stops_at_the_next_one(self, project: Project):
        accounts.make_accounts(project.database(), 1000, ", CHECK (balance >= 0)")
        allowed = run(project, "debit", options=RunOptions(max_errors=ErrorLimit(rows=10)))
        assert allowed.status is Status.COMPLETED_WITH_ERRORS
        stopped = run(project, "debit", options=RunOptions(max_errors=ErrorLimit(rows=9)))
        assert (stopped.status, stopped.stopped_reason) == (Status.STOPPED, "max_errors")
        assert stopped.counts.failed > 9

    def test_a_share_of_errors_is_looked_at_at_the_end_of_few_rows(self, project: Project):
        accounts.make_accounts(project.database(), 500, ", CHECK (balance >= 0)")
        stopped = run(project, "debit", options=RunOptions(max_errors=ErrorLimit(share=0.01)))
        assert (stopped.status, stopped.stopped_reason) == (Status.STOPPED, "max_errors")
        assert stopped.counts == Counts(total=500, updated=490, failed=10)

    def test_max_records_refuses_the_first_writing_step_before_a_row_is_written(
        self, project: Project
    ):
        accounts.make_accounts(project.database(), 100)
        with pytest.raises(LimitExceededError, match="100 rows; max_records allows 99"):
            run(project, "remove", options=RunOptions(max_records=99))
        assert accounts.query(project.database(), "SELECT count(*) FROM accounts") == [(100,)]
        assert history(project)[0].status is Status.REFUSED
        assert run(project, "remove", options=RunOptions(max_records=100)).counts.deleted == 100

    def test_max_records_met_later_stops_and_a_higher_one_goes_on(self, project: Project):
        accounts.make_accounts(project.database(), 1000)
        text = RunOptions(max_records=500)
        accounts.execute(
            project.database(),
            ["INSERT INTO accounts SELECT 'q', number, 1, 'swept', NULL FROM accounts"],
        )
        stopped = run(project, "sweep", options=text)
        assert (stopped.status, stopped.stopped_reason) == (Status.STOPPED, "max_records")
        assert stopped.counts == Counts(total=1000, selected=500, updated=500)
        done = resume(project, stopped.execution_id, options=RunOptions(max_records=1100))
        assert done.status is Status.COMPLETED
        assert done.counts.deleted == 1100

    def test_the_time_limit_stops_between_two_batches(self, project: Project):
        accounts.make_accounts(project.database(), 1000)
        stopped = run(project, "remove", options=RunOptions(timeout=timedelta(0)))
        assert (stopped.status, stopped.stopped_reason) == (Status.STOPPED, "timeout")
        assert stopped.counts.total == 50, "each attempt does a batch: some day it ends"
        done = resume(project, stopped.execution_id, options=RunOptions(timeout=timedelta(hours=1)))
        assert done.counts == Counts(total=1000, deleted=1000)


class TestUnfit:
    def test_a_table_that_is_missing_is_told_and_nothing_is_made(self, project: Project):
        with pytest.raises(DatabaseUnfitError):
            run(project, "remove")
        assert history(project) == []

    def test_null_in_a_key_is_refused(self, project: Project):
        accounts.execute(
            project.database(),
            [
                (
                    "CREATE TABLE accounts (region VARCHAR(10), number INTEGER, balance INTEGER,"
                    " status VARCHAR(20), closed_at TIMESTAMP)"
                ),
                "INSERT INTO accounts VALUES ('n', NULL, 1, 'open', NULL)",
            ],
        )
        with pytest.raises(DatabaseUnfitError, match="1 rows of 'accounts' have NULL in the key"):
            run(project, "remove")

    def test_a_column_the_table_has_not_got_is_named(self, project: Project):
        accounts.execute(
            project.database(),
            ["CREATE TABLE accounts (region VARCHAR(10), number INTEGER, ballance INTEGER)"],
        )
        with pytest.raises(UnknownNameError, match="no column 'balance'"):
            run(project, "remove")


def test_a_prefix_of_the_id_finds_the_execution(project: Project):
    accounts.make_accounts(project.database(), 10)
    result = run(project, "remove")
    assert result_of(project, result.execution_id[:8]).execution_id == result.execution_id
    with pytest.raises(UnknownNameError, match="no execution 'ffffffffffff'"):
        result_of(project, "ffffffffffff")


def test_counters_that_do_not_add_up_stop_the_execution_and_roll_the_batch_back(project: Project):
    """The engine checks it at the end of every batch: a writer that loses a row cannot commit."""
    accounts.make_accounts(project.database(), 100)
    execution = begin(project, "debit")
    execution.plan_step("update")
    before = accounts.query(project.database(), "SELECT sum(balance) FROM accounts")

    class Forgetful(KeysetWork):
        def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
            super().write(connection, batch, isolating=isolating)
            return Outcome(Counts(total=50, updated=49))

    step = execution.operation.step("update")
    work = Forgetful(execution, step)
    with project.database().writing() as connection:
        claim = chunks.claim_next(
            project.journal(), connection, execution.id, "update", f"{project.worker().name}/1"
        )
    assert claim is not None
    with (
        project.database().lane() as connection,
        work.batches(connection, claim.chunk) as batches,
        pytest.raises(EngineFault, match="do not add up"),
    ):
        new_attempt(execution, claim, work, next(batches), 1).commit(connection)
    assert accounts.query(project.database(), "SELECT sum(balance) FROM accounts") == before
    execution.abort(KeyboardInterrupt())


def test_a_primary_key_in_another_order_than_it_is_declared_hands_on_its_rows(
    tmp_path: Path, database_url: str
) -> None:
    """`(region, number) IN (:validated_ids)` goes by the names, not by the table's order."""
    project = accounts.project(tmp_path, database_url)
    database = project.database()
    stamp = "TIMESTAMP WITH TIME ZONE" if database.dialect.capabilities.zones else "DATETIME"
    create = (
        "CREATE TABLE accounts (number INTEGER NOT NULL, region VARCHAR(10) NOT NULL,"
        f" balance INTEGER, status VARCHAR(20), closed_at {stamp},"
        " PRIMARY KEY (number, region))"
    )
    rows = (f"INSERT INTO accounts VALUES ({n}, 'n', {n}, 'open', NULL)" for n in range(200))
    accounts.execute(database, [create, *rows])
    result = run(project, "sweep")
    assert result.step("update").counts.updated == 200
    assert accounts.query(database, "SELECT status, count(*) FROM accounts GROUP BY 1") == [
        ("swept", 100)
    ]
    project.dispose()


def test_max_records_refuses_the_first_writing_step_behind_a_select(
    tmp_path: Path, database_url: str
) -> None:
    """Nothing but looking was done: it is refused, and another run may begin."""
    project = accounts.project(tmp_path, database_url)
    accounts.make_accounts(project.database(), 50)
    with pytest.raises(LimitExceededError, match="'update' would change 50 rows"):
        run(project, "sweep", options=RunOptions(max_records=49))
    assert [str(result.status) for result in history(project)] == ["refused"]
    assert run(project, "sweep").status is Status.COMPLETED
    project.dispose()
