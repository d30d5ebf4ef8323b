"""Databases to be killed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops_tests.support.crash_kills import World, Worlds
from batch_ops_tests.support.forkserver import ForkServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops_tests.support.postgresql import PostgreSQL

PRELOAD = ("psycopg", "duckdb", "batch_ops_tests.support.crash_kills")


@pytest.fixture(scope="session")
def crash_server() -> Iterator[ForkServer]:
    """Children that know the declarations already."""
    with ForkServer(PRELOAD) as server:
        yield server


@pytest.fixture(scope="session")
def worlds_of_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    return Worlds(tmp_path_factory.mktemp("sqlite") / "project", None)


@pytest.fixture(scope="session")
def worlds_of_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQL
) -> Iterator[Worlds]:
    worlds = Worlds(tmp_path_factory.mktemp("postgresql") / "project", postgresql_server)
    yield worlds
    worlds.close()


@pytest.fixture
def world(kind: str, request: pytest.FixtureRequest) -> Iterator[World]:
    """A fresh database of the kind the test is parametrized with."""
    worlds: Worlds = request.getfixturevalue(f"worlds_of_{kind}")
    made = worlds.new()
    yield made
    made.close()
