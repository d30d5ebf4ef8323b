"""Operations that require a confirmation: asked for where a person is, else refused."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOTES = """
name: notes
key: id
fields: {id: integer, body: text}
patterns:
  - name: batch_operations
    operation: clear_notes
    operation_type: update
    update_data: {body: gone}
    where_condition: "id > :after"
    parameters: {after: {type: integer, default: 0}}
    requires_confirmation: true
"""
COMMAND = (sys.executable, "-m", "batch_ops", "run", "clear_notes", "--no-dagster")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with 40 notes."""
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}")
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "notes.yaml").write_text(NOTES)
    with sqlite3.connect(tmp_path / "batch_ops.db") as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
        rows = ((number, f"note {number}") for number in range(1, 41))
        connection.executemany("INSERT INTO notes VALUES (?, ?)", rows)
    return tmp_path


def gone(folder: Path) -> int:
    with sqlite3.connect(folder / "batch_ops.db") as connection:
        query = "SELECT count(*) FROM notes WHERE body = 'gone'"
        return int(connection.execute(query).fetchone()[0])


def run(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *more],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def on_terminal(
    folder: Path, answer: str, *, command: Sequence[str] = COMMAND, first: str = ""
) -> tuple[int, str]:
    """Answer the question on a terminal; the exit code, and what was shown.

    first: SQL another one runs after the question was asked.
    """
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
    )
    os.close(slave)
    seen, answered = b"", False
    while part := _read(master):
        seen += part
        if not answered and b"[y/n]" in seen:
            answered = True
            if first:
                with sqlite3.connect(folder / "batch_ops.db") as connection:
                    connection.execute(first)
            os.write(master, answer.encode() + b"\n")
    os.close(master)
    return process.wait(60), seen.decode()


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65_536)
    except OSError:
        return b""


def told(folder: Path) -> list[Any]:
    command = [sys.executable, "-m", "batch_ops", "status", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout)["executions"])


def test_without_a_terminal_it_is_refused_and_nothing_is_written(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 3
    assert "requires a confirmation" in done.stderr
    assert "--yes" in done.stderr
    assert (gone(folder), told(folder)) == (0, [])


def test_yes_on_the_command_line_is_a_yes(folder: Path) -> None:
    assert run(folder, "--yes").returncode == 0
    assert gone(folder) == 40


def test_a_terminal_shows_the_planned_rows_and_a_sample_and_asks(folder: Path) -> None:
    code, seen = on_terminal(folder, "y")
    assert code == 0, seen
    assert "update 40 rows of notes" in seen
    assert "note 1 → gone" in seen
    assert gone(folder) == 40


def test_a_no_is_a_no(folder: Path) -> None:
    code, seen = on_terminal(folder, "n")
    assert code == 3, seen
    assert "was not confirmed" in seen
    assert (gone(folder), told(folder)) == (0, [])


def test_no_more_rows_are_changed_than_were_confirmed(folder: Path) -> None:
    """Somebody adds a row between the question and the answer."""
    more = "INSERT INTO notes VALUES (41, 'late')"
    code, seen = on_terminal(folder, "y", first=more)
    assert code == 3, seen
    assert "would change 41 rows; max_records allows 40" in seen
    assert gone(folder) == 0


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 3, 40)])
def test_an_undo_tells_on_a_terminal_what_it_would_put_back_and_asks(
    folder: Path, answer: str, code: int, left: int
) -> None:
    declared = NOTES.replace("    requires_confirmation: true", "    undo: true")
    (folder / "defs" / "notes.yaml").write_text(declared)
    assert run(folder).returncode == 0
    (execution,) = told(folder)
    undo = (sys.executable, "-m", "batch_ops", "undo", execution["execution_id"])
    ended, seen = on_terminal(folder, answer, command=undo)
    assert ended == code, seen
    assert "only tried (keep_newer): 40 rows put back" in seen
    assert gone(folder) == left
