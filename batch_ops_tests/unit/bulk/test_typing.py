"""What a type checker says to users of the Python door: nothing to good uses, and what is wrong
with each bad one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

PROJECT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent / "typing"
_SAID = re.compile(r"^(.+?):(\d+): error: .*\[([\w-]+)\]$", re.MULTILINE)
_MARKED = re.compile(r"  # error: ([\w, -]+)$")


@pytest.fixture(scope="module")
def said() -> dict[str, set[tuple[int, str]]]:
    """Lines and codes by file, of one run."""
    files = [str(file) for file in sorted(FOLDER.glob("*_uses.py"))]
    config = ["--strict", f"--config-file={PROJECT / 'pyproject.toml'}"]
    told, wrong, _ = api.run([*config, "--cache-dir", str(PROJECT / ".mypy_cache"), *files])
    assert not wrong
    found: dict[str, set[tuple[int, str]]] = {}
    for file, line, code in _SAID.findall(told):
        found.setdefault(Path(file).name, set()).add((int(line), code))
    return found


def marked(file: Path) -> set[tuple[int, str]]:
    """The lines that are marked, and as what."""
    return {
        (number, code)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if (mark := _MARKED.search(line))
        for code in mark[1].split(", ")
    }


def test_good_uses_need_no_cast_and_no_ignore(said: dict[str, set[tuple[int, str]]]) -> None:
    assert "good_uses.py" not in said
    assert "ignore" not in (FOLDER / "good_uses.py").read_text()


def test_each_bad_use_is_told_and_nothing_else(said: dict[str, set[tuple[int, str]]]) -> None:
    wanted = marked(FOLDER / "bad_uses.py")
    assert len(wanted) > 30
    assert said["bad_uses.py"] == wanted
