"""Databases with a journal as earlier versions wrote it, kept as scripts of SQL.

The scripts of a version are made once, by the code of that version:

    python -m batch_ops_tests.support.old_journals

They hold a file's import that was completed with rejects, and an operation of three steps whose
process was killed in the midst of the second one.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from batch_ops.database import open_database
from batch_ops.engine import Project, run
from batch_ops.events import BatchCommitted
from batch_ops.journal import Journal
from batch_ops.journal.tables import VERSION
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import accounts
from batch_ops_tests.support.postgresql import PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.events import Event

STORED = Path(__file__).parents[1] / "stored_journals"
ROWS = 120
LINES = 40
KILLED_AT = 17
"""The batch whose commit the process does not survive: the second one of a chunk of `update`."""

DECLARATION = (
    accounts.ENTITY
    + """  - name: batch_operations
    operation: sweep
    batch_size: 10
    chunk_rows: 30
    steps:
      - name: validate
        operation_type: select
        where_condition: "status = 'open'"
      - name: update
        operation_type: update
        update_data: {status: swept, closed_at: "NOW()"}
        where_condition: "(region, number) IN (:validated_ids)"
      - name: cleanup
        operation_type: delete
        where_condition: "status = 'swept' AND balance < 50"
"""
)
IMPORTED = """
name: imported
key: [number]
create_table: true
fields:
  number: integer
  balance: integer
patterns:
  - name: batch_operations
    operation: import_numbers
    operation_type: insert
    data_source: csv_file
    source_path: numbers.csv
    validation_rules: ["balance IS NOT NULL"]
    batch_size: 10
"""
CHECK = ", CHECK (status <> 'swept' OR balance <> 7)"
"""One account is refused by the step `update`: a reject."""


def write_project(folder: Path) -> None:
    """The declarations and the file, as they were when the scripts were made."""
    (folder / "defs").mkdir(parents=True)
    (folder / "defs" / "accounts.yaml").write_text(DECLARATION)
    (folder / "defs" / "imported.yaml").write_text(IMPORTED)
    lines = [f"{n},{'' if n % 20 == 3 else n}" for n in range(LINES)]
    (folder / "numbers.csv").write_text("\n".join(["number,balance", *lines]) + "\n")


def open_project(folder: Path, url: str) -> Project:
    """The project on a database; its files are named as from its folder."""
    os.environ["BATCH_OPS_DATABASE_URL"] = url
    texts = {each.name: each.read_text() for each in sorted((folder / "defs").iterdir())}
    return Project(folder, Catalog.from_texts(texts))


def versions() -> list[int]:
    """The versions of which there are scripts."""
    names = {each.name.partition(".")[0] for each in STORED.glob("*.sql")}
    return sorted(int(name.removeprefix("version_")) for name in names)


def load(version: int, url: str) -> None:
    """Make an empty database what the script of a version says."""
    kind = url.partition(":")[0].partition("+")[0]
    script = (STORED / f"version_{version}.{kind}.sql").read_text()
    if kind == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript(script)
        connection.close()
        return
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(script.encode())


def child_upgrade(url: str) -> int:
    """What one of several processes does that upgrade at once."""
    database = open_database(url)
    Journal(database).bring_up_to_date()
    return 0


# making them


def _begin(folder: Path, url: str) -> None:
    """What the process does that is killed."""
    os.environ["BATCH_OPS_ACTOR"] = "ann"
    project = open_project(folder, url)
    accounts.make_accounts(project.database(), ROWS, CHECK)
    run(project, "import_numbers")
    run(project, "sweep", listen=_Killer())


class _Killer:
    """Kills this process."""

    def __init__(self) -> None:
        self._seen = 0

    def __call__(self, event: Event) -> None:
        self._seen += isinstance(event, BatchCommitted)
        if self._seen == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)


def _killed(folder: Path, url: str) -> None:
    pid = os.fork()
    if pid == 0:
        _begin(folder, url)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    project = open_project(folder, url)
    accounts.execute(project.database(), ["UPDATE batch_workers SET host = 'elsewhere'"])
    project.dispose()


def _sqlite_script(url: str) -> str:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    lines = "\n".join(connection.iterdump())
    connection.close()
    return lines


def _postgresql_script(program: Path, url: str) -> str:
    """Without what belongs to the program that made it."""
    arguments = ("--inserts", "--no-owner", "--no-privileges", url.replace("+psycopg", ""))
    made = subprocess.run([program, *arguments], check=True, capture_output=True, text=True)
    own = re.compile(r"^(--.*|\\.*|SET .*|SELECT pg_catalog\.set_config.*|)\n", re.MULTILINE)
    return own.sub("", made.stdout)


def _make(kind: str, url: str, script: Callable[[str], str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_project(folder)
        url = url.format(folder=folder)
        _killed(folder, url)
        STORED.mkdir(exist_ok=True)
        text = script(url).replace(f"{folder}/", "")
        (STORED / f"version_{VERSION}.{kind}.sql").write_text(text + "\n")


def main() -> int:
    """Make the scripts of this version."""
    _make("sqlite", "sqlite:///{folder}/old.db", _sqlite_script)
    server = PostgreSQL()
    try:
        script = partial(_postgresql_script, server.programs / "pg_dump")
        _make("postgresql", server.url(server.create_database()), script)
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
