"""The portable path: the same operations on MariaDB or MySQL, where one answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import (
    RunOptions,
    kept_rejects,
    newest_unfinished,
    preview,
    rejects_of,
    resume,
    retry,
    run,
)
from batch_ops.errors import PreconditionFailedError
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts, kills

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.engine import Project


@pytest.fixture
def on_mariadb(
    tmp_path: Path, mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", mariadb_url)
    kills.write_project(tmp_path)
    made = kills.open_project(tmp_path, mariadb_url)
    yield made
    made.dispose()


def test_three_steps_with_preconditions(on_mariadb: Project):
    accounts.make_accounts(on_mariadb.database(), 2000)
    assert [step.rows for step in preview(on_mariadb, "sweep").steps] == [1000, 1000, 0]
    result = run(on_mariadb, "sweep", options=RunOptions(max_workers=2))
    assert result.counts == Counts(total=2200, selected=1000, updated=1000, deleted=200)
    accounts.execute(on_mariadb.database(), ["UPDATE accounts SET status = 'gone'"])
    with pytest.raises(PreconditionFailedError, match="observed: 0"):
        run(on_mariadb, "sweep")


def test_bad_rows_cost_themselves(on_mariadb: Project):
    accounts.make_accounts(on_mariadb.database(), 500, ", CHECK (balance >= 0)")
    result = run(on_mariadb, "debit")
    assert result.status is Status.COMPLETED_WITH_ERRORS
    assert result.counts == Counts(total=500, updated=490, failed=10)
    rejects = rejects_of(on_mariadb, result.execution_id)
    found = {reject.key["number"] for reject in rejects if reject.key}
    assert found == set(range(10))


def test_an_import_stopped_and_resumed(on_mariadb: Project):
    def interrupt(event: object) -> None:
        if type(event).__name__ == "ChunkCompleted":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(on_mariadb, "import_accounts", listen=interrupt)
    unfinished = newest_unfinished(on_mariadb)
    assert unfinished is not None
    result = resume(on_mariadb, unfinished, options=RunOptions(batch_size=333))
    assert result.counts == Counts(total=4000, created=3958, invalid=42)
    rows = accounts.query(on_mariadb.database(), "SELECT count(*), count(balance) FROM imported")
    assert rows == [(3958, 3958)]


def test_rejects_are_retried_corrected_and_as_they_are(on_mariadb: Project, tmp_path: Path):
    result = run(on_mariadb, "import_accounts")
    file = tmp_path / "corrected.csv"
    wrong = [kept.reject.row for kept in kept_rejects(on_mariadb, result.execution_id)]
    file.write_text("balance,reject_row\n" + "".join(f"7,{row}\n" for row in wrong))
    done = retry(on_mariadb, result.execution_id, corrected=file)
    assert (done.recovered, done.result.status) == (42, Status.COMPLETED)
    accounts.make_accounts(on_mariadb.database(), 500, ", CHECK (balance >= 0)")
    result = run(on_mariadb, "debit")
    accounts.execute(on_mariadb.database(), ["UPDATE accounts SET balance = 15 WHERE number < 4"])
    done = retry(on_mariadb, result.execution_id)
    assert (done.recovered, done.refused_again) == (4, 6)
    assert done.result.counts == Counts(total=500, updated=494, failed=6)
    found = accounts.query(on_mariadb.database(), "SELECT balance FROM accounts WHERE number < 4")
    assert found == [(5,)] * 4
