"""`max_active`: a database that is busy with others is left to them; declared and from Python."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from batch_ops import BatchTable, Throttle
from batch_ops.engine import RunOptions, begin, go, resume, run
from batch_ops.errors import DatabaseUnfitError
from batch_ops.results import Status
from batch_ops_tests.integration.bulk import kit
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.engine import Project

CALM = "    throttle: {max_active: 1}\n"
DEBIT = accounts.ACCOUNTS.replace("operation: debit\n", "operation: debit\n" + CALM)
SLEEP = {"postgresql": "SELECT pg_sleep({})", "mysql": "SELECT SLEEP({})"}


@contextmanager
def busy(url: str, seconds: float) -> Iterator[None]:
    """Two sessions are at work for so long."""
    engine = sa.create_engine(url)
    statement = SLEEP[kit.kind(url)].format(seconds)

    def work(connection: sa.Connection) -> None:
        with connection:
            connection.exec_driver_sql(statement)

    others = [threading.Thread(target=work, args=(engine.connect(),)) for _ in range(2)]
    for other in others:
        other.start()
    time.sleep(0.1)
    try:
        yield
    finally:
        for other in others:
            other.join()
        engine.dispose()


@pytest.fixture(params=["postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.quick("postgresql-True")
def test_a_call_waits_until_others_are_less_busy(url: str, chosen: bool):
    kit.run(url, kit.USERS)
    table = BatchTable(url, "users")
    throttle = Throttle(max_active=1)
    table.create_many([{"id": n, "name": "x"} for n in range(10)], throttle=throttle)
    with busy(url, 1.5):
        began = time.monotonic()
        if chosen:
            table.update_many(table.where("TRUE"), {"age": 1}, atomic=False, throttle=throttle)
        else:
            table.touch_many(range(10), column="age", value=1, throttle=throttle)
        assert time.monotonic() - began > 1
    assert kit.rows_of(url, "SELECT count(*), sum(age) FROM users") == [(10, 10)]
    table.close()


@pytest.mark.quick("postgresql")
def test_a_call_goes_on_beside_as_many_as_it_may(url: str):
    kit.run(url, kit.USERS)
    table = BatchTable(url, "users")
    with busy(url, 2):
        began = time.monotonic()
        table.create_many([{"id": 1, "name": "x"}], throttle=Throttle(max_active=1_000))
        assert time.monotonic() - began < 1.5
    table.close()


def test_nobody_is_asked_where_nobody_can_tell(sqlite_url: str):
    """Refused, and nothing is written: a limit that is not kept must not look as if it were."""
    kit.run(sqlite_url, kit.USERS)
    table = BatchTable(sqlite_url, "users")
    with pytest.raises(DatabaseUnfitError, match="Nobody can tell how busy"):
        table.create_many([{"id": 1, "name": "x"}], throttle=Throttle(max_active=1))
    assert kit.count(sqlite_url) == 0
    table.close()


def test_a_role_that_sees_no_others_is_told(postgresql_url: str):
    role = "batch_ops_blind"
    kit.run(
        postgresql_url,
        kit.USERS,
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role} LOGIN",
        f"GRANT ALL ON users TO {role}",
    )
    engine = sa.create_engine(sa.make_url(postgresql_url).set(username=role))
    table = BatchTable(engine, "users")
    unseen = pytest.raises(DatabaseUnfitError, match="may not see")
    with busy(postgresql_url, 0.5), unseen as caught:
        table.create_many([{"id": 1, "name": "x"}], throttle=Throttle(max_active=1))
    assert "pg_read_all_stats" in caught.value.todo
    engine.dispose()
    kit.run(postgresql_url, f"REVOKE ALL ON users FROM {role}", f"DROP ROLE {role}")


# declared


@pytest.fixture
def project(tmp_path: Path, url: str) -> Iterator[Project]:
    project = accounts.project(tmp_path, url, DEBIT)
    accounts.make_accounts(project.database(), 100)
    yield project
    project.dispose()


@pytest.mark.option("throttle")
@pytest.mark.quick("postgresql")
def test_an_operation_waits_until_others_are_less_busy(project: Project, url: str):
    with busy(url, 1.5):
        began = time.monotonic()
        assert run(project, "debit").counts.updated == 100
        assert time.monotonic() - began > 1


@pytest.mark.slow
def test_an_operation_that_waits_hears_that_it_is_to_pause(project: Project, url: str):
    execution = begin(project, "debit")
    with busy(url, 3):
        accounts.execute(project.database(), ["UPDATE batch_operations SET control = 'pause'"])
        began = time.monotonic()
        paused = go(execution)
        assert time.monotonic() - began < 2.5
    assert (paused.status, paused.counts.total) == (Status.PAUSED, 0)
    assert resume(project, paused.execution_id, options=RunOptions()).counts.updated == 100


def test_an_operation_is_refused_where_nobody_can_tell(tmp_path: Path, sqlite_url: str):
    project = accounts.project(tmp_path, sqlite_url, DEBIT)
    accounts.make_accounts(project.database(), 10)
    with pytest.raises(DatabaseUnfitError, match="Nobody can tell how busy"):
        begin(project, "debit")
    assert not project.journal().exists()
    project.dispose()
