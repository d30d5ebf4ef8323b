"""A project whose statements take long, and processes that are told to stop in their midst."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from sqlalchemy import create_engine, inspect, text

from batch_ops.cli.app import execute
from batch_ops.engine import Project, history, result_of, resume, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from batch_ops.results import Result
    from batch_ops_tests.support.forkserver import Child, ForkServer

ROWS, BATCH = 3_000, 1_000
FOREVER = 10**11
"""So far a trigger of SQLite counts, if it is let."""
NEVER_CAME = 30
_TABLE = "CREATE TABLE {} (id INTEGER PRIMARY KEY, name VARCHAR(20), state VARCHAR(20) NOT NULL)"
_DECLARED = """
name: {entity}
key: [id]
fields: {{id: integer, name: string(20), state: {{type: string(20), nullable: false}}}}
patterns:
{operations}"""
_ITEMS = """
  - name: batch_operations
    operation: touch_items
    operation_type: update
    batch_size: 1000
    chunk_rows: 1000
    where_condition: state = 'new'
    update_data: {state: touched}
  - name: batch_operations
    operation: touch_at_once
    operation_type: update
    atomic: true
    batch_size: 1000
    where_condition: state = 'new'
    update_data: {state: touched}
  - name: batch_operations
    operation: compare_items
    operation_type: update
    where_condition: "(SELECT COUNT(*) FROM items AS other WHERE other.name LIKE '%' || items.name \
|| '%x') >= 0"
    update_data: {state: touched}
  - name: batch_operations
    operation: ask_about_items
    steps:
      - {name: chosen, operation_type: select, where_condition: id <= 10, output: chosen}
      - {name: ask, operation_type: custom_function, function: ask, input: :chosen}
"""
_COPIES = """
  - name: batch_operations
    operation: import_items
    operation_type: insert
    data_source: csv_file
    source_path: items.csv
    batch_size: 1000
    chunk_rows: 1000
"""
_FUNCTION = """
import time
from batch_ops import function

@function("ask")
def ask(rows, context):
    open("asked", "w").close()
    time.sleep(60)
    return []
"""
_MIDDLE = "WHEN (NEW.id IN (500, 1500, 2500) AND NEW.id > {after})"
_COUNTING = (
    "BEGIN SELECT (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
    " WHERE n < {count}) SELECT COUNT(*) FROM c); END"
)
_SLEEPING = (
    "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$"
)
_SLOW = {
    "sqlite": [f"CREATE TRIGGER slow BEFORE {{what}} {_MIDDLE} {_COUNTING}"],
    "postgresql": [
        _SLEEPING,
        f"CREATE TRIGGER slow BEFORE {{what}} FOR EACH ROW {_MIDDLE} EXECUTE FUNCTION slowly()",
    ],
}
_QUICK = {
    "sqlite": ("DROP TRIGGER slow",),
    "postgresql": ("DROP FUNCTION slowly() CASCADE",),
}


def shell(*arguments: str) -> int:
    """The shell's command, in a child; its exit code."""
    return execute(arguments)


