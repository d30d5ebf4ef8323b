"""Each example is tried as its README says, in a copy of its folder: every command, in order."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHELL = Path(sys.executable).parent / "batch-ops"
_COMMANDS = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Example:
    """A copy of an example's folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name
        shutil.copytree(EXAMPLES / name, self.folder)

    def readme(self) -> list[list[str]]:
        """The commands its README tells to type, without `batch-ops`."""
        (block,) = _COMMANDS.findall((self.folder / "README.md").read_text())
        commands = [line.partition("#")[0].split() for line in block.splitlines()]
        assert all(command[0] == "batch-ops" for command in commands)
        return [command[1:] for command in commands]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command; the process forgets the environment of the tests."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("BATCH_OPS_", "DAGSTER_"))}
        return subprocess.run(
            [SHELL, *arguments],
            cwd=self.folder,
            env=kept,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def follow(self, *codes: int, dagster: bool = False) -> list[str]:
        """Type all its commands; what they said."""
        said = []
        for command, code in zip(self.readme(), codes, strict=True):
            alone = command[0] == "run" and not dagster
            done = self(*command, *(["--no-dagster"] if alone else []))
            assert done.returncode == code, (command, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr
            said.append(done.stdout)
        return said

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.folder / "batch_ops.db") as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Example:
    """The example that the test's marker names."""
    return Example(request.param, tmp_path)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("example", [name], indirect=True)


def test_every_example_is_tried_here_and_told_in_the_list() -> None:
    names = {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()}
    assert names == {
        *("import_products", "deactivate_users", "refresh_cache"),
        *("monthly_invoices", "clean_logs"),
    }
    told = re.findall(r"^\| `(\w+)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert set(told) == names


@pytest.mark.parametrize("name", sorted(f.name for f in EXAMPLES.iterdir() if f.is_dir()))
@pytest.mark.quick("clean_logs")
def test_a_readme_has_about_ten_lines_and_the_declarations_are_right(
    name: str, tmp_path: Path
) -> None:
    example = Example(name, tmp_path)
    assert len((example.folder / "README.md").read_text().splitlines()) <= 12
    checked = json.loads(example("check", "--json").stdout)
    assert checked["errors"] == []


@of("import_products")
def test_products_come_from_a_csv_file_and_bad_rows_are_told(example: Example) -> None:
    """Through Dagster: without a price, without a name, no number, one twice."""
    said = example.follow(0, 0, 1, 0, dagster=True)
    assert "46 created, 2 invalid, 2 failed" in " ".join(said[2].split())  # lines are wrapped
    assert example.rows("SELECT count(*), count(DISTINCT category) FROM product") == [(46, 4)]
    assert example.rows("SELECT price FROM product WHERE name = 'garden article 1'") == [(1.5,)]
    rejects = "SELECT row_number, column_name FROM batch_operation_errors ORDER BY row_number"
    assert example.rows(rejects) == [(10, "price"), (20, "name"), (30, "name"), (40, "price")]


@of("deactivate_users")
@pytest.mark.slow
def test_users_who_did_not_come_for_a_year_are_deactivated(example: Example) -> None:
    example.follow(0, 0, 0, 0)
    found = example.rows(
        "SELECT id FROM user WHERE status = 'inactive' AND deactivated_at IS NOT NULL"
        " AND deactivation_reason = 'automated_inactive_cleanup' ORDER BY id"
    )
    away = [n for n in range(1, 301) if (n * 37) % 730 > 365 and n % 10 and n % 7]
    assert [number for (number,) in found] == away
    sizes = "SELECT max(updated) FROM batch_operation_logs"
    assert example.rows(sizes) == [(50,)]


@of("deactivate_users")
@pytest.mark.slow
def test_without_a_yes_or_a_permission_nobody_is_deactivated(example: Example) -> None:
    assert example("run", "load_users", "--no-dagster").returncode == 0
    unasked = example("run", "deactivate_inactive_users", "--no-dagster")
    assert (unasked.returncode, "requires a confirmation" in unasked.stderr) == (3, True)
    (example.folder / "batch_ops.toml").unlink()
    barred = example("run", "deactivate_inactive_users", "--yes", "--no-dagster")
    assert (barred.returncode, "CURRENT_USER_HAS_PERMISSION" in barred.stderr) == (3, True)
    assert example.rows("SELECT count(*) FROM user WHERE status = 'inactive'") == [(0,)]


@of("refresh_cache")
@pytest.mark.slow
def test_what_is_stale_in_a_cache_is_fetched_and_written_back(example: Example) -> None:
    example.follow(0, 0, 0, 0)
    stale = [n for n in range(1, 121) if (n * 7) % 120 >= 60]
    fresh = "SELECT product_id FROM product_cache WHERE price = product_id + 0.49 ORDER BY 1"
    assert [number for (number,) in example.rows(fresh)] == stale
    assert example.rows("SELECT count(*) FROM product_cache") == [(120,)]
    runs = example.rows("SELECT processed_records FROM batch_operations ORDER BY started_at")
    assert runs == [(120,), (60,), (0,)]


@of("monthly_invoices")
@pytest.mark.slow
def test_invoices_of_a_month_are_written_printed_and_announced_once(example: Example) -> None:
    example.follow(0, 0, 3, 0)
    found = example.rows(
        "SELECT month, count(*), count(DISTINCT customer_id), min(status) FROM invoice GROUP BY 1"
    )
    assert found == [("2026-09", 25, 25, "pending"), ("2026-10", 25, 25, "pending")]
    seventh = "SELECT amount FROM invoice WHERE customer_id = 7 AND month = '2026-10'"
    assert example.rows(seventh) == [(8.25 + 6.25 + 4.25,)]
    ids = {f"{number}.txt" for (number,) in example.rows("SELECT id FROM invoice")}
    for folder in ("invoices", "outbox"):
        assert {file.name for file in (example.folder / folder).iterdir()} == ids


@of("clean_logs")
@pytest.mark.slow
def test_old_logs_are_archived_and_removed(example: Example) -> None:
    example.follow(0, 0, 0, 0)
    old = [n for n in range(1, 541) if n % 180 >= 90]
    assert example.rows("SELECT count(*) FROM access_log") == [(540 - len(old),)]
    files = sorted((example.folder / "archive").iterdir())
    kept = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert sorted(record["id"] for record in kept) == old
    assert set(kept[0]) == {"id", "path", "status", "at"}
    assert len(files) == 6


@of("clean_logs")
@pytest.mark.slow
def test_logs_that_cannot_be_archived_are_not_removed(example: Example) -> None:
    assert example("run", "load_logs", "--no-dagster").returncode == 0
    (example.folder / "archive").write_text("in the way")
    failed = example("run", "remove_old_logs", "--no-dagster")
    assert (failed.returncode, "FileExistsError" in failed.stderr) == (4, True)
    assert example.rows("SELECT count(*) FROM access_log") == [(540,)]
