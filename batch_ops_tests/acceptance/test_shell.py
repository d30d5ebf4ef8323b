"""The shell as a process of its own: start, signals, pipes, terminals, and its death."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 3_000
MANY_ROWS = 12_000
"""In batches of one row they last longer than the 2 s after which progress is told."""
ROWS_TEXT = """
name: items
key: [id]
fields: {id: integer, name: text, state: {type: text, nullable: false}}
patterns:
  - name: batch_operations
    operation: touch_items
    operation_type: update
    batch_size: 1
    chunk_rows: 100
    where_condition: state = 'new'
    update_data: {state: touched}
  - name: batch_operations
    operation: lose_items
    operation_type: update
    where_condition: id <= 1000
    update_data: {state: {sql: "NULLIF('x', 'x')"}}
"""
HEAVY = ("dagster", "pandas", "great_expectations", "duckdb", "sqlalchemy", "sqlglot")


@dataclass(frozen=True)
class Project:
    """A folder with 3,000 items, and the shell started in it."""

    folder: Path

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "batch_ops", *arguments]
        return subprocess.Popen(command, cwd=self.folder, **{**streams, **more})

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "batch_ops.db", timeout=30) as connection:
            return connection.execute(sql).fetchall()

    def touched(self) -> int:
        return self.rows("SELECT COUNT(*) FROM items WHERE state = 'touched'")[0][0]

    def add_to(self, rows: int) -> None:
        """More items, until there are so many."""
        with sqlite3.connect(self.folder / "batch_ops.db") as connection:
            connection.executemany(
                "INSERT INTO items VALUES (?, ?, 'new')",
                ((number, f"item {number}") for number in range(ROWS + 1, rows + 1)),
            )

    def newest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("status", "--json").stdout)["executions"][0]
        return found


@pytest.fixture
def project(tmp_path) -> Project:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "items.yaml").write_text(ROWS_TEXT)
    with sqlite3.connect(tmp_path / "batch_ops.db") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, state TEXT NOT NULL)"
        )
        connection.executemany(
            "INSERT INTO items VALUES (?, ?, 'new')",
            ((number, f"item {number}") for number in range(1, ROWS + 1)),
        )
    return Project(tmp_path)


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Until it holds; fails after some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def test_help_answers_in_less_than_a_second(project):
    times = []
    for _ in range(3):
        began = time.perf_counter()
        said = project("--help")
        times.append(time.perf_counter() - began)
        assert said.returncode == 0
        for command in ("list", "check", "plan", "run", "resume", "status", "errors"):
            assert command in said.stdout
    assert min(times) < 1.0


@pytest.mark.parametrize("command", ["", "run", "check", "errors"])
def test_help_imports_nothing_heavy(project, command):
    script = (
        "import sys; from batch_ops.cli.app import execute;"
        f"code = execute({[*command.split(), '--help']!r});"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr);"
        "sys.exit(code)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stderr == "[]\n"


def test_the_console_script_is_the_same(project):
    script = os.path.join(os.path.dirname(sys.executable), "batch-ops")  # noqa: PTH118, PTH120
    said = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == project("--version").stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.quick("2")
def test_an_interrupted_run_tells_what_was_committed_exits_130_and_can_be_resumed(project, number):
    """Also where the tests run under `nohup`, which would be inherited."""
    process = project.start(
        "run", "touch_items", "--no-dagster", "--json",
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    wait_until(lambda: project.touched() > 20)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    done = project.touched()
    assert 20 < done < ROWS
    told = json.loads(out)
    assert told["counts"]["updated"] == done
    assert told["status"] == "stopped"
    assert "error: Interrupted." in err
    assert f"{done:,} updated" in err
    assert f"batch-ops resume {told['execution_id'][:8]}" in err
    assert "Traceback" not in err
    assert project("resume", "--no-dagster", "--batch-size", "500").returncode == 0
    assert project.touched() == ROWS


def test_a_third_interrupt_ends_the_process_at_once(tmp_path):
    script = (
        "import time\n"
        "from batch_ops.cli.interrupts import orderly\n"
        "with orderly(lambda: print('breaking off', flush=True)):\n"
        "    try:\n"
        "        print('ready', flush=True); time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        print('ending', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "breaking off\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Ctrl-C again: it is rolled back" in err
    assert "batch-ops resume" in err


@pytest.mark.slow
def test_a_signal_that_is_ignored_stays_ignored(project):
    """`nohup batch-ops run …` survives the end of the session."""
    process = project.start(
        "run", "touch_items", "--no-dagster", "--batch-size", "2",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    wait_until(lambda: project.touched() > 10)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert project.touched() == ROWS


@pytest.mark.slow
def test_a_killed_run_is_told_as_such_and_resumed_to_the_same_end(project):
    process = project.start("run", "touch_items", "--no-dagster")
    wait_until(lambda: project.touched() > 20)
    assert "gone" not in project("status").stdout
    process.kill()
    process.communicate(timeout=30)
    execution = project.newest()["execution_id"]
    said = project("status", execution[:8])
    assert said.returncode == 0
    assert "its process is gone" in said.stdout
    assert f"batch-ops resume {execution[:8]}" in said.stdout
    resumed = project("resume", "--no-dagster", "--batch-size", "500", "--json")
    assert resumed.returncode == 0
    assert json.loads(resumed.stdout)["counts"]["updated"] == ROWS
    assert project.touched() == ROWS


@pytest.mark.slow
def test_status_in_another_process_shows_fresh_counters_and_watch_ends_with_the_run(project):
    process = project.start("run", "touch_items", "--no-dagster")
    wait_until(lambda: project.touched() > 20)
    ((execution,),) = project.rows("SELECT operation_id FROM batch_operations")
    watching = project.start("status", execution, "--watch")
    before = project.touched()
    now = json.loads(project("status", execution, "--json").stdout)
    assert now["counts"]["updated"] >= before
    watched, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert watched.index("touch_items running") < watched.index("left in this step")
    assert watched.index("left in this step") < watched.index("touch_items completed")
    process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.fixture
def on_postgresql(project, postgresql_url, monkeypatch) -> Callable[[str], int]:
    """The items in PostgreSQL, where a second process need not wait for the first one's lock."""
    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE items (id integer PRIMARY KEY, name text, state text NOT NULL)")
        )
        rows = text("INSERT INTO items SELECT n, 'item', 'new' FROM generate_series(1, 20000) n")
        connection.execute(rows)
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)

    def count(state: str) -> int:
        with engine.connect() as connection:
            query = text("SELECT COUNT(*) FROM items WHERE state = :state")
            return connection.execute(query, {"state": state}).scalar_one()

    yield count
    engine.dispose()


