"""The peak memory of calls that stream, each in a process: `python -m benchmarks.bulk.streams`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.accounts import ROOT
from benchmarks.bulk import cases, rows
from benchmarks.measure import Peak
from benchmarks.memory import own_peak_mb

if TYPE_CHECKING:
    from benchmarks.bulk.places import Filled, Place

FEW = 100
"""What a call of so few rows needs are the imports."""
TITLES = {
    "create": "create_many of a generator, over the imports",
    "lookup": "get_many(range, stream=True), over the imports",
}


def peak(place: Place, filled: Filled, what: str, size: int, bar_mb: float) -> Peak:
    """The peak of `create` or `lookup` over that of the same call with few rows."""
    full = filled(cases.PLAIN, range(1, size + 1) if what == "lookup" else range(0))
    with place.copy(full) as url:
        imports = _in_a_child(what, url, FEW)
    with place.copy(full) as url:
        told = _in_a_child(what, url, size)
    return Peak(f"{TITLES[what]}, {place.name}", size, told - imports, bar_mb, of_operation=False)


def _in_a_child(what: str, url: str, size: int) -> float:
    command = [sys.executable, "-m", "benchmarks.bulk.streams", what, url, str(size)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def create(url: str, size: int) -> None:
    """Rows come one by one, and no more are there at once than a batch needs."""
    from batch_ops import BatchTable

    given = rows.accounts(range(1, size + 1))
    result = BatchTable(url, "accounts").create_many(given, atomic=False)
    assert result.stats.created == size, result


def lookup(url: str, size: int) -> None:
    """Rows come one by one, and are forgotten."""
    from batch_ops import BatchTable

    table = BatchTable(url, "accounts")
    answers = table.get_many(range(1, size + 1), stream=True)
    found = sum(row is not None for _, row in answers)
    assert found == size, found


if __name__ == "__main__":
    {"create": create, "lookup": lookup}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    print(own_peak_mb())
