"""Databases for the tests of `BatchTable`: many tests, so each has to be had in milliseconds."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batch_ops_tests.integration.bulk.kit import connected, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops_tests.support.postgresql import PostgreSQL

MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of the test's own is made in it)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> Iterator[str]:
    """The URL of a SQLite file that does not exist yet: in memory, where there is such a folder."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else tmp_path))
    yield f"sqlite:///{folder / 'database.db'}"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def postgresql_of_module(postgresql_server: PostgreSQL) -> Iterator[str]:
    """One database for all tests of a module."""
    name = postgresql_server.create_database()
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.fixture
def postgresql_url(postgresql_of_module: str) -> Iterator[str]:
    """The URL of a PostgreSQL database that is empty again."""
    yield postgresql_of_module
    with connected(postgresql_of_module) as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    schemas = rows_of(
        postgresql_of_module,
        "SELECT quote_ident(nspname) FROM pg_namespace"
        " WHERE nspname !~ '^(pg_|information_schema)'",
    )
    with connected(postgresql_of_module) as connection:
        for (schema,) in schemas:
            connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def any_url(request: pytest.FixtureRequest) -> str:
    """A fresh database of every kind, one after the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
