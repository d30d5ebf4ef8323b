"""`batch-ops pause` and `batch-ops cancel`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ALONE = "--no-dagster"
SHELL = str(Path(sys.executable).parent / "batch-ops")


@pytest.fixture
def slow(shell):
    """`rename` takes two seconds."""
    file = shell.folder / "defs" / "people.yaml"
    named = "operation: rename\n"
    file.write_text(file.read_text().replace(named, named + "    throttle: 50 ms\n"))
    return shell


@contextmanager
def renaming(shell) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Another shell that renames, and the execution's id."""
    command = [SHELL, "run", "rename", ALONE, "--quiet"]
    with subprocess.Popen(command, cwd=shell.folder, stderr=subprocess.PIPE, text=True) as process:
        while not (renamed := (shell.tables() and _begun(shell))):
            assert process.poll() is None
            time.sleep(0.05)
        yield renamed, process
        if process.poll() is None:
            process.kill()


def _begun(shell) -> str | None:
    if "batch_operation_logs" not in shell.tables():
        return None
    found = shell.query("SELECT operation_id FROM batch_operation_logs LIMIT 1")
    return str(found[0][0]) if found else None


def written(shell) -> int:
    return shell.query("SELECT COUNT(*) FROM people WHERE status = 'renamed'")[0][0]


def test_pause_waits_until_it_was_heard_and_names_what_goes_on(slow):
    with renaming(slow) as (execution, process):
        said = slow("pause", execution[:8])
        assert said.code == 0
        assert "paused" in said.out
        assert f"batch-ops resume {execution[:8]}" in said.out
        assert process.wait(10) == 4
    assert 0 < written(slow) < 400
    assert slow("resume", ALONE).code == 0
    assert written(slow) == 400


def test_cancel_waits_until_it_was_heard_and_tells_what_stays(slow):
    with renaming(slow) as (execution, process):
        said = slow("cancel", execution[:8], ALONE)
        assert said.code == 0
        assert process.wait(10) == 4
        assert process.stderr is not None
        told = process.stderr.read()
    assert "cancelled" in told
    assert "batch-ops resume" not in told
    assert "rename cancelled" in said.out
    assert f"What was committed stays: {written(slow)} updated" in said.out
    assert slow("resume", execution, ALONE).code == 2
    assert slow("status", execution, "--json").json["status"] == "cancelled"


def test_without_waiting_it_is_only_asked(slow):
    with renaming(slow) as (execution, process):
        said = slow("cancel", execution, "--no-wait", "--json", ALONE)
        assert (said.code, said.json["status"]) == (0, "running")
        assert process.wait(10) == 4
    assert slow("status", execution, "--json").json["status"] == "cancelled"


@pytest.mark.slow
def test_a_take_over_is_a_persons_word_that_a_database_of_one_writer_refuses(slow):
    with renaming(slow) as (execution, process):
        process.send_signal(signal.SIGSTOP)
        said = slow("cancel", execution, "--take-over", "--no-wait", ALONE)
        process.send_signal(signal.SIGCONT)
        assert said.code == 3
        assert "is worked on by process" in said.error
        assert process.wait(10) == 0
    assert written(slow) == 400


def test_who_is_asked_and_dies_is_not_waited_for(slow):
    with renaming(slow) as (execution, process):
        process.kill()
        process.wait()
        said = slow("cancel", execution, "--json", ALONE)
    assert (said.code, said.json["status"]) == (0, "cancelled")
    assert said.json["counts"]["updated"] == written(slow)


@pytest.mark.parametrize("command", ["pause", "cancel"])
def test_an_execution_that_has_ended_or_is_none_is_told(shell, command):
    shell("run", "rename", ALONE)
    execution = shell("status", "--json").json["executions"][0]["execution_id"]
    said = shell(command, execution)
    assert said.code == 2
    assert said.error == f"Execution {execution[:8]} of rename has ended: it is completed."
    assert shell(command, "nothing").code == 2
    assert shell(command).code == 2
