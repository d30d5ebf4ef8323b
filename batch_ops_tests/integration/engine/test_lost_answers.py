"""The connection is cut while a transaction is committed: whether it was is looked up in the
journal, also where the server has not made up its mind yet.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from batch_ops.engine import rejects_of, run
from batch_ops.events import BatchRetried, StepPlanned
from batch_ops.results import Counts
from batch_ops_tests.support import accounts, kills
from batch_ops_tests.support.proxy import Proxy

DELIVERED = {"never committed": None, "committed": 0.0, "committed later": 0.7}


def through(proxy: Proxy, url: str) -> str:
    """The same database by way of the proxy."""
    parts = make_url(url)
    return str(parts.set(host="127.0.0.1", port=proxy.port, query={"sslmode": "disable"}))


def socket_of(url: str) -> Path:
    return Path(str(make_url(url).query["host"])) / ".s.PGSQL.5432"


@pytest.mark.parametrize("deliver", DELIVERED.values(), ids=DELIVERED)
@pytest.mark.parametrize("operation", ["debit", "import_accounts"])
def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_done_twice(
    tmp_path: Path,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    deliver: float | None,
) -> None:
    kills.write_project(tmp_path)
    direct = kills.open_project(tmp_path, postgresql_url)
    accounts.make_accounts(direct.database(), 1000)
    direct.journal().ensure()
    with Proxy(socket_of(postgresql_url), at=6, deliver=deliver) as proxy:
        monkeypatch.setenv("BATCH_OPS_DATABASE_URL", through(proxy, postgresql_url))
        project = kills.open_project(tmp_path, through(proxy, postgresql_url))

        tried_again: list[BatchRetried] = []

        def arm(event: object) -> None:
            proxy.armed = proxy.armed or isinstance(event, StepPlanned)
            tried_again.extend([event] if isinstance(event, BatchRetried) else [])

        result = run(project, operation, listen=arm)
        assert proxy.cuts == 1
        assert [event.rows for event in tried_again] == [None], "looked up once, and right"
        project.dispose()
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    assert result.status.finished, result
    if operation == "debit":
        assert result.counts == Counts(total=1000, updated=1000)
        balance = accounts.query(direct.database(), "SELECT sum(balance) FROM accounts")
        assert balance == [(sum(range(1000)) - 10_000,)]
    else:
        assert (result.counts.total, result.counts.invalid) == (4000, 42)
        assert len(list(rejects_of(direct, result.execution_id))) == 42
        count = accounts.query(direct.database(), "SELECT count(*) FROM imported")
        assert count == [(result.counts.created,)]
    logged = "SELECT sum(total), count(*) FROM batch_operation_logs"
    known = "SELECT sum(total), sum(batches) FROM batch_chunks"
    assert accounts.query(direct.database(), logged) == accounts.query(direct.database(), known)
    direct.dispose()
