"""A project with a Dagster instance of its own, copied from one that is made once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from batch_ops_tests.support.things import Things

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORAGE = ("history", "schedules")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Dagster's empty storage, and with the things in a database."""
    folder = tmp_path_factory.mktemp("template") / "project"
    with pytest.MonkeyPatch.context() as patch:
        things = _things(folder, patch)
        with things.instance() as instance:
            instance.get_runs(limit=1)
            instance.get_dynamic_partitions("any")
            instance.get_materialized_partitions(dg.AssetKey("any"))
        things.imported()
        things.close()
    return folder


def _things(folder: Path, patch: pytest.MonkeyPatch) -> Things:
    folder.mkdir()
    patch.setenv("DAGSTER_HOME", str(folder))
    patch.setenv("BATCH_OPS_DEFS", str(folder / "defs"))
    patch.chdir(folder)
    return Things(folder)


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: Path) -> Iterator[Things]:
    """1,000 things in a file; nothing imported yet."""
    found = _things(tmp_path / "project", monkeypatch)
    for name in STORAGE:
        shutil.copytree(template / name, found.folder / name)
    yield found
    found.close()


@pytest.fixture
def imported(things: Things, template: Path) -> Things:
    """The things stand in the database, imported by the engine alone."""
    for file in template.glob("batch_ops.db*"):
        shutil.copy(file, things.folder)
    return things