@pytest.mark.slow
def test_another_process_is_refused_while_the_first_one_works(project, on_postgresql):
    """The same operation, another one on the same table, and a resume; `--take-over` is a word."""
    first = project.start("run", "touch_items", "--no-dagster")
    wait_until(lambda: on_postgresql("touched") > 20)
    for command in (["run", "touch_items"], ["run", "lose_items"], ["resume"]):
        said = project(*command, "--no-dagster")
        assert said.returncode == 3, (command, said)
    assert f"process {first.pid}" in said.stderr
    taken = project("resume", "--no-dagster", "--take-over", "--batch-size", "5000", "--json")
    assert taken.returncode == 0
    _, err = first.communicate(timeout=30)
    assert first.returncode == 4
    assert "Traceback" not in err
    assert on_postgresql("touched") == 20_000
    assert json.loads(taken.stdout)["counts"]["updated"] == 20_000


@pytest.mark.slow
def test_without_a_terminal_progress_is_lines_on_stderr_and_stdout_stays_json(project):
    project.add_to(MANY_ROWS)
    said = project("run", "touch_items", "--no-dagster", "--json")
    assert said.returncode == 0
    assert json.loads(said.stdout)["counts"]["updated"] == MANY_ROWS
    lines = [line for line in said.stderr.splitlines() if line.startswith("update: ")]
    assert lines
    assert f"of {MANY_ROWS:,} rows" in lines[0]
    assert "\x1b" not in said.stderr


@pytest.mark.slow
def test_quiet_has_no_progress(project):
    project.add_to(MANY_ROWS)
    assert project("run", "touch_items", "--no-dagster", "--quiet").stderr == ""


def on_terminal(project, *arguments: str) -> str:
    """What a person with a terminal of 80 columns sees on stderr."""
    master, slave = pty.openpty()
    process = project.start(
        *arguments, stderr=slave, env={**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 65_536)
        except OSError:
            break
        if not part:
            break
        seen += part
    process.communicate(timeout=30)
    os.close(master)
    return seen.decode()


def test_on_a_terminal_progress_is_a_bar_with_rows_rate_and_remaining_time(project):
    seen = on_terminal(project, "run", "touch_items", "--no-dagster", "--batch-size", "5")
    assert "━" in seen
    assert "/3,000" in seen
    assert "rows/s" in seen


def test_on_a_terminal_an_error_is_red(project):
    assert "\x1b[1;31merror: " in on_terminal(project, "run", "nothing")


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error(project):
    said = project("run", "lose_items", "--no-dagster", "--json")
    execution = json.loads(said.stdout)["execution_id"]
    for form in ("--json", "--csv", "--limit=1000"):
        process = project.start("errors", execution, form)
        assert process.stdout
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr
        err = process.stderr.read()
        assert process.wait(timeout=30) == 0
        assert err == ""


# with Dagster, which is the default


def test_by_default_the_run_is_shown_in_dagster_and_stdout_stays_json(project):
    said = project("run", "touch_items", "--batch-size", "500", "--json")
    assert said.returncode == 0, said.stderr
    told = json.loads(said.stdout)
    assert told["run_id"]
    assert told["counts"]["updated"] == ROWS
    assert "Traceback" not in said.stderr
    assert "dagster" not in said.stderr
    assert project("run", "lose_items", "--quiet").returncode == 1
    assert project("run", "nothing").returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.quick("15")
def test_with_dagster_an_interrupt_ends_as_it_does_without(project, number):
    process = project.start("run", "touch_items", "--json")
    wait_until(lambda: project.touched() > 20)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["counts"]["updated"] == project.touched() < ROWS
    assert "error: Interrupted." in err
    assert "Traceback" not in err
    assert project("resume", "--batch-size", "500").returncode == 0
    assert project.touched() == ROWS
