"""Every block of docs/python.md and of the README's section on Python runs and prints what it says,
on every database.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import itertools
import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import BatchResult, BatchTable, RetryPolicy, RowError
from batch_ops.bulk.options import BATCH_SIZE, LANES, MOST, Options
from batch_ops.bulk.table import WriteOptions
from batch_ops_tests.support import guide, shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops_tests.support.guide import Block, Section
    from batch_ops_tests.support.shop import Shop

README = guide.PROJECT / "README.md"
SECTIONS = [section for section in guide.sections() if section.title != guide.TABLES]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    yield from shop.kept(request, tmp_path_factory)


@pytest.fixture
def url(shared: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where empty tables are; files that are written go to a folder of the test's."""
    monkeypatch.chdir(tmp_path)
    shared.empty()
    return shared.url


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_every_block_runs_and_prints_what_it_says(
    url: str, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", module)  # classes know where they stand
    names = vars(module)
    names["url"] = url
    for block in (*guide.section(guide.TABLES).blocks, *section.blocks):
        assert_prints(block, run(block, names))


def test_the_readme_shows_the_door_in_ten_lines(url: str, shared: Shop, tmp_path: Path) -> None:
    (section,) = [one for one in guide.sections(README) if one.title == "From Python"]
    (block,) = section.blocks
    assert 5 <= len(block.code.splitlines()) <= 10
    people = "user1,John,25\nuser2,Jane,-30\nuser3,Bob,35\n"
    (tmp_path / "users.csv").write_text("id,name,age\n" + people)
    assert re.fullmatch(r"1 user2 age .+\n", run(block, {"url": url}))
    assert shared.rows("SELECT id, category FROM users") == [("user3", "senior")]


def rows_of(title: str, header: str) -> dict[str, list[str]]:
    """The rows of the guide's table with this header in a section: by each name in the first cell
    the other cells.
    """
    text = guide.GUIDE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = text.partition(f"| {header} |")[2].splitlines()[2:]
    found: dict[str, list[str]] = {}
    for line in itertools.takewhile(lambda line: line.startswith("|"), lines):
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        found |= dict.fromkeys(re.findall(r"`(\w+)", first), others)
    return found


def test_every_option_is_told_with_its_default_and_its_bounds() -> None:
    told = rows_of("Options", "option")
    assert list(told) == list(WriteOptions.__annotations__)
    usual = Options()
    for name in ("atomic", "return_rows", "validate"):
        assert told[name][1] == f"`{getattr(usual, name)}`", name
    assert told["batch_size"][1] == f"{BATCH_SIZE:,}"
    assert f"1 to {MOST:,}" in told["batch_size"][0]
    assert told["max_concurrency"][1] == str(usual.max_concurrency)
    assert f"1 to {LANES}" in told["max_concurrency"][0]


def test_every_field_of_a_retry_policy_is_told_with_its_default() -> None:
    told = rows_of("Retry", "`RetryPolicy`")
    defaults = {field.name: field.default for field in dataclasses.fields(RetryPolicy)}
    assert {name: float(cells[1]) for name, cells in told.items()} == defaults


def test_every_argument_call_and_attribute_is_told() -> None:
    arguments = inspect.signature(BatchTable).parameters.keys() - {"bind", "table"}
    assert rows_of(guide.TABLES, "argument").keys() == arguments
    text = guide.GUIDE.read_text()
    calls = {name for name in vars(BatchTable) if not name.startswith("_")} - {"name"}
    assert {name for name in calls if f"{name}(" not in text and f"`{name}`" not in text} == set()
    told = rows_of("Results", "of every result").keys()
    fields = {field.name for field in dataclasses.fields(BatchResult)}
    mine = fields | {name for name in vars(BatchResult) if not name.startswith("_")}
    assert mine - told == WITHOUT_A_ROW
    assert rows_of("Results", "of an error").keys() == {*RowError._fields, "category"}


WITHOUT_A_ROW = {"operation", "execution_id", "again", "deleted_count", "error", "take", "undo"}
"""Of a result: what is told elsewhere, and what is not for users."""

EXAMPLES = (
    *("create_many", "update_many", "delete_many", "Quick start: basic batch creation"),
    *("Error handling with partial results", "Non-atomic processing"),
    *("Batch updates of what a query finds", "Cascade deletes", "Large dataset processing"),
    *("Validation errors", "Operation errors", "Choose the right mode", "Handle large datasets"),
    *("Validate before processing", "Monitor performance", "Use indexes efficiently"),
    *("Batch create", "Looking rows up: batch get", "Batch get with composite keys"),
    *("Batch delete", "Batch delete with options", "Mixed batch operations"),
    *("Batch update with custom options", "Batch operations with results", "Error handling"),
    *("Common error scenarios", "Parallel vs sequential execution"),
)


def test_what_people_look_for_has_a_heading() -> None:
    headings = re.findall(r"^##+ (.+)$", guide.GUIDE.read_text(), re.MULTILINE)
    assert [name for name in EXAMPLES if name not in headings] == []
    assert len(headings) == len(set(headings))


def run(block: Block, names: dict[str, Any]) -> str:
    """Run it in the names of the blocks before it; what it printed."""
    code = block.code.replace(guide.SHOWN_URL, repr(names["url"]))
    # a traceback tells the line in the document
    padded = "\n" * (block.line - 1) + code
    compiled = compile(padded, str(guide.GUIDE), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compiled, names)  # noqa: S102
    return printed.getvalue()


def assert_prints(block: Block, printed: str) -> None:
    """`…` in what is said stands for anything: figures are never the same."""
    said = block.output or ""
    pattern = ".*".join(map(re.escape, said.split("…")))
    assert re.fullmatch(pattern, printed), f"line {block.line}:\n{printed}"
