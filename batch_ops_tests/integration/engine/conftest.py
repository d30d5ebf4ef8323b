"""A project with accounts on each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
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
