"""A whole import, journal and rejects included, takes the same memory whatever the file's size."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import run
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from batch_ops_tests.support.forkserver import ForkServer

FEW, MANY = 20_000, 200_000
GROWTH_MB = 20
"""The reader is quicker than the server: read ahead without end, it would be some 30."""
BAD = 50
"""One of so many records is refused."""
GOODS = """
name: goods
create_table: true
key: id
fields: {id: integer, note: string(100)}
patterns:
  - name: batch_operations
    operation: load
    data_source: csv_file
    batch_size: 2000
"""


def child_import(folder: str, url: str, records: int) -> int:
    """Import a file of so many records; says the most memory it took."""
    file, note = Path(folder) / f"{records}.csv", "x" * 90
    with file.open("w") as lines:
        lines.write("id,note\n")
        lines.writelines(f"{n if n % BAD else 'bad'},{note}\n" for n in range(records))
    project = accounts.project(Path(folder), url, GOODS)
    accounts.execute(project.database(), ["DROP TABLE IF EXISTS goods"])
    result = run(project, "load", {"source_path": str(file)})
    status = Path("/proc/self/status").read_text()
    print("peak", int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024)
    return int(result.counts.failed != records // BAD or not result.counts.created)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is asked of Linux")
def test_ten_times_the_records_take_an_execution_no_more_memory(
    tmp_path: Path, postgresql_url: str, fork_server: ForkServer
):
    peaks = []
    for records in (FEW, MANY):
        child = fork_server.run(child_import, str(tmp_path), postgresql_url, records)
        assert child.wait() == 0, child.output
        peaks.append(float(re.findall(r"^peak (.+)$", child.output, re.MULTILINE)[0]))
    assert peaks[1] - peaks[0] < GROWTH_MB, peaks
