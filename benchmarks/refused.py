"""What bad rows cost an operation: how much longer it takes than the same with none of them."""

from __future__ import annotations

import csv
import gc
import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_ops.engine import Project
from batch_ops.spec.catalog import Catalog
from benchmarks.accounts import ENTITY
from benchmarks.bulk import bad, rows
from benchmarks.bulk.figures import BadRows
from benchmarks.bulk.places import Filled, OnPostgreSQL, OnSQLite
from benchmarks.measure import expect, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bulk.places import Place
    from benchmarks.server import Server

MOST = 50_000
"""Rows of an operation, at most."""
CHECK = "a CHECK violated"
CHANGED, PUT = f"{CHECK} by an update", f"{CHECK} by an upsert"
DECLARATION = """
patterns:
  - name: batch_operations
    operation: import_accounts
    operation_type: insert
    data_source: csv_file
    batch_size: {batch}
    max_workers: 1
  - name: batch_operations
    operation: put_accounts
    operation_type: upsert
    data_source: csv_file
    batch_size: {batch}
    max_workers: 1
  - name: batch_operations
    operation: set_ages
    operation_type: update
    parameters: {{bad: integer}}
    update_data: {{age: {{sql: "CASE WHEN id % 10000 < :bad THEN 7 ELSE 50 END"}}}}
    batch_size: {batch}
    max_workers: 1
"""


@dataclass(frozen=True, slots=True)
class Works:
    """Measures on one kind of database, each time on a copy of a filled one."""

    place: Place
    filled: Filled
    folder: Path
    size: int
    files: dict[Path, int] = field(default_factory=dict)

    def imported(self, kind: str, share: int, operation: str = "import_accounts") -> float:
        """The seconds of an import with so many bad rows of 10,000."""
        batch = self.size // bad.BATCHES
        file, good = self._file(kind, share)
        full = self.filled(bad.TABLES, range(1, batch + 1))
        return self._seconds(operation, full, {"source_path": str(file)}, created=good)

    def _file(self, kind: str, share: int) -> tuple[Path, int]:
        """The file with so many bad rows of 10,000, and how many rows of it are good."""
        file = self.folder / f"{kind} {share}.csv"
        if file not in self.files:
            call = bad.given(kind, share, self.size // bad.BATCHES)
            _write(file, call.rows)
            self.files[file] = len(call.rows) - len(call.bad)
        return file, self.files[file]

    def put(self, share: int) -> float:
        """The seconds of an upsert of new rows of which so many of 10,000 break a CHECK."""
        return self.imported(CHECK, share, "put_accounts")

    def changed(self, share: int) -> float:
        """The seconds of an update that so many rows of 10,000 do not survive."""
        full = self.filled(bad.TABLES, range(1, self.size + 1))
        refused = sum(number % bad.OF < share for number in range(1, self.size + 1))
        return self._seconds(
            "set_ages", full, {"bad": share}, failed=refused, updated=self.size - refused
        )

    def _seconds(
        self, operation: str, full: str, parameters: dict[str, Any], **counts: int
    ) -> float:
        with self.place.copy(full) as url:
            os.environ["BATCH_OPS_DATABASE_URL"] = url
            text = ENTITY + DECLARATION.format(batch=self.size // bad.BATCHES)
            project = Project(self.folder, Catalog.from_texts({"accounts.yaml": text}))
            gc.collect()
            seconds, result = timed(project, operation, parameters)
            expect(result, **counts)
        return seconds.work


def refused(server: Server, size: int, repetitions: int, bar: float) -> Iterator[BadRows]:
    """Every kind of bad row in an import; an upsert and an update refused for some."""
    size = min(size, MOST) // bad.BATCHES * bad.BATCHES
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batch-ops-bench-")))
        for place in (OnPostgreSQL(server), OnSQLite(folder)):
            works = Works(place, Filled(place, stack), folder, size)
            ways: dict[str, Callable[[int], float]] = {
                f"{kind}, imported": partial(works.imported, kind) for kind in bad.KINDS
            }
            for title, seconds in (ways | {PUT: works.put, CHANGED: works.changed}).items():
                yield _measured(works, title, seconds, repetitions, bar)


def _measured(
    works: Works, title: str, seconds: Callable[[int], float], repetitions: int, bar: float
) -> BadRows:
    """Measure the clean operation and every share of bad rows in turn."""
    found = BadRows(f"{title}, {works.place.name}", works.size, bar, of_operation=True)
    for _ in range(repetitions):
        for share, times in ((0, found.clean), *found.shares.items()):
            times.append(seconds(share))
    return found


def _write(file: Path, given: list[rows.Row]) -> None:
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(rows.COLUMNS)
        writer.writerows(map(rows.texts, given))
