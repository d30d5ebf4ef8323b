"""A project in a folder of its own, and the shell on it."""

from __future__ import annotations

import json
import sqlite3
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.cli.app import execute

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = """
name: people
key: [id]
hidden: [password]
fields:
  id: integer
  name: {type: string(20), nullable: false}
  age: integer
  password: text
  status: text
patterns:
  - name: batch_operations
    operation: import_people
    description: Read people from a file.
    operation_type: insert
    data_source: csv_file
    source_path: people.csv
    validation_rules:
      - age > 0
  - name: batch_operations
    operation: retire
    description: Old people are retired.
    preconditions:
      - "COUNT(*) FILTER (WHERE status IS NULL) > 0"
    parameters:
      min_age: integer
    steps:
      - name: validate
        operation_type: select
        where_condition: status IS NULL AND age >= :min_age
        output: old_ids
      - name: update
        operation_type: update
        where_condition: id IN (:old_ids)
        update_data:
          status: retired
  - name: batch_operations
    operation: rename
    operation_type: update
    batch_size: 10
    chunk_rows: 50
    where_condition: status IS NULL
    update_data:
      status: renamed
  - name: batch_operations
    operation: mark
    parameters:
      ids: integer[]
    operation_type: update
    where_condition: id IN (:ids)
    update_data:
      status: marked
"""
TABLE = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, password TEXT,
    status TEXT CONSTRAINT not_seven CHECK (status <> 'retired' OR id % 100 <> 77))
"""
ROWS = 400


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on stdout; nothing else may be there."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The first line of the error; there is exactly one error, in its form."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err + self.out
        return lines[0].removeprefix("error: ")


class Shell:
    """The shell in a project folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.database = folder / "batch_ops.db"

    def __call__(self, *arguments: str) -> Said:
        self._capsys.readouterr()
        with warnings.catch_warnings():
            code = execute(arguments)
        return Said(code, *self._capsys.readouterr())

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the project's SQLite file."""
        with sqlite3.connect(self.database) as connection:
            return connection.execute(sql).fetchall()

    def change(self, sql: str) -> None:
        """What others do in the project's SQLite file."""
        with sqlite3.connect(self.database) as connection:
            connection.execute(sql)

    def tables(self) -> set[str]:
        """The tables that are there."""
        return {name for (name,) in self.query("SELECT name FROM sqlite_master")}

    def declare(self, text: str, name: str = "people.yaml") -> Path:
        """Write an entity file."""
        file = self.folder / "defs" / name
        file.write_text(text)
        return file

    def fill(self, rows: int = ROWS) -> None:
        """Make the table with some people: ids from 1, ages 0 to 89, no status."""
        with sqlite3.connect(self.database) as connection:
            connection.execute(TABLE)
            connection.executemany(
                "INSERT INTO people VALUES (?, ?, ?, ?, NULL)",
                ((n, f"n{n}", n % 90, f"s3cret{n}") for n in range(1, rows + 1)),
            )


@pytest.fixture
def empty(tmp_path, monkeypatch, capsys) -> Shell:
    """A project with people declared and no database."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster.yaml").touch()
    (tmp_path / "defs").mkdir()
    shell = Shell(tmp_path, capsys)
    shell.declare(PEOPLE)
    return shell


@pytest.fixture
def shell(empty) -> Shell:
    """A project with 400 people in its SQLite file."""
    empty.fill()
    return empty
