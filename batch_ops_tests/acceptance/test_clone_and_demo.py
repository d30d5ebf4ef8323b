"""A fresh clone and one command: what a person does first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
KEPT_PREFIXES = ("PIP_", "HTTP_", "HTTPS_", "http_", "https_", "NO_PROXY", "no_proxy")


def clean_environment() -> dict[str, str]:
    """What a person's shell has, and how pip reaches its index; nothing of batch_ops."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(KEPT_PREFIXES)
    }


def in_clone(clone: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=clone, env=clean_environment(), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "batch_ops"
    subprocess.run(["git", "clone", "--quiet", PROJECT, folder], check=True)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_clone_runs_the_demo_stops_goes_on_and_repeats_it(clone: Path) -> None:
    installed = in_clone(clone, "make", "install")
    assert installed.returncode == 0, installed.stdout + installed.stderr

    interrupt_the_demo_while_it_imports_flights(clone)

    first = in_clone(clone, "make", "demo")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "import_airlines: already done" in first.stdout
    assert "batch-ops resume" in first.stdout
    assert "326,670" in first.stdout

    second = in_clone(clone, "make", "demo")
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stdout.count("already done") == 5

    compared = in_clone(clone, ".venv/bin/python", "-m", "batch_ops_tests.support.recompute")
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert "Every row is equal." in compared.stdout
    assert in_clone(clone, "git", "status", "--porcelain").stdout == ""


def interrupt_the_demo_while_it_imports_flights(clone: Path) -> None:
    """Ctrl-C as soon as some flights are committed."""
    demo = subprocess.Popen(
        [".venv/bin/python", "demo/run.py"],
        cwd=clone,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while demo.poll() is None and flights_committed(clone) == 0:
        time.sleep(0.05)
    demo.send_signal(signal.SIGINT)
    told, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, told
    assert "`make demo` goes on" in told
    assert 0 < flights_committed(clone) < 334_264


def flights_committed(clone: Path) -> int:
    """Asked in a process of its own, with the same SQLite file the demo writes."""
    if not (clone / "batch_ops.db").exists():
        return 0
    query = (
        "import sqlite3; c = sqlite3.connect('file:batch_ops.db?mode=ro', uri=True, timeout=30);"
        "t = c.execute(\"SELECT 1 FROM sqlite_master WHERE name = 'flights'\").fetchone();"
        "print(c.execute('SELECT COUNT(*) FROM flights').fetchone()[0] if t else 0)"
    )
    return int(in_clone(clone, sys.executable, "-c", query).stdout or 0)
