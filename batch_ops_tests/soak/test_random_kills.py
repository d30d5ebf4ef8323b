"""Killed at random: any operation, any place, any number of times, with any sizes."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import RunOptions, newest_unfinished
from batch_ops.faultpoints import Point
from batch_ops_tests.support.crash_kills import KILLED, Worlds, child_run
from batch_ops_tests.support.crashing import CASES
from batch_ops_tests.support.forkserver import ForkServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from batch_ops_tests.support.crash_kills import World
    from batch_ops_tests.support.postgresql import PostgreSQL

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]
KILLS = int(os.environ.get("SOAK_KILLS", "500"))
"""On each database."""
PRELOAD = ("psycopg", "duckdb", "batch_ops_tests.support.crash_kills")
RESUMING = (Point.RESUMING, Point.RESUMED)


@dataclass
class Killer:
    """Kills executions, one after the other, until it has killed often enough."""

    worlds: Worlds
    server: ForkServer
    rng: random.Random
    kills: int = 0
    executions: int = 0

    def one(self) -> list[str]:
        """An execution that is killed one to five times; how it differs from an undisturbed one."""
        operation = self.rng.choice(list(CASES))
        world, self.executions = self.worlds.new(), self.executions + 1
        told = [f"{operation} {self._begun(world, operation)}"]
        same = True
        for _ in range(self.rng.randrange(5)):
            if newest_unfinished(world.project) is None:
                break
            options = self._options(operation)
            told.append(self._resumed(world, operation, options))
            same = same and options.batch_size is None
        wrong = self._ended(world, operation, same_sizes=same)
        world.close()
        return [*told, *wrong] if wrong else []

    def _begun(self, world: World, operation: str) -> str:
        place = self._place(operation, [p for p in CASES[operation].points if p not in RESUMING])
        child = self.server.run(child_run, str(world.folder), world.url, operation, place)
        return f"run, killed at {place}: {self._counted(child.wait())}"

    def _resumed(self, world: World, operation: str, options: RunOptions) -> str:
        place = self._place(operation, CASES[operation].points)
        code = self._counted(world.resuming(self.server, place, options).wait())
        return f"resumed by {options.batch_size}, killed at {place}: {code}"

    def _counted(self, code: int) -> int:
        self.kills += code == KILLED
        assert code in (KILLED, 0, 1, 4), code
        return code

    def _ended(self, world: World, operation: str, *, same_sizes: bool) -> list[str]:
        world.resume()
        return list(world.differences(operation, same_sizes=same_sizes))

    def _place(self, operation: str, points: Sequence[Point]) -> tuple[Point, int]:
        point = self.rng.choice(points)
        hits = self.worlds.undisturbed(operation).hits[point]
        return point, self.rng.randint(1, max(1, hits))

    def _options(self, operation: str) -> RunOptions:
        size = self.rng.choice([None, None, None, 1, 7, 13, 40, 500])
        workers = None if operation == "all_or_nothing" else self.rng.choice([None, 1, 3])
        return RunOptions(batch_size=size, max_workers=workers)


@pytest.fixture(params=["sqlite", "postgresql"])
def worlds(
    request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: PostgreSQL
) -> Iterator[Worlds]:
    made = Worlds(tmp_path / "project", None if request.param == "sqlite" else postgresql_server)
    yield made
    made.close()


def test_whatever_is_killed_wherever_and_however_often_ends_as_if_undisturbed(
    worlds: Worlds, seed: int, capsys: pytest.CaptureFixture[str]
):
    with ForkServer(PRELOAD) as server:
        killer = Killer(worlds, server, random.Random(seed))
        while killer.kills < KILLS:
            assert killer.one() == []
    with capsys.disabled():
        print(f"\n{killer.kills} kills in {killer.executions} executions, seed {seed}")
