"""The Dagster component, as an outsider meets it: listed, scaffolded, checked, loaded, run."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from batch_ops.cli.example import make_database

BIN = Path(sys.executable).parent
TICKETS = Path(__file__).resolve().parents[2] / "batch_ops/cli/skeleton/defs/tickets.yaml"
PROJECT = """
[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["dagster"]
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "shop"
"""
DEFINITIONS = """
from pathlib import Path
from dagster import definitions, load_from_defs_folder

@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


class Shop:
    """A Dagster project of somebody else's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = folder / "src" / "shop"
        (package / "defs").mkdir(parents=True)
        (folder / "home").mkdir()
        (folder / "pyproject.toml").write_text(PROJECT)
        (package / "__init__.py").touch()
        (package / "definitions.py").write_text(DEFINITIONS)
        self.component = package / "defs" / "ops"

    def __call__(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {n: v for n, v in os.environ.items() if not n.startswith(("BATCH_OPS_", "DAGSTER_"))}
        own |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(BIN.parent)}
        own |= {"PYTHONPATH": str(self.folder / "src"), "DAGSTER_HOME": str(self.folder / "home")}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=own | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def scaffold(self) -> None:
        """The component in a folder of its own, with an entity file beside it."""
        done = self("dg", "scaffold", "defs", "batch_ops.BatchOperations", "ops")
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.copy(TICKETS, self.component)

    def attributes(self, *lines: str) -> None:
        told = "".join(f"  {line}\n" for line in lines)
        text = f"type: batch_ops.BatchOperations\n\nattributes:\n{told}"
        (self.component / "defs.yaml").write_text(text)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.slow
def test_it_is_listed_scaffolded_and_loaded(shop: Shop) -> None:
    listed = json.loads(shop("dg", "list", "components", "--json").stdout)
    assert "batch_ops.BatchOperations" in {each["key"] for each in listed["items"]}
    shop.scaffold()
    checked = shop("dg", "check", "defs")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    found = json.loads(shop("dg", "list", "defs", "--json").stdout)
    assert {each["asset_key"] for each in found["assets"]} == {
        "tickets/close_stale_tickets",
        "tickets/close_stale_tickets/update",
    }
    assert [each["name"] for each in found["jobs"]] == ["close_stale_tickets"]


def test_its_job_runs_on_the_connection_it_names(shop: Shop, tmp_path: Path) -> None:
    shop.scaffold()
    shop.attributes("folder: .", "connection: shop")
    (tmp_path / "data" / "defs").mkdir(parents=True)
    shutil.copy(TICKETS, tmp_path / "data" / "defs")
    file = make_database(tmp_path / "data")
    command = ("dagster", "job", "execute", "-m", "shop.definitions", "-j", "close_stale_tickets")
    done = shop(*command, BATCH_OPS_DATABASE_URL_SHOP=f"sqlite:///{file}")
    assert done.returncode == 0, done.stdout + done.stderr
    with sqlite3.connect(file) as connection:
        closed = connection.execute("SELECT count(*) FROM tickets WHERE status = 'closed'")
        assert closed.fetchone() == (246,)


@pytest.mark.slow
def test_a_word_it_does_not_know_is_told_with_its_place(shop: Shop) -> None:
    shop.scaffold()
    shop.attributes("foldr: .")
    done = shop("dg", "check", "defs")
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "defs.yaml:4" in told
    assert "'foldr' was unexpected" in told
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "told"),
    [("nowhere", "with the declarations is not there"), (".", "There is no type 'intger'")],
)
def test_what_is_wrong_with_declarations_is_told(shop: Shop, folder: str, told: str) -> None:
    shop.scaffold()
    shop.attributes(f"folder: {folder}")
    (shop.component / "wrong.yaml").write_text("name: wrong\nfields: {id: intger}\n")
    done = shop("dg", "check", "defs")
    assert done.returncode == 1
    assert told in done.stdout + done.stderr


def test_whoever_does_not_ask_for_it_does_not_import_dagster() -> None:
    program = (
        "import sys, batch_ops; assert 'BatchOperations' in dir(batch_ops);"
        "print('dagster' in sys.modules); batch_ops.BatchOperations;"
        "print('dagster' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]