def wait_until(holds: Callable[[], bool], seconds: float = NEVER_CAME) -> None:
    """Until it holds; fails after some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


@dataclass
class Interrupting:
    """Items in a database, and the same in a file."""

    folder: Path
    url: str
    server: ForkServer
    engine: Engine

    @classmethod
    def made(cls, folder: Path, url: str, server: ForkServer) -> Interrupting:
        (folder / "dagster.yaml").write_text("telemetry: {enabled: false}")
        (folder / "slow_answers.py").write_text(_FUNCTION)
        (folder / "batch_ops.toml").write_text('[python]\nmodules = ["slow_answers"]')
        (folder / "defs").mkdir()
        for entity, operations in (("items", _ITEMS), ("copies", _COPIES)):
            declared = _DECLARED.format(entity=entity, operations=operations)
            (folder / "defs" / f"{entity}.yaml").write_text(declared)
        lines = [f"{number},item {number},new" for number in range(1, ROWS + 1)]
        (folder / "items.csv").write_text("\n".join(["id,name,state", *lines]) + "\n")
        world = cls(folder, url, server, create_engine(url))
        world.change(_TABLE.format("items"), _TABLE.format("copies"))
        world.add(1, ROWS)
        return world

    @property
    def kind(self) -> str:
        return self.engine.dialect.name

    @property
    def env(self) -> dict[str, str]:
        """What a process is told."""
        return {"BATCH_OPS_DATABASE_URL": self.url, "DAGSTER_HOME": str(self.folder)}

    def change(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def add(self, first: int, last: int) -> None:
        rows = [{"id": n, "name": f"item {n}"} for n in range(first, last + 1)]
        with self.engine.begin() as connection:
            connection.execute(text("INSERT INTO items VALUES (:id, :name, 'new')"), rows)

    def slow(
        self, what: str = "UPDATE ON items", *, seconds: int | None = None, after: int = 1_000
    ):
        """From now on the middle row of each thousand behind a number takes so long; None: longer
        than anybody waits.
        """
        count = FOREVER if seconds is None else 4_000_000 * seconds
        self.change(
            *(
                each.format(what=what, seconds=seconds or 120, count=count, after=after)
                for each in _SLOW[self.kind]
            )
        )

    def quick(self) -> None:
        self.change(*_QUICK[self.kind])

    def count(self, condition: str = "state = 'touched'", table: str = "items") -> int:
        with self.engine.connect() as connection:
            query = f"SELECT COUNT(*) FROM {table} WHERE {condition}"
            return int(connection.execute(text(query)).scalar_one())

    def start(self, *arguments: str) -> Child:
        return self.server.run(shell, *arguments, env=self.env, cwd=self.folder)

    @contextmanager
    def in_dagster(self, operation: str) -> Iterator[subprocess.Popen[str]]:
        """A run that Dagster alone has started."""
        command = [str(Path(sys.executable).parent / "dagster"), "job", "execute"]
        what = ["-m", "batch_ops.definitions", "-j", operation]
        with (self.folder / "run.log").open("w") as log:
            env = {**os.environ, **self.env}
            process = subprocess.Popen(
                [*command, *what], cwd=self.folder, env=env, stdout=log, stderr=log, text=True
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.folder))

    def do(self, *arguments: str) -> tuple[int, str]:
        """The exit code and what was said."""
        child = self.start(*arguments)
        return child.wait(), child.output

    # what is going on

    def lasts(self) -> bool:
        """Whether a statement of another process lasts by now; on SQLite one that writes."""
        if self.kind == "sqlite":
            return self._locked() and self._locked()
        query = (
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = 'active'"
            " AND query_start < clock_timestamp() - interval '300 ms'"
        )
        with self.engine.connect() as connection:
            return bool(connection.execute(text(query)).scalar_one())

    def at_work(self) -> int:
        """How many statements of others the server is at."""
        query = (
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = 'active'"
        )
        with self.engine.connect() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def begun(self) -> bool:
        """Whether an execution has begun."""
        return inspect(self.engine).has_table("batch_operations") and bool(
            self.count("status = 'running'", "batch_operations")
        )

    def _locked(self) -> bool:
        """Whether nobody else may write for some tenths of a second."""
        driver: Any
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            driver.execute("PRAGMA busy_timeout = 300")
            try:
                driver.execute("BEGIN IMMEDIATE")
            except driver.OperationalError:
                return True
            driver.rollback()
            return False

    # what became of it

    @contextmanager
    def project(self) -> Iterator[Project]:
        before = dict(os.environ)
        os.environ.update(self.env)
        project = Project.find(self.folder)
        try:
            yield project
        finally:
            project.dispose()
            os.environ.clear()
            os.environ.update(before)

    def resumed(self) -> Result:
        """The newest execution, gone on with in this process, without Dagster."""
        with self.project() as project:
            return resume(project, history(project, 1)[0].execution_id)

    def newest(self) -> Result:
        with self.project() as project:
            return result_of(project, history(project, 1)[0].execution_id)

    def verified(self) -> bool:
        """Whether the tables of the journal agree about the newest execution."""
        with self.project() as project:
            return not verify(project, history(project, 1)[0].execution_id).disagreements

    def close(self) -> None:
        self.engine.dispose()


def interrupt(child: Child, times: int, number: int = signal.SIGINT) -> tuple[int, float]:
    """Send a signal so many times; the exit code, and how long it took to end after the last."""
    for left in range(times, 0, -1):
        child.kill(number)
        if left > 1:
            time.sleep(0.4)
    began = time.monotonic()
    code = child.wait(NEVER_CAME)
    return code, time.monotonic() - began
