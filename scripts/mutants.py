"""`make mutants`: each option of the language is switched off in what the loader reads, and its
marked tests are run. One that no test notices, or that has no test, is reported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from batch_ops_tests.support.mutants import VARIABLE, all_options  # noqa: E402

TESTS = {file: file.read_text() for file in (ROOT / "batch_ops_tests").rglob("test_*.py")}
MARKED = {file: text for file, text in TESTS.items() if "mark.option(" in text}
NO_TESTS = 5
FAILED = 1


def main(arguments: list[str]) -> int:
    """Try the options that are named, else all.

    Returns:
        0: a test noticed each of them; 1: one was not noticed.
    """
    names = arguments or list(all_options())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = dict(zip(names, pool.map(_try, names), strict=True))
    missed = [name for name, words in told.items() if words]
    for name in missed:
        print(f"{name}: {told[name]}")
    print(f"{len(names)} options were switched off; {len(missed)} were not noticed.")
    return 1 if missed else 0


def _try(name: str) -> str:
    """What is to be said of an option; nothing where its tests noticed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    files = [str(file) for file, text in MARKED.items() if name in text]
    if not files:
        return "no test is marked with it"
    done = subprocess.run(
        [*command, *files, "-m", "option"],
        cwd=ROOT,
        env={**os.environ, VARIABLE: name},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == FAILED:
        return ""
    if done.returncode == NO_TESTS:
        return "no test is marked with it"
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()[-200:]]
    return f"its tests pass without it ({last[0]})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
