"""What every test may ask for: databases of its own, a fork server, a clean environment."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import batch_ops
from batch_ops_tests.support import environment, mariadb, mutants, sampled
from batch_ops_tests.support.forkserver import ForkServer
from batch_ops_tests.support.postgresql import PostgreSQL

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = environment.prepare()
OBJECTS_BETWEEN_LOOKS = 20_000
LEFT_OUT = "left out: "
"""Begins the reason of a test that wants a server which is not reachable."""
PRELOAD = ("sqlalchemy", "psycopg", "sqlglot", "ruamel.yaml", "duckdb", "batch_ops")


def pytest_configure() -> None:
    here, tested = (
        Path(__file__).resolve().parents[1],
        Path(batch_ops.__file__).resolve().parents[1],
    )
    if tested != here:  # the one that is installed, and not the one these tests stand beside
        raise pytest.UsageError(f"The tests in {here} would test the package in {tested}.")
    # begun in the background of a script, where SIGINT is ignored, children would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"random seed: {SEED} (BATCH_OPS_SEED=… for another)"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out, in one line each; the tests may have run in other processes."""
    skipped = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])]
    reasons = [reason.partition(LEFT_OUT)[2] for reason in skipped if LEFT_OUT in reason]
    for what, number in Counter(reasons).items():
        terminalreporter.write_line(f"left out: {number} test(s), {what}", yellow=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of some tests a few cases alone are quick. In a run with a mutant: only the tests that are to
    notice it.
    """
    sampled.mark_slow(items)
    if (name := mutants.option()) is not None:
        mine, others = mutants.only_its_tests(items, name)
        config.hook.pytest_deselected(items=others)
        items[:] = mine


def pytest_collection_finish() -> None:
    """What is there before the first test stays; nobody has to look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_LOOKS, 10, 10)


def pytest_unconfigure() -> None:
    """Libraries look for what is left at the end."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """What a test sets for batch_ops and Dagster ends with it."""
    with environment.kept():
        yield


@pytest.fixture(autouse=True)
def no_instance_is_left() -> None:
    """Dagster remembers the storage of the instance that was entered last; one that is gone, of a
    test that failed in its midst, would fail every test after it.
    """
    if known := sys.modules.get("dagster._core.storage.defs_state.base"):
        known._current_storage.set(None)


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """The shell sets up the log; other tests want theirs."""
    logger = logging.getLogger("batch_ops")
    before = (logger.handlers, logger.level, logger.propagate)
    yield
    logger.handlers, logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


@pytest.fixture(autouse=True)
def mutant(own_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switches an option of the language off, where the run asks for that.

    The environment is kept first: pytest's own undoing, which may bring back what a helper of the
    test had set before it, must come before ours.
    """
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
def mariadb_url(mariadb_reachable: bool) -> Iterator[str]:
    """The URL of a fresh MariaDB database; without a server the test is left out, and told."""
    if not mariadb_reachable:
        pytest.skip(f"{LEFT_OUT}no MariaDB or MySQL answers on {mariadb.HOST}:{mariadb.PORT}")
    name = mariadb.create_database()
    yield mariadb.url(name)
    mariadb.drop_database(name)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """A process that has imported what children need; they start in milliseconds."""
    with ForkServer(PRELOAD) as server:
        yield server
