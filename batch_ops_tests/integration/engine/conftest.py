"""A project with accounts on each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine import Project


@pytest.fixture
def project(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A project on an empty database, one after the other of each kind."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    made = accounts.project(tmp_path, database_url)
    yield made
    made.dispose()


def _closing(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    made: list[Project] = []

    def project(*options: str, extra: str = "") -> Project:
        text = accounts.CLOSE + "".join(f"    {option}\n" for option in options)
        made.append(accounts.project(folder, url, text))
        accounts.make_accounts(made[-1].database(), 100, extra)
        return made[-1]

    yield project
    for each in made:
        each.dispose()


@pytest.fixture
def closing(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    """Makes a project of 100 accounts whose operation `close` has these options besides; `extra`
    stands behind the columns of their table.
    """
    yield from _closing(tmp_path, database_url, monkeypatch)


@pytest.fixture
def on_postgresql(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    """The same on PostgreSQL alone."""
    yield from _closing(tmp_path, postgresql_url, monkeypatch)


@pytest.fixture
def on_sqlite(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    """The same on SQLite alone."""
    yield from _closing(tmp_path, sqlite_url, monkeypatch)
