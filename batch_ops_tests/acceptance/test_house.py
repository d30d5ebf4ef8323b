"""The house: what stands where, what knows what, and how light it is to enter."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "batch_ops"
SHELL = Path(sys.executable).parent / "batch-ops"
ROOMS = {
    *("cli", "orchestration", "engine", "planning", "journal", "sources", "database", "spec"),
    *("observers", "defs", "testing", "bulk"),
}
AT_THE_DOOR = {
    *("__init__", "__main__", "definitions", "errors", "events", "faultpoints", "registry"),
    *("results", "testing"),
}
DIALECTS = {"sqlite", "postgresql", "mysql", "mariadb"}
HEAVY = ("great_expectations", "pandas", "apprise")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_every_file_is_in_its_room() -> None:
    outside = [m for m in modules() if m.parent == PACKAGE and m.stem not in AT_THE_DOOR]
    rooms = {m.relative_to(PACKAGE).parts[0] for m in modules() if m.parent != PACKAGE}
    assert outside == []
    assert rooms <= ROOMS


def test_no_database_is_known_by_name_outside_its_room() -> None:
    named = [
        f"{module.relative_to(PACKAGE)}:{node.lineno}"
        for module in modules()
        if "database" not in module.relative_to(PACKAGE).parts
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and node.value in DIALECTS
    ]
    assert named == []


@pytest.mark.parametrize("module", ["batch_ops", "batch_ops.cli.app", "batch_ops.definitions"])
def test_what_is_heavy_is_not_imported_before_it_is_needed(module: str, tmp_path: Path) -> None:
    program = f"import sys, {module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_help_answers_within_a_second() -> None:
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        done = subprocess.run([SHELL, "--help"], capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - begin)
        assert done.returncode == 0, done.stderr
        assert "resume" in done.stdout
    assert min(times) < 1
