"""Killed anywhere, then resumed: the same end as one undisturbed run."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.engine import RunOptions, is_worked_on, newest_unfinished, result_of, resume, run
from batch_ops_tests.support import accounts, kills

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops_tests.support.forkserver import ForkServer

KILLS = 2
"""Random kills per operation and database, at any moment; `crashes` kills at every place."""
_UNDISTURBED: dict[tuple[str, str], dict[str, Any]] = {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kills.write_project(tmp_path)
    return tmp_path


def fresh(folder: Path, url: str) -> Project:
    """The project on the database as it is before any operation."""
    project = kills.open_project(folder, url)
    names = accounts.query(project.database(), _TABLES[project.database().dialect.name])
    tables = [name for (name,) in names]
    tables.sort(key=lambda name: name != "imported")
    accounts.execute(project.database(), [f'DROP TABLE "{name}"' for name in tables])
    kills.fill(project)
    return project


_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}


def undisturbed(folder: Path, url: str, operation: str) -> dict[str, Any]:
    """What one run without a kill comes to; found out once per database and operation."""
    kind = url.partition(":")[0]
    if (kind, operation) not in _UNDISTURBED:
        project = fresh(folder, url)
        result = run(project, operation)
        facts = kills.facts(project, operation, result.execution_id)
        _UNDISTURBED[kind, operation] = facts | {"batches": kills.committed(project)}
        project.dispose()
    return dict(_UNDISTURBED[kind, operation])


@pytest.mark.parametrize("operation", kills.OPERATIONS)
@pytest.mark.quick("sqlite-remove", "postgresql-import_accounts")
def test_killed_at_a_random_moment_and_resumed_it_ends_as_if_undisturbed(
    folder: Path,
    database_url: str,
    operation: str,
    fork_server: ForkServer,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
):
    """Rows, counters and rejects are equal; the batch size differs on resume; the dead process's
    tables are taken over without being asked.
    """
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    right = undisturbed(folder, database_url, operation)
    batches = right.pop("batches")
    rng = random.Random(f"{seed} {operation}")
    done = missed = 0
    while done < KILLS:
        project = fresh(folder, database_url)
        child = kills.start(fork_server, folder, database_url, operation)
        if not kills.kill_after(child, project, rng.randrange(1, batches - 2)):
            missed += 1  # it was quicker than we
            assert missed <= KILLS, f"it ends before it is killed: {child.output}"
            project.dispose()
            continue
        done += 1
        execution_id = newest_unfinished(project)
        assert execution_id is not None
        assert not is_worked_on(project, execution_id)
        size = rng.choice([None, 80, 130, 1000])
        resume(project, execution_id, options=RunOptions(batch_size=size))
        assert kills.facts(project, operation, execution_id) == right
        project.dispose()


@pytest.mark.slow
def test_killed_again_and_again_it_still_ends_as_if_undisturbed(
    folder: Path,
    database_url: str,
    fork_server: ForkServer,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    right = undisturbed(folder, database_url, "sweep")
    right.pop("batches")
    project = fresh(folder, database_url)
    child = kills.start(fork_server, folder, database_url, "sweep")
    assert kills.kill_after(child, project, 3)
    execution_id = newest_unfinished(project)
    assert execution_id is not None
    for more in (10, 20, 40):
        again = fork_server.run(kills.child_resume, str(folder), database_url, execution_id)
        assert kills.kill_after(again, project, more)
    resume(project, execution_id)
    assert kills.facts(project, "sweep", execution_id) == right
    project.dispose()


@pytest.mark.quick("sqlite")
def test_killed_after_its_update_had_finished_it_is_resumable(
    folder: Path,
    database_url: str,
    fork_server: ForkServer,
    monkeypatch: pytest.MonkeyPatch,
):
    """The preconditions no longer hold by then; they are not judged again."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    right = undisturbed(folder, database_url, "sweep")
    right.pop("batches")
    project = fresh(folder, database_url)
    accounts.execute(
        project.database(), ["UPDATE accounts SET status = 'frozen' WHERE balance >= 500"]
    )
    child = fork_server.run(kills.child_run_until, str(folder), database_url, "sweep", 82)
    assert child.wait() == -signal.SIGKILL, child.output
    execution_id = newest_unfinished(project)
    assert execution_id is not None
    steps = {s.name: s.status for s in result_of(project, execution_id).steps}
    assert (steps["update"], steps["cleanup"]) == ("finished", "running")
    resumed = resume(project, execution_id)
    assert [s.counts for s in resumed.steps] == [counts for _, _, _, counts in right["steps"]]
    assert all(check.success for check in resumed.checks)
    project.dispose()
