"""The peak memory of an import, measured in a process of its own: `python -m benchmarks.memory`."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import accounts
from benchmarks.imports import TIMESTAMPS
from benchmarks.measure import Growth, Peak, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.server import Server

GROWTH_BAR = 1.1
STATUS = Path("/proc/self/status")


def peaks(server: Server, rows: int, *, bar_mb: float) -> Iterator[Peak | Growth]:
    """An import of `rows` rows, of as many with one bad in a hundred, and of five times as many."""
    small = peak(server, rows, bar_mb)
    yield small
    yield peak(server, rows, bar_mb, bad=True)
    large = peak(server, 5 * rows, bar_mb)
    yield large
    what = f"{large.rows:,} rows to {small.rows:,}"
    yield Growth(what, large.peak_mb / small.peak_mb, GROWTH_BAR)


def peak(server: Server, rows: int, bar_mb: float, *, bad: bool = False) -> Peak:
    """The peak of one import in a process of its own."""
    table = accounts.TABLE.format(timestamp=TIMESTAMPS["postgresql"])
    with tempfile.TemporaryDirectory(prefix="batch-ops-bench-") as folder:
        file = Path(folder) / "accounts.csv"
        good = accounts.write_file(file, rows, bad=bad)
        with server.template(table) as empty, server.database(empty) as url:
            told = _in_a_child(Path(folder), url, file, rows, good)
    what = "1 % bad rows" if bad else "clean"
    return Peak(f"import on PostgreSQL, {what}", rows, told, bar_mb, of_operation=True)


def _in_a_child(folder: Path, url: str, file: Path, rows: int, good: int) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", str(folder), str(file), str(rows)]
    done = subprocess.run(
        [*command, str(good)],
        cwd=accounts.ROOT,
        env={**os.environ, "BATCH_OPS_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def import_once(folder: Path, file: Path, rows: int, good: int) -> None:
    """Import the file into the database the environment names."""
    from batch_ops.engine import run

    project = accounts.project(folder, os.environ["BATCH_OPS_DATABASE_URL"])
    result = run(project, "import_accounts", {"source_path": str(file)})
    expect(result, total=rows, created=good)


def own_peak_mb() -> float:
    """This process's own peak: ru_maxrss would begin with that of the process that started it."""
    if STATUS.exists():
        told = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        assert told
        return int(told[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


if __name__ == "__main__":
    import_once(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    print(own_peak_mb())
