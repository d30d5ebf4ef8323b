"""Other people's work on the same tables: pgbench, which comes with the tests' own PostgreSQL."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import make_url

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops_tests.support.postgresql import PostgreSQL

SCALE = 2
ACCOUNTS = 100_000 * SCALE
CLIENTS = 4
CLAIM = """
\\set aid random(1, {most})
WITH mine AS (
    UPDATE pgbench_accounts SET filler = 'mine' WHERE aid = :aid AND filler = 'open' RETURNING aid
)
INSERT INTO claimed SELECT aid FROM mine;
"""
"""Takes a row for itself and remembers it: whoever writes it from now on has not looked again."""


@dataclass(frozen=True)
class Traffic:
    """What pgbench did. p95_ms: 95 of 100 transactions took no longer."""

    transactions: int
    failed: int
    p95_ms: float


class Load:
    """TPC-B-like transactions, and one claim to nine of them, until the time is over."""

    def __init__(self, server: PostgreSQL, url: str, folder: Path, name: str, seconds: int) -> None:
        self._prefix = folder / name
        script = folder / "claim.sql"
        script.write_text(CLAIM.format(most=ACCOUNTS + 50_000))
        how = ["-n", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-s", str(SCALE)]
        what = ["-b", "tpcb-like@9", "-f", f"{script}@1", "-l", f"--log-prefix={self._prefix}"]
        self._process = subprocess.Popen(
            [server.program("pgbench"), *how, *what, *_place(url)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def goes_on(self) -> bool:
        return self._process.poll() is None

    def end(self) -> Traffic:
        """Wait for its end."""
        told = self._process.communicate()[0]
        assert self._process.returncode == 0, told
        found = re.search(r"number of transactions actually processed: (\d+)", told)
        failed = re.search(r"number of failed transactions: (\d+)", told)
        assert found, told
        assert failed, told
        assert "aborted" not in told, told
        return Traffic(int(found[1]), int(failed[1]), self._p95_ms())

    def _p95_ms(self) -> float:
        logs = self._prefix.parent.glob(f"{self._prefix.name}.*")
        lines = [line.split() for log in logs for line in log.read_text().splitlines()]
        micros = sorted(int(line[2]) for line in lines)
        return micros[len(micros) * 95 // 100] / 1000


def make_tables(server: PostgreSQL, url: str) -> None:
    """Pgbench's own tables, and one for what was claimed."""
    command = [server.program("pgbench"), "-i", "-q", "-s", str(SCALE), *_place(url)]
    subprocess.run(command, check=True, capture_output=True)


def _place(url: str) -> list[str]:
    parsed = make_url(url)
    return ["-h", str(parsed.query["host"]), "-U", "postgres", str(parsed.database)]
