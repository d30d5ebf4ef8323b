"""A large table is counted by as many connections as there are lanes: nothing is left out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from batch_ops.database import postgresql
from batch_ops.engine import RunOptions, begin
from batch_ops.planning.chunks import MAX_CHUNKS
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project

ROWS = 3_000


@pytest.fixture
def project(tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A table that is large enough to be cut, with a key of two columns."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    monkeypatch.setattr(postgresql, "LARGE_PAGES", 1)
    project = accounts.project(tmp_path, postgresql_url)
    accounts.make_accounts(project.database(), ROWS)
    return project


@pytest.mark.parametrize("lanes", [2, 3])
def test_the_parts_of_a_table_are_counted_at_once_and_cover_it(
    project: Project, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part is walked by a connection of its own, and every row is done exactly once."""
    walkers = set()
    walk = postgresql.PostgreSQL.boundaries

    def watched(*arguments: object) -> object:
        walkers.add(threading.current_thread())
        return walk(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(postgresql.PostgreSQL, "boundaries", watched)
    execution = begin(project, "debit", options=RunOptions(max_workers=lanes))
    chunks = execution.plan_step("update")
    assert len(walkers) == lanes
    assert sum(chunk.rows for chunk in chunks) == ROWS
    assert ROWS / 200 <= len(chunks) < ROWS / 200 + lanes
    assert max(chunk.rows for chunk in chunks) <= 200
    execution.run_step("update")
    execution.finish_step("update")
    result = execution.finish()
    assert result.counts == Counts(total=ROWS, updated=ROWS)
    changed = "SELECT count(*) FROM accounts WHERE balance = number % 1000 - 10"
    assert accounts.query(project.database(), changed) == [(ROWS,)]
    project.dispose()


def test_one_lane_counts_by_itself(project: Project) -> None:
    """Without `max_workers` no chunk ends before it is full."""
    execution = begin(project, "debit")
    assert [chunk.rows for chunk in execution.plan_step("update")] == [200] * (ROWS // 200)
    project.dispose()


def test_there_are_never_more_chunks_than_the_most(project: Project) -> None:
    """Where parts end, chunks may be smaller; their number stays within the bound."""
    options = RunOptions(max_workers=8, batch_size=1)
    execution = begin(project, "remove", options=options)
    object.__setattr__(execution.operation.steps[0].settings, "chunk_rows", 1)
    assert len(execution.plan_step("delete")) <= MAX_CHUNKS
    project.dispose()


def test_a_walker_that_fails_fails_the_plan(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in another thread is the plan's error: nothing is stored, and it can be resumed."""
    walk = postgresql.PostgreSQL.boundaries

    def failing(*arguments: object) -> object:
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("this part cannot be read")
        return walk(*arguments)  # type: ignore[arg-type]

    execution = begin(project, "remove", options=RunOptions(max_workers=2))
    with monkeypatch.context() as broken:
        broken.setattr(postgresql.PostgreSQL, "boundaries", failing)
        with pytest.raises(ValueError, match="this part"):
            execution.plan_step("delete")
    assert execution.chunks("delete") == ()
    assert sum(chunk.rows for chunk in execution.plan_step("delete")) == ROWS
    assert execution.result().status is Status.RUNNING
    project.dispose()


def test_random_keys_are_counted_by_a_sort_not_by_the_index(project: Project) -> None:
    """A cursor is planned for all of its rows: following the index of a key that is scattered over
    the table reads a page per row (5 to 25 times slower at 2M rows).
    """
    database = project.database()
    accounts.execute(
        database,
        [
            "CREATE TABLE scattered (id UUID, n INTEGER, pad TEXT)",
            "INSERT INTO scattered SELECT gen_random_uuid(), i, 'x' FROM generate_series(1,9000) i",
            "ALTER TABLE scattered ADD PRIMARY KEY (id)",
            "ANALYZE scattered",
        ],
    )
    with database.reading() as connection:
        query = "SELECT id FROM scattered WHERE n % 2 = 0 ORDER BY id"
        found = list(database.dialect.boundaries(connection, query, {}, 1_000))
        fraction = connection.exec_driver_sql("SHOW cursor_tuple_fraction").scalar()
    assert [number for number, _ in found] == [1_000, 2_000, 3_000, 4_000, 4_500]
    assert fraction == "1"
    project.dispose()
