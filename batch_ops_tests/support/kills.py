"""Operations that are killed while they work: what a child runs, and how the parent watches it."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops import faultpoints
from batch_ops.engine import Project, RunOptions, rejects_of, result_of, resume, retry, run
from batch_ops.events import ChecksJudged
from batch_ops.faultpoints import Point
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import accounts
from batch_ops_tests.support.crash_kills import KillAt

if TYPE_CHECKING:
    from batch_ops.events import Event
    from batch_ops_tests.support.forkserver import Child, ForkServer

ROWS = 4_000
LINGER_S = 0.7
BAD_EVERY = 97
"""Each so-manieth line of the file has no balance, which the rule refuses."""

IMPORTED = """
name: imported
key: [number]
create_table: true
fields:
  number: integer
  region: {type: string(10), nullable: false}
  balance: integer
patterns:
  - name: batch_operations
    operation: import_accounts
    operation_type: insert
    data_source: csv_file
    source_path: accounts.csv
    validation_rules: ["balance IS NOT NULL"]
    batch_size: 100
    chunk_rows: 400
"""
OPERATIONS: dict[str, dict[str, Any]] = {
    "import_accounts": {},
    "debit": {},
    "remove": {},
    "sweep": {},
}


def write_project(folder: Path) -> None:
    """The declarations and the file to import."""
    defs = folder / "defs"
    defs.mkdir(parents=True)
    (defs / "accounts.yaml").write_text(accounts.ACCOUNTS)
    (defs / "imported.yaml").write_text(IMPORTED)
    lines = ["number,region,balance"]
    for i in range(ROWS):
        balance = "" if i % BAD_EVERY == 0 else str(i % 1000)
        lines.append(f"{i},{'nsw'[i % 3]},{balance}")
    (folder / "accounts.csv").write_text("\n".join(lines) + "\n")


def open_project(folder: Path, url: str) -> Project:
    """The project on a database."""
    os.environ["BATCH_OPS_DATABASE_URL"] = url
    return Project(folder, Catalog.load([folder / "defs"]))


def fill(project: Project) -> None:
    """The accounts the operations work on: some may not be debited."""
    accounts.make_accounts(project.database(), ROWS, ", CHECK (balance >= 0)")


def child_run(folder: str, url: str, operation: str, batch_size: int | None) -> int:
    """What the killed process does."""
    project = open_project(Path(folder), url)
    return run(project, operation, options=RunOptions(batch_size=batch_size)).status.exit_code


def child_run_until(folder: str, url: str, operation: str, batches: int) -> int:
    """What a process does that dies when so many batches are committed."""
    faultpoints.install(KillAt(Point.AFTER_COMMIT, batches))
    return child_run(folder, url, operation, None)


def child_run_when(folder: str, url: str, operation: str, signal_file: str) -> int:
    """Run as soon as a file is there: several children begin in the same instant, and the one that
    may work is still at it when the slowest of them asks.
    """
    project = open_project(Path(folder), url)
    Path(f"{signal_file}.{os.getpid()}").touch()
    while not Path(signal_file).exists():
        time.sleep(0.0005)
    return run(project, operation, listen=_linger).status.exit_code


def _linger(event: Event) -> None:
    if isinstance(event, ChecksJudged):
        time.sleep(LINGER_S)


def child_resume(folder: str, url: str, execution_id: str) -> int:
    """What a process does that is killed while it resumes."""
    return resume(open_project(Path(folder), url), execution_id).status.exit_code


def child_retry(
    folder: str,
    url: str,
    execution_id: str,
    corrected: str,
    kill: tuple[Point, int] | None,
    number: int,
) -> int:
    """What a process does that retries rejects, three at a time, until a signal ends it."""
    faultpoints.install(KillAt(*kill, number) if kill else None)
    project, options = open_project(Path(folder), url), RunOptions(batch_size=3)
    done = retry(project, execution_id, corrected=Path(corrected), options=options)
    return int(done.number is None)


def committed(project: Project) -> int:
    """How many batches are committed; 0 as long as there is no journal."""
    if not project.journal().exists():
        return 0
    with project.database().reading() as connection:
        statement = text("SELECT count(*) FROM batch_operation_logs")
        return int(connection.execute(statement).scalar_one())


def kill_after(child: Child, project: Project, batches: int) -> bool:
    """SIGKILL once so many batches are committed; False when the child had ended before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if child.poll() is not None:
            return False
        if committed(project) >= batches:
            time.sleep(random.random() * 0.004)
            child.kill(signal.SIGKILL)
            return child.wait() == -signal.SIGKILL
        time.sleep(0.001)
    raise AssertionError(f"the child did nothing for a minute:\n{child.output}")


def start(server: ForkServer, folder: Path, url: str, operation: str) -> Child:
    """Run an operation in a child of the fork server."""
    return server.run(child_run, str(folder), url, operation, None)


def facts(project: Project, operation: str, execution_id: str) -> dict[str, Any]:
    """What must be equal whether or not it was killed: rows, counters, rejects."""
    table = "imported" if operation == "import_accounts" else "accounts"
    columns = "number, region, balance"
    if table == "accounts":
        columns += ", status, CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END"
    rows = accounts.query(project.database(), f"SELECT {columns} FROM {table} ORDER BY number")
    result = result_of(project, execution_id)
    return {
        "rows": rows,
        "status": str(result.status),
        "steps": [(s.name, s.status, s.planned_rows, s.counts) for s in result.steps],
        "rejects": sorted(
            (r.row or 0, str(r.key), r.code, r.outcome) for r in rejects_of(project, execution_id)
        ),
    }
