"""Retries that are killed anywhere and run again: each reject is written once, and goes on once."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from batch_ops import faultpoints
from batch_ops.engine import RunOptions, is_worked_on, reject_states, resume, retries_of
from batch_ops.errors import OwnershipError, TakenOverError, UnfinishedExecutionError
from batch_ops.faultpoints import Point
from batch_ops.results import Status
from batch_ops.spec.model import ErrorLimit
from batch_ops_tests.support import kills
from batch_ops_tests.support.letters import Letters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.results import Result
    from batch_ops_tests.support.forkserver import Child, ForkServer

ROWS, EVERY = 36, 3
BAD = [row for row in range(1, ROWS + 1) if row % EVERY == 0]
STAYS = 9
"""This row is refused again, by the database: its key is taken."""
BATCHES = 4
"""Of rejects, 3 in each; then as many of the step that takes what they recovered."""
Kill = tuple[Point, int]
KILLS: tuple[Kill, ...] = (
    (Point.RESUMED, 1),
    (Point.BEGUN, 1),
    (Point.BEFORE_DATA, 1),
    (Point.ISOLATING, 1),
    (Point.WRITING_OUTPUT, 2),
    (Point.AFTER_DATA, 3),
    (Point.BEFORE_COMMIT, 2),
    (Point.AFTER_COMMIT, 3),
    (Point.AFTER_COMMIT, BATCHES),
    (Point.BETWEEN_STEPS, 1),
    (Point.PLANNING, 1),
    (Point.BEFORE_DATA, BATCHES + 3),
    (Point.BEFORE_COMMIT, BATCHES + 1),
    (Point.AFTER_COMMIT, 2 * BATCHES - 1),
    (Point.BETWEEN_STEPS, 3),
    (Point.BETWEEN_STEPS, 4),
    (Point.CLOSING, 1),
    (Point.CLOSED, 1),
)
"""All over the way: before anything, in the batches of rejects, between the steps, in those of the
later step, when all is done and not told.
"""
DATABASES = ("sqlite", "postgresql")
EVERYWHERE = [
    pytest.param(
        *(database, kill),
        id=f"{database}-{kill[0]}-{kill[1]}",
        marks=[pytest.mark.slow] if (number + place) % 3 else [],
    )
    for number, kill in enumerate(KILLS)
    for place, database in enumerate(DATABASES)
]
"""A third of them in each run; all in the slow one."""


def file() -> str:
    lines = [f"{n},n{n},{-n if n % EVERY == 0 else n},s{n}" for n in range(1, ROWS + 1)]
    return "\n".join(["id,name,age,secret", *lines]) + "\n"


class Killed:
    """An import of which every third row is bad, and the file that corrects all but one."""

    def __init__(self, folder: Path, url: str, server: ForkServer, **options: str) -> None:
        self.letters = Letters(folder, url, file=file(), **options)
        self._url, self._server = url, server
        self.first: Result = self.letters.run(options=RunOptions(batch_size=12))
        mended = {row: {"age": "50"} for row in BAD}
        mended[STAYS] = {"age": "50", "id": "1"}
        self.file = self.letters.corrected(self.first, mended)

    def kill(self, kill: Kill) -> None:
        """Kill a retry at a place."""
        child = self.start(kill)
        assert child.wait() == -signal.SIGKILL, child.output
        assert not is_worked_on(self.letters.project, self.first.execution_id)
        self.letters.judge_counters(self.first)

    def start(self, kill: Kill | None = None, number: int = signal.SIGKILL) -> Child:
        arguments = (str(self.letters.folder), self._url, self.first.execution_id, str(self.file))
        return self._server.run(kills.child_retry, *arguments, kill, number)

    def finish(self) -> None:
        self.letters.retry(self.first, corrected=self.file, options=RunOptions(batch_size=5))

    def judge(self) -> None:
        """As if nobody had been killed."""
        now = self.letters.judge(self.first)
        good = [n for n in range(1, ROWS + 1) if n != STAYS]
        age = {n: 50 if n % EVERY == 0 else n for n in good}
        assert self.letters.rows() == [(n, f"n{n}", age[n], f"s{n}", 1) for n in good]
        assert now.status is Status.COMPLETED_WITH_ERRORS
        assert self.letters.open_rows(self.first) == [STAYS]
        states = reject_states(self.letters.project, self.first.execution_id)
        assert states["recovered"] == len(BAD) - 1
        counts = {step.name: step.counts for step in now.steps}
        assert (counts["create"].total, counts["create"].created) == (ROWS, ROWS - 1)
        assert counts["mark"].updated == ROWS - 1
        done = retries_of(self.letters.project, self.first.execution_id)
        assert all(each.completed_at is not None for each in done)
        assert self.letters.leftovers() == set()


@pytest.fixture
def killed(
    request: pytest.FixtureRequest,
    database: str,
    tmp_path: Path,
    fork_server: ForkServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Killed]:
    url = request.getfixturevalue(f"{database}_url")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    made = Killed(tmp_path, url, fork_server)
    yield made
    made.letters.close()


@pytest.mark.parametrize(("database", "kill"), EVERYWHERE)
@pytest.mark.quick(
    "postgresql-closed-1", "sqlite-between_steps-1", "postgresql-after_data-3", "sqlite-resumed-1"
)
def test_killed_and_run_again_each_row_is_written_once_and_marked_once(
    killed: Killed, kill: Kill
) -> None:
    """Whatever it had done: the counters agree as soon as it is dead, and all is right at the end.
    What was recovered before is passed over in the file.
    """
    killed.kill(kill)
    killed.finish()
    killed.judge()


@pytest.mark.slow
@pytest.mark.parametrize("database", DATABASES)
def test_killed_again_and_again(killed: Killed) -> None:
    for kill in (
        (Point.BEGUN, 1),
        (Point.AFTER_COMMIT, 2),
        (Point.BEFORE_COMMIT, 1),
        (Point.AFTER_COMMIT, 1),
        (Point.BETWEEN_STEPS, 2),
    ):
        killed.kill(kill)
    killed.finish()
    killed.judge()


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.quick("sqlite")
def test_of_several_at_once_each_waits_its_turn_or_is_told_who_has_it(killed: Killed) -> None:
    children = [killed.start() for _ in range(3)]
    codes = [child.wait() for child in children]
    assert 0 in codes
    for child, code in zip(children, codes, strict=True):
        assert code in (0, 1) or OwnershipError.__name__ in child.output, child.output
    killed.finish()
    killed.judge()


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.quick("postgresql")
def test_resume_waits_for_a_retry_that_broke_off(
    request: pytest.FixtureRequest,
    database: str,
    tmp_path: Path,
    fork_server: ForkServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it recovered is to be among the rows that later steps take when they are planned."""
    url = request.getfixturevalue(f"{database}_url")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    killed = Killed(tmp_path, url, fork_server, max_errors="3")
    letters = killed.letters
    assert killed.first.status is Status.STOPPED
    killed.kill((Point.AFTER_COMMIT, 1))
    with pytest.raises(UnfinishedExecutionError, match="batch-ops retry"):
        resume(letters.project, killed.first.execution_id)
    killed.finish()
    options = RunOptions(max_errors=ErrorLimit(100))
    resume(letters.project, killed.first.execution_id, options=options)
    assert letters.rows("SELECT DISTINCT marks FROM people") == [(1,)]
    letters.judge(killed.first)
    letters.close()


