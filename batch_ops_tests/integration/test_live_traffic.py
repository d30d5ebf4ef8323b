"""Operations on tables in which other people work: nobody fails, nobody's row is written over."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.engine import Project, RunOptions, run
from batch_ops.results import Status
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import pgbench
from batch_ops_tests.support.accounts import execute, query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops_tests.support.postgresql import PostgreSQL

DECLARATION = f"""
name: pgbench_accounts
key: [aid]
fields: {{aid: integer, bid: integer, abalance: integer, filler: text}}
patterns:
  - name: batch_operations
    operation: add
    operation_type: insert
    data_source: csv_file
    batch_size: 1000
  - name: batch_operations
    operation: mark
    operation_type: update
    update_data: {{abalance: {{sql: "abalance + 1"}}, filler: done}}
    where_condition: "filler = 'open' AND aid <= {pgbench.ACCOUNTS}"
    batch_size: 1000
    max_workers: 2
  - name: batch_operations
    operation: open_again
    operation_type: update
    update_data: {{filler: open}}
    where_condition: "filler = 'done' AND aid <= {pgbench.ACCOUNTS}"
    batch_size: 1000
    max_workers: 2
  - name: batch_operations
    operation: remove
    operation_type: delete
    where_condition: "filler = 'open' AND aid > {pgbench.ACCOUNTS}"
    batch_size: 1000
    max_workers: 2
"""
ADDED = 10_000


@dataclass
class Us:
    """What our operations do meanwhile, and what that changes."""

    project: Project
    folder: Path
    rounds: int = 0
    marked: int = 0
    removed: int = 0
    _files: Iterator[int] = field(default_factory=count)

    def round(self) -> None:
        """Insert, update and delete once."""
        self._do("add", {"source_path": self._file()})
        self.marked += self._do("mark").updated
        self.removed += self._do("remove").deleted
        self._do("open_again")
        self.rounds += 1

    def _do(self, operation: str, parameters: dict[str, Any] | None = None) -> Any:
        result = run(self.project, operation, parameters, options=RunOptions(again=True))
        assert result.status is Status.COMPLETED, result
        return result.counts

    def _file(self) -> str:
        number = next(self._files)
        first = pgbench.ACCOUNTS + 1 + number * ADDED
        file = self.folder / f"new{number}.csv"
        rows = (f"{aid},1,0,open\n" for aid in range(first, first + ADDED))
        file.write_text("aid,bid,abalance,filler\n" + "".join(rows))
        return str(file)


@pytest.fixture
def us(
    tmp_path: Path,
    postgresql_url: str,
    postgresql_server: PostgreSQL,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Us]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    pgbench.make_tables(postgresql_server, postgresql_url)
    project = Project(tmp_path, Catalog.from_texts({"accounts.yaml": DECLARATION}))
    execute(
        project.database(),
        [
            "CREATE TABLE claimed (aid INTEGER)",
            "UPDATE pgbench_accounts SET filler = 'open' WHERE aid %% 4 = 0",
        ],
    )
    yield Us(project, tmp_path)
    project.dispose()


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(10, marks=pytest.mark.slow),
        pytest.param(60, marks=[pytest.mark.soak, pytest.mark.timeout(300)]),
    ],
)
def test_live_traffic_goes_on_and_no_row_is_written_that_stopped_qualifying(
    us: Us,
    seconds: int,
    postgresql_url: str,
    postgresql_server: PostgreSQL,
    capsys: pytest.CaptureFixture[str],
):
    place = (postgresql_server, postgresql_url, us.folder)
    alone = pgbench.Load(*place, "alone", max(3, seconds // 4)).end()
    load = pgbench.Load(*place, "together", seconds)
    while load.goes_on:
        us.round()
    together = load.end()
    with capsys.disabled():
        print(
            f"\npgbench: {together.transactions:,} transactions while {us.rounds} rounds of ours"
            f" marked {us.marked:,} rows and removed {us.removed:,}; p95"
            f" {together.p95_ms:.1f} ms, without us {alone.p95_ms:.1f} ms ({os.cpu_count()} cores)"
        )
    assert (alone.failed, together.failed) == (0, 0)
    assert us.rounds >= 1
    assert list(broken(us)) == []


def broken(us: Us) -> Iterator[str]:
    """What does not hold any more of pgbench's invariants and of what others claimed."""
    sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM"
    sums += " pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta)"
    sums += " FROM pgbench_history)"
    [(accounts, tellers, branches, deltas)] = query(us.project.database(), sums)
    if not accounts - us.marked == tellers == branches == deltas:
        yield f"balances {accounts} - {us.marked}, {tellers}, {branches}, deltas {deltas}"
    [(rows,)] = query(us.project.database(), "SELECT count(*) FROM pgbench_accounts")
    if rows != pgbench.ACCOUNTS + us.rounds * ADDED - us.removed:
        yield f"{rows} accounts after {us.rounds} rounds that removed {us.removed}"
    taken = "SELECT count(*), count(*) FILTER (WHERE filler = 'mine') FROM claimed"
    taken += " LEFT JOIN pgbench_accounts USING (aid)"
    [(claimed, kept)] = query(us.project.database(), taken)
    if claimed == 0 or claimed != kept:
        yield f"of {claimed} rows that others claimed {kept} are as they were left"
