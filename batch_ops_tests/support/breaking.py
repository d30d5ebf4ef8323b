"""Breaking the engine in a copy of the project, to see that the tests notice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ops_tests.support.breaks import Break

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, TESTS = "batch_ops", "batch_ops_tests"
FAILED = 1
"""pytest's exit code when tests ran and some of them failed."""


@dataclass(frozen=True)
class Tried:
    """What came of a break. missed: what is to be said of it; empty where its tests noticed."""

    missed: str
    seconds: float


def stands(broken: Break) -> int:
    """How often the text that is replaced stands in its file."""
    file = ROOT / PACKAGE / broken.file
    return file.read_text("utf-8").count(broken.old) if file.is_file() else 0


def is_there(test: str) -> bool:
    """Whether a test exists, by its file and the name of its function."""
    file, _, name = test.partition("[")[0].partition("::")
    place, function = ROOT / TESTS / file, name.rpartition("::")[2]
    if not place.is_file():
        return False
    return not function or f"def {function}(" in place.read_text("utf-8")


def tried(broken: Break) -> Tried:
    """Break a copy of the project, and run the tests there that are to notice."""
    began = time.monotonic()
    if (found := stands(broken)) != 1:
        return Tried(f"its text stands {found} times in {broken.file}", 0.0)
    with tempfile.TemporaryDirectory(prefix="batch-ops-broken-") as folder:
        copy = Path(folder)
        _copy(copy)
        file = copy / PACKAGE / broken.file
        file.write_text(file.read_text("utf-8").replace(broken.old, broken.new), "utf-8")
        done = _run(copy, broken.tests)
    missed = _missed(broken.tests, done)
    return Tried(missed, time.monotonic() - began)


def _copy(folder: Path) -> None:
    """What belongs to the project, as it stands in its folder."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def _run(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The tests of the copy. The package that is installed is another folder's: the copy comes
    first, for children as well, and conftest.py refuses to test any other one.
    """
    options = ("-q", "--tb=no", "-p", "no:cacheprovider")
    others = os.environ.get("PYTHONPATH")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(f"{TESTS}/{test}" for test in tests)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), others)))},
        capture_output=True,
        text=True,
        check=False,
    )


def _missed(tests: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> str:
    """The tests that did not fail; an error on the way to a test is no failure of it."""
    last = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1:]
    if done.returncode not in (0, FAILED):
        return f"its tests could not be run: {' '.join(last)}"
    passed = [test for test in tests if not re.search(_failure(test), done.stdout, re.MULTILINE)]
    return f"not noticed by {', '.join(passed)}: {' '.join(last)}" if passed else ""


def _failure(test: str) -> str:
    return rf"^FAILED {TESTS}/{re.escape(test)}(?=[\[ ]|$)"
