"""The fixtures keep what they promise: other tests build on them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from batch_ops_tests.support.forkserver import FAILED, ForkServer
from batch_ops_tests.support.postgresql import PostgreSQL, remove_left_behind


@pytest.mark.parametrize("time", [1, 2])
def test_every_test_gets_an_empty_database(database_url: str, time: int) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
        connection.execute(sa.text("CREATE TABLE left_behind (id INTEGER)"))
    engine.dispose()


def test_a_fresh_postgresql_database_takes_no_noticeable_time(
    postgresql_server: PostgreSQL,
) -> None:
    begin = time.perf_counter()
    postgresql_server.drop_database(postgresql_server.create_database())
    assert time.perf_counter() - begin < 2


def test_the_postgresql_server_comes_back_after_a_crash_with_what_was_committed(
    postgresql_server: PostgreSQL, postgresql_url: str
) -> None:
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE kept AS SELECT 42 AS answer"))
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        postgresql_server.restart()
        with pytest.raises(sa.exc.OperationalError):
            connection.execute(sa.text("SELECT 1"))
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT answer FROM kept")) == 42
    engine.dispose()


def test_the_server_of_a_killed_test_run_is_removed_by_the_next(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    child = fork_server.run(_start_server, tmp_path / "folder")
    while not (tmp_path / "folder").exists():
        time.sleep(0.02)
    folder = Path((tmp_path / "folder").read_text())
    server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    remove_left_behind()
    assert psutil.pid_exists(server)
    child.kill()
    child.wait()
    remove_left_behind()
    assert not folder.exists()
    assert not psutil.pid_exists(server)


def test_mariadb_where_it_runs(mariadb_url: str) -> None:
    engine = sa.create_engine(mariadb_url)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
    engine.dispose()


def test_what_a_helper_set_and_pytest_undoes_is_gone_before_the_next_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its other half is the test after it."""
    os.environ["BATCH_OPS_X"] = "by a helper"
    monkeypatch.setenv("BATCH_OPS_X", "by the test")
    assert os.environ["BATCH_OPS_X"] == "by the test"


def test_nothing_of_the_persons_environment_reaches_the_tests() -> None:
    assert [n for n in os.environ if n.startswith(("BATCH_OPS_", "DAGSTER_"))] == []


def test_a_forked_child_runs_the_function_and_returns_its_code(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    child = fork_server.run(_write, tmp_path / "said", text="hello", env={"BATCH_OPS_X": "there"})
    assert child.wait() == 3
    assert (tmp_path / "said").read_text() == "hello there"
    assert child.output == "written\n"
    assert child.pid != os.getpid()


def test_a_forked_child_is_killed_while_it_works(fork_server: ForkServer, tmp_path: Path) -> None:
    child = fork_server.run(_wait_long, tmp_path / "begun")
    while not (tmp_path / "begun").exists():
        time.sleep(0.001)
    assert child.poll() is None
    child.kill(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.kill()


def test_a_forked_child_is_interrupted_like_a_process_in_a_terminal(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    child = fork_server.run(_wait_long, tmp_path / "begun")
    while not (tmp_path / "begun").exists():
        time.sleep(0.001)
    child.kill(signal.SIGINT)
    assert child.wait() == FAILED
    assert "KeyboardInterrupt" in child.output


def test_an_exception_in_a_child_is_told_with_its_traceback(fork_server: ForkServer) -> None:
    child = fork_server.run(_fail)
    assert child.wait() == FAILED
    assert "ValueError: as asked for" in child.output


def test_children_run_side_by_side_and_start_in_milliseconds(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    fork_server.run(_write, tmp_path / "first", text="").wait()
    begin = time.perf_counter()
    children = [fork_server.run(_write, tmp_path / f"{n}", text="") for n in range(20)]
    assert {child.wait() for child in children} == {3}
    assert time.perf_counter() - begin < 4
    assert len({child.pid for child in children}) == 20


def test_a_fork_server_that_cannot_start_is_told_at_once() -> None:
    with ForkServer(["no_such_module"]) as server, pytest.raises(RuntimeError, match="has ended"):
        server.run(_fail)
    with ForkServer(["no_such_module"]) as server:
        server._process.wait(timeout=10)
        with pytest.raises(RuntimeError, match="has ended"):
            server.run(_fail)


def _write(path: Path, text: str) -> int:
    path.write_text(f"{text} {os.environ.get('BATCH_OPS_X', '')}")
    print("written")
    return 3


def _start_server(told: Path) -> None:
    server = PostgreSQL()
    (told.parent / "draft").write_text(str(server.folder))
    (told.parent / "draft").rename(told)
    while True:  # a signal just before one long sleep would be noticed at its end only
        time.sleep(0.01)


def _wait_long(begun: Path) -> None:
    begun.touch()
    while True:  # a signal just before one long sleep would be noticed at its end only
        time.sleep(0.01)


def _fail() -> None:
    raise ValueError("as asked for")
