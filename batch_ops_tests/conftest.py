"""What every test may ask for: databases of its own, a fork server, a clean environment."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING

import pytest

from batch_ops_tests.support import environment, mariadb, mutants
from batch_ops_tests.support.forkserver import ForkServer
from batch_ops_tests.support.postgresql import PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = environment.prepare()
LEFT_OUT: pytest.StashKey[dict[str, int]] = pytest.StashKey()
PRELOAD = ("sqlalchemy", "psycopg", "sqlglot", "ruamel.yaml", "duckdb", "batch_ops")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = {}
    # begun in the background of a script, where SIGINT is ignored, children would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"random seed: {SEED} (BATCH_OPS_SEED=… for another)"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for what, number in config.stash[LEFT_OUT].items():
        terminalreporter.write_line(f"left out: {number} test(s), {what}", yellow=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a run with a mutant: only the tests that are to notice it."""
    if (name := mutants.option()) is not None:
        mine, others = mutants.only_its_tests(items, name)
        config.hook.pytest_deselected(items=others)
        items[:] = mine


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """What a test sets for batch_ops and Dagster ends with it."""
    with environment.kept():
        yield


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The shell sets up the log; other tests want theirs."""
    logger = logging.getLogger("batch_ops")
    before = (logger.handlers, logger.level, logger.propagate)
    yield
    logger.handlers, logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


@pytest.fixture(autouse=True)
def mutant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switches an option of the language off, where the run asks for that."""
    if (name := mutants.option()) is not None:
        mutants.switch_off(monkeypatch, name)


@pytest.fixture(scope="session")
def seed() -> int:
    """The seed of all random tests, printed in the header."""
    return SEED


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """The tests' own PostgreSQL; a test that needs it fails when it cannot start."""
    try:
        server = PostgreSQL()
    except Exception as error:
        pytest.fail(f"The tests' own PostgreSQL could not be started: {error!r}", pytrace=False)
    yield server
    server.stop()


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database, dropped afterwards."""
    name = postgresql_server.create_database()
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'database.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database, one after the other of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def mariadb_reachable() -> bool:
    """Whether a MariaDB or MySQL answers on this machine."""
    return mariadb.reachable()


@pytest.fixture
def mariadb_url(request: pytest.FixtureRequest, mariadb_reachable: bool) -> Iterator[str]:
    """The URL of a fresh MariaDB database; without a server the test is left out, and told."""
    if not mariadb_reachable:
        left_out = request.config.stash[LEFT_OUT]
        why = f"no MariaDB or MySQL answers on {mariadb.HOST}:{mariadb.PORT}"
        left_out[why] = left_out.get(why, 0) + 1
        pytest.skip(why)
    name = mariadb.create_database()
    yield mariadb.url(name)
    mariadb.drop_database(name)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """A process that has imported what children need; they start in milliseconds."""
    with ForkServer(PRELOAD) as server:
        yield server