@pytest.mark.parametrize("database", DATABASES)
def test_a_reject_that_somebody_else_ended_meanwhile_takes_its_batch_back(killed: Killed) -> None:
    """The last guard: two processes that both believe to have the execution."""
    letters = killed.letters

    def recovered_elsewhere(point: Point) -> None:
        if point is Point.BEGUN:
            letters.execute("UPDATE batch_operation_errors SET state = 'recovered'")

    before = letters.rows()
    with happening(recovered_elsewhere), pytest.raises(TakenOverError):
        letters.retry(killed.first, corrected=killed.file)
    assert letters.rows() == before
    letters.execute("UPDATE batch_operation_errors SET state = NULL")
    killed.finish()
    killed.judge()


@pytest.mark.parametrize("database", DATABASES)
def test_a_process_that_was_struck_out_writes_nothing_more(killed: Killed) -> None:
    letters = killed.letters

    def struck_out(point: Point) -> None:
        if point is Point.BEGUN:
            letters.execute("DELETE FROM batch_workers")

    before = letters.rows()
    with happening(struck_out), pytest.raises(TakenOverError):
        letters.retry(killed.first, corrected=killed.file)
    assert letters.rows() == before
    killed.finish()
    killed.judge()


@pytest.mark.parametrize("database", DATABASES)
def test_one_that_is_frozen_is_taken_over_on_a_persons_word_where_that_can_be(
    killed: Killed, database: str
) -> None:
    """Awake again, it writes nothing. On SQLite, where it cannot be ended, it is named."""
    child = killed.start((Point.BEFORE_DATA, 2), signal.SIGSTOP)
    letters = killed.letters
    wait_until_stopped(child.pid)
    for options in (RunOptions(), RunOptions(take_over=True)):
        if database == "postgresql" and options.take_over:
            letters.retry(killed.first, corrected=killed.file, options=options)
            continue
        with pytest.raises(OwnershipError, match=f"process {child.pid}"):
            letters.retry(killed.first, corrected=killed.file, options=options)
    child.kill(signal.SIGCONT)
    code = child.wait()
    if database == "postgresql":
        assert code not in (0, 1), child.output
    killed.finish()
    killed.judge()


@contextmanager
def happening(what: Callable[[Point], None]) -> Iterator[None]:
    faultpoints.install(what)
    try:
        yield
    finally:
        faultpoints.install(None)


def wait_until_stopped(pid: int) -> None:
    deadline = time.monotonic() + 30
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.02)
