"""The demo: import a year of real flights, settle them, and tell what happened.

It asks `batch-ops status --json` what is already done, resumes what was begun, and runs the rest;
so it can be repeated, and stopped at any moment with Ctrl-C.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from batch_ops.database.connect import default_url, open_database
from batch_ops.errors import BatchOpsError
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).resolve().parent.parent
SHELL = Path(sys.executable).parent / "batch-ops"
OPERATIONS = (
    "import_airlines",
    "import_airports",
    "import_planes",
    "import_flights",
    "settle_flights",
)
TABLES = ("airlines", "airports", "planes", "flights")
DONE = {Status.COMPLETED, Status.COMPLETED_WITH_ERRORS}
DONE_WITH_REJECTS = 1
INTERRUPTED = 130
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(Exception):
    """A command ended with a code that the demo cannot go on with."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


def main() -> int:
    """Do what is left to do; the exit code: 0, that of the command that failed, or 130."""
    try:
        for operation in OPERATIONS:
            make_done(operation)
        tell()
    except Ended as end:
        return told_end(end.code)
    except KeyboardInterrupt:
        return told_end(INTERRUPTED)
    except BatchOpsError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def make_done(operation: str) -> None:
    """Leave it, resume it or run it, whatever its newest execution asks for."""
    newest = newest_execution(operation)
    if newest is None:
        print(f"\n{operation}: not done yet", flush=True)
        batch_ops("run", operation, accept=(0, DONE_WITH_REJECTS))
    elif newest["status"] in DONE:
        print(f"{operation}: already done (execution {newest['execution_id']})", flush=True)
    else:
        print(f"\n{operation}: {newest['status']}, going on", flush=True)
        batch_ops("resume", newest["execution_id"], accept=(0, DONE_WITH_REJECTS))


def newest_execution(operation: str) -> dict[str, Any] | None:
    """The newest execution that wrote or may still write: not refused, not cancelled."""
    passed_over = {Status.REFUSED, Status.CANCELLED}
    for execution in executions():
        if execution["operation"] == operation and execution["status"] not in passed_over:
            return execution
    return None


def executions() -> list[dict[str, Any]]:
    """All executions in the journal, newest first."""
    told = batch_ops("status", "--json", accept=(0,), capture=True)
    listed: list[dict[str, Any]] = json.loads(told)["executions"]
    return listed


def batch_ops(*arguments: str, accept: Sequence[int], capture: bool = False) -> str:
    """Run `batch-ops`; what it wrote, if captured.

    Raises:
        Ended: its exit code is none of `accept`.
    """
    command = [str(SHELL), *arguments]
    if not capture:
        print(f"$ batch-ops {' '.join(arguments)}", flush=True)
    with Forwarding() as forwarding:
        # in a group of its own, so that Ctrl-C reaches it once, through us, and we wait for its end
        child = subprocess.Popen(
            command,
            stdout=subprocess.PIPE if capture else None,
            text=True,
            cwd=FOLDER,
            env={**os.environ, "DAGSTER_HOME": os.environ.get("DAGSTER_HOME", str(FOLDER))},
            process_group=0,
        )
        forwarding.to(child)
        told, _ = child.communicate()
    if child.returncode not in accept:
        raise Ended(child.returncode)
    return told or ""


class Forwarding:
    """From entering to leaving, the signals sent to us are the child's, early ones included."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[str] | None = None
        self.early: list[int] = []

    def __enter__(self) -> Self:
        self.before = {number: signal.signal(number, self.take) for number in FORWARDED}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def take(self, number: int, _: object) -> None:
        if self.child:
            self.child.send_signal(number)
        else:
            self.early.append(number)

    def to(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        for number in self.early:
            child.send_signal(number)


def tell() -> None:
    """What is in the database now, and where to look."""
    found = {e["operation"]: e for e in reversed(executions()) if e["status"] in DONE}
    rejects = {name: e["counts"]["invalid"] + e["counts"]["failed"] for name, e in found.items()}
    database = open_database(default_url(FOLDER))
    print(f"\nIn {database.name}:")
    with database.reading() as connection:
        for table in TABLES:
            rows = connection.scalar(sa.text(f"SELECT COUNT(*) FROM {table}"))
            print(f"  {table:<10} {rows:>9,} rows")
        for status, rows in connection.execute(
            sa.text("SELECT status, COUNT(*) FROM flights GROUP BY status ORDER BY status")
        ):
            print(f"    {status or 'not settled':<8} {rows:>9,}")
    database.dispose()
    print(f"  rejects    {sum(rejects.values()):>9,} rows, each kept with its reason")
    print(
        "\nLook at it:\n"
        "  make ui                        the runs, partitions, checks and plots in Dagster\n"
        "  .venv/bin/batch-ops status     the executions\n"
        "  .venv/bin/batch-ops errors     the rows that were rejected, and why"
    )


def told_end(code: int) -> int:
    """Say how to go on; the exit code of the demo."""
    if code in {INTERRUPTED, -signal.SIGINT}:
        print(
            "\nInterrupted. What was committed stays; `make demo` goes on there.", file=sys.stderr
        )
        return INTERRUPTED
    print(f"\nThe demo stopped: `batch-ops` ended with code {code}.", file=sys.stderr)
    return code if code > 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
