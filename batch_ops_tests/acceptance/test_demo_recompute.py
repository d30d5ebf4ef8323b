"""The demo through the shell, on both databases: every row is what plain pandas says it must be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from batch_ops_tests.support import recompute

SHELL = Path(sys.executable).parent / "batch-ops"
SECONDS_ENOUGH = 300


@dataclass(frozen=True)
class Shell:
    """`batch-ops` on one database, with a Dagster instance of its own."""

    url: str
    home: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SHELL, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=recompute.PROJECT,
            env={
                **os.environ,
                "BATCH_OPS_DATABASE_URL": self.url,
                "BATCH_OPS_DEFS": str(recompute.PROJECT / "batch_ops" / "defs"),
                "DAGSTER_HOME": str(self.home),
            },
        )

    def result(self, *arguments: str, code: int) -> dict[str, object]:
        """The JSON object of a command that must end with this code."""
        done = self(*arguments, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        told: dict[str, object] = json.loads(done.stdout)
        return told


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((recompute.PROJECT / "dagster.yaml").read_text())
    return Shell(database_url, home)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS_ENOUGH)
def test_the_demo_leaves_every_row_as_plain_pandas_computes_it(shell: Shell) -> None:
    for small in ("import_airlines", "import_airports", "import_planes"):
        shell.result("run", small, code=0)

    flights = shell.result("run", "import_flights", code=1)
    assert counts(flights) == {"total": 336_776, "created": 334_264, "invalid": 2_512}

    settled = shell.result("run", "settle_flights", code=0)
    by_step = {step["name"]: counts(step) for step in settled["steps"]}
    assert by_step == {
        "validate": {"total": 334_264, "selected": 334_264},
        "update": {"total": 334_264, "updated": 334_264},
        "cleanup": {"total": 7_594, "deleted": 7_594},
    }
    assert recompute.differences(recompute.expected(), recompute.found(shell.url)) == []

    before = fingerprint(shell.url)
    refused = shell("run", "settle_flights")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "settled_at" in refused.stdout + refused.stderr
    assert fingerprint(shell.url) == before


def fingerprint(url: str) -> tuple[object, ...]:
    """What would differ if a row had been settled again, added or removed."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        query = "SELECT COUNT(*), MIN(settled_at), MAX(settled_at), MIN(status) FROM flights"
        row = tuple(connection.execute(sa.text(query)).one())
    engine.dispose()
    return row


def counts(told: dict[str, object]) -> dict[str, int]:
    """The outcomes that occurred."""
    return {name: number for name, number in told["counts"].items() if number}
