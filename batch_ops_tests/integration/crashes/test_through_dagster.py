"""Killed within a Dagster run, then resumed by another: journal and Dagster are as undisturbed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from batch_ops import faultpoints
from batch_ops.engine import newest_unfinished
from batch_ops.faultpoints import Point
from batch_ops.orchestration import reconcile
from batch_ops.orchestration.launch import launch_resume, launch_run
from batch_ops_tests.support import crashing
from batch_ops_tests.support.crash_facts import Seen
from batch_ops_tests.support.crash_kills import KILLED, KillAt, World
from batch_ops_tests.support.forkserver import ForkServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops_tests.support.crash_kills import Kill

ROOT = Path(__file__).parents[3]
PRELOAD = ("batch_ops_tests.integration.crashes.test_through_dagster", "duckdb", "psycopg")
QUICK = ("change",)
PLACES = {
    "import_file": (Point.BEFORE_COMMIT, "postgresql"),
    "insert_rows": (Point.STORING_PLAN, "sqlite"),
    "change": (Point.AFTER_COMMIT, "postgresql"),
    "upsert_rows": (Point.ISOLATING, "sqlite"),
    "remove": (Point.AFTER_DATA, "postgresql"),
    "remove_with_lines": (Point.CLOSING, "sqlite"),
    "three_steps": (Point.BETWEEN_STEPS, "postgresql"),
    "with_images": (Point.KEEPING_IMAGES, "sqlite"),
    "ask": (Point.CALLING, "sqlite"),
    "all_or_nothing": (Point.AFTER_COMMIT, "postgresql"),
    "stop_at_a_row": (Point.TELLING_REJECTS, "sqlite"),
}


@pytest.fixture(scope="module")
def dagster_server() -> Iterator[ForkServer]:
    """Children that have Dagster imported already."""
    with ForkServer(PRELOAD) as server:
        yield server


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's storage without anything in it."""
    folder = tmp_path_factory.mktemp("dagster") / "home"
    folder.mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(ROOT / name, folder)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        instance.get_runs(limit=1)
        instance.get_dynamic_partitions("any")
        instance.get_materialized_partitions(dg.AssetKey("any"))
    return folder


@pytest.fixture
def home(tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Dagster home of the test's own."""
    folder = tmp_path / "home"
    shutil.copytree(empty_home, folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def child_launch(folder: str, home: str, url: str, operation: str, kill: Kill) -> int:
    """Run an operation through Dagster until it is killed."""
    faultpoints.install(KillAt(*kill))
    project = crashing.open_project(Path(folder), url)
    parameters = crashing.CASES[operation].parameters
    return launch_run(project, operation, parameters).status.exit_code


class Shown:
    """What Dagster shows of the one execution."""

    def __init__(self, world: World, home: Path, operation: str) -> None:
        self.world, self.home, self.operation = world, home, operation
        self.entity = world.project.catalog.operation(operation).entity

    def killed_launch(self, server: ForkServer, point: Point) -> None:
        hits = self.world.worlds.undisturbed(self.operation).hits[point]
        place = (str(self.world.worlds.folder), str(self.home), self.world.url)
        kill = (point, (hits + 1) // 2)
        environment = {"DAGSTER_HOME": str(self.home)}
        child = server.run(child_launch, *place, self.operation, kill, env=environment)
        assert child.wait() == KILLED, child.output

    def differences(self) -> Iterator[str]:
        """Where Dagster shows something else than the journal knows."""
        steps = Seen(self.world.project).query(
            "SELECT step, chunk_key, status FROM batch_chunks ORDER BY step, chunk"
        )
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            for name in {step for step, _, _ in steps}:
                keys = [key for step, key, _ in steps if step == name]
                done = {key for step, key, how in steps if step == name and how == "completed"}
                asset = dg.AssetKey([self.entity, self.operation, name])
                partitions = f"{self.entity}/{self.operation}/{name}"
                if instance.get_dynamic_partitions(partitions) != keys:
                    yield f"{name}: partitions {instance.get_dynamic_partitions(partitions)}"
                if instance.get_materialized_partitions(asset) != done:
                    yield f"{name}: green {instance.get_materialized_partitions(asset)}"
            going_on = [r for r in instance.get_runs() if not r.is_finished]
            if going_on:
                yield f"runs that go on: {going_on}"


@pytest.mark.parametrize(
    ("operation", "point", "kind"),
    [
        pytest.param(
            *(name, *place),
            id=f"{name}-{place[0]}",
            marks=() if name in QUICK else (pytest.mark.slow,),
        )
        for name, place in PLACES.items()
    ],
)
def test_killed_in_a_run_and_resumed_by_another_all_is_as_if_undisturbed(
    world: World, home: Path, dagster_server: ForkServer, operation: str, point: Point
):
    shown = Shown(world, home, operation)
    shown.killed_launch(dagster_server, point)
    unfinished = newest_unfinished(world.project)
    assert unfinished is not None
    launch_resume(world.project, unfinished)
    assert list(world.differences(operation)) == []
    assert list(shown.differences()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["postgresql"])
def test_killed_when_the_journal_had_its_end_dagster_is_told_later(
    world: World, home: Path, dagster_server: ForkServer
):
    """What shows a run that goes on for ever is closed by whoever comes next."""
    shown = Shown(world, home, "three_steps")
    shown.killed_launch(dagster_server, Point.CLOSED)
    assert newest_unfinished(world.project) is None
    assert [text for text in shown.differences() if "go on" in text] != []
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert reconcile.everything(world.project, instance) == 1
    assert list(shown.differences()) == []


def test_each_operation_is_killed_in_a_run():
    assert set(PLACES) == set(crashing.CASES)
