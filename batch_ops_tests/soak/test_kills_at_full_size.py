"""Real flights, imported and settled by processes that are killed at random: still every row."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops_tests.support import recompute

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops_tests.support.postgresql import PostgreSQL

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
SHELL = Path(sys.executable).parent / "batch-ops"
KILLS = 20
DONE = {"completed", "completed_with_errors"}
OPERATIONS = (
    "import_airlines",
    "import_airports",
    "import_planes",
    "import_flights",
    "settle_flights",
)


@dataclass
class Killer:
    """`batch-ops` on one database, each process killed after a random while."""

    url: str
    home: Path
    rng: random.Random
    kills: int = 0

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "BATCH_OPS_DATABASE_URL": self.url,
            "BATCH_OPS_DEFS": str(recompute.PROJECT / "batch_ops" / "defs"),
            "DAGSTER_HOME": str(self.home),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [SHELL, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=recompute.PROJECT,
            env=self.environment(),
        )

    def newest(self, operation: str) -> dict[str, Any] | None:
        """The operation's newest execution, as any process sees it."""
        shown = self.start("status", "--json").communicate()[0]
        told: list[dict[str, Any]] = json.loads(shown)["executions"]
        return next((e for e in told if e["operation"] == operation), None)

    def do(self, operation: str) -> None:
        """Run the operation to its end, killed on its way as often as it happens."""
        while (found := self.newest(operation)) is None or found["status"] not in DONE:
            size = str(self.rng.choice([1000, 5000, 20_000]))
            begin = ["run", operation] if found is None else ["resume", found["execution_id"]]
            process = self.start(*begin, "--batch-size", size)
            try:
                _, told = process.communicate(timeout=self.rng.uniform(2, 7))
                assert process.returncode in {0, 1}, told
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                self.kills += 1


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(
    request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: PostgreSQL
) -> Callable[[], str]:
    """Gives the URL of another empty database at each call."""
    numbers = count(1)
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
    return lambda: postgresql_server.url(postgresql_server.create_database())


def test_killed_twenty_times_every_row_is_as_plain_pandas_computes_it(
    fresh_url: Callable[[], str], tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, kills, rounds = random.Random(seed), 0, 0
    right = recompute.expected()
    while kills < KILLS:
        rounds += 1
        home = tmp_path / f"home{rounds}"
        home.mkdir()
        (home / "dagster.yaml").write_text((recompute.PROJECT / "dagster.yaml").read_text())
        killer = Killer(fresh_url(), home, rng)
        for operation in OPERATIONS:
            killer.do(operation)
        assert recompute.differences(right, recompute.found(killer.url)) == []
        kills += killer.kills
    with capsys.disabled():
        print(f"\nkilled {kills} times in {rounds} rounds on {killer.url.partition(':')[0]}")
