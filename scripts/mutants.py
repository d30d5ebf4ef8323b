"""`make mutants`: does a test notice? Each option of the language is switched off in what the
loader reads, and its marked tests are run; each promise is broken in a copy of the code, and the
tests that are to notice are run there. What no test notices, or has no test, is reported.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from batch_ops_tests.support.breaking import tried  # noqa: E402
from batch_ops_tests.support.breaks import BREAKS  # noqa: E402
from batch_ops_tests.support.mutants import VARIABLE, all_options  # noqa: E402

TESTS = {file: file.read_text() for file in (ROOT / "batch_ops_tests").rglob("test_*.py")}
MARKED = {file: text for file, text in TESTS.items() if "mark.option(" in text}
BY_NAME = {broken.name: broken for broken in BREAKS}
NO_TESTS = 5
FAILED = 1


def main(arguments: list[str]) -> int:
    """Try the options and breaks that are named, else all; `breaks` names all of these.

    Returns:
        0: a test noticed each of them; 1: one was not noticed.
    """
    named = [name for word in arguments for name in (BY_NAME if word == "breaks" else [word])]
    names = named or [*all_options(), *BY_NAME]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = dict(zip(names, pool.map(_try, names), strict=True))
    missed = [name for name, words in told.items() if words]
    for name in missed:
        print(f"{name}: {told[name]}")
    print(f"{len(names)} options and promises were broken; {len(missed)} were not noticed.")
    return 1 if missed else 0


def _try(name: str) -> str:
    """What is to be said of an option or a break; nothing where its tests noticed."""
    return _broken(name) if name in BY_NAME else _switched_off(name)


def _broken(name: str) -> str:
    found = tried(BY_NAME[name])
    if not found.missed:
        noticed = ", ".join(test.rpartition("::")[2] for test in BY_NAME[name].tests)
        print(f"{name}: noticed in {found.seconds:.1f} s by {noticed}", flush=True)
    return found.missed


def _switched_off(name: str) -> str:
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
