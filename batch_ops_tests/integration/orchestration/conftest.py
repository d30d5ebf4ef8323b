"""A project with a Dagster instance of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops_tests.support.things import Things

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Things]:
    """1,000 things in a file; nothing imported yet."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("BATCH_OPS_DEFS", str(folder / "defs"))
    monkeypatch.chdir(folder)
    found = Things(folder)
    yield found
    found.close()


@pytest.fixture
def imported(things: Things) -> Things:
    """The things stand in the database."""
    things.imported()
    return things
