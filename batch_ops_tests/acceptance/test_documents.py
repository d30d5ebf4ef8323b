"""What the documents show works: declarations load, commands and targets exist, links lead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import breaking
from batch_ops_tests.support.breaks import BREAKS

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
README = (PROJECT / "README.md").read_text()


def declarations() -> list[str]:
    blocks = [
        found
        for d in DOCUMENTS
        for found in re.findall(r"```yaml\n(.*?)```", d.read_text(), re.DOTALL)
    ]
    return [block for block in blocks if re.search(r"^name:", block, re.MULTILINE)]


@pytest.mark.parametrize("declaration", declarations())
def test_every_declaration_shown_loads(declaration: str) -> None:
    catalog = Catalog.from_texts({"shown.yaml": declaration})
    assert catalog.operations


def test_the_first_declaration_has_eight_lines() -> None:
    assert len(declarations()[0].splitlines()) == 8


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", README)) | set(
        re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)
    )
    assert {"demo", "test", "ui"} <= named <= targets


def test_every_command_named_exists() -> None:
    from batch_ops.cli.app import app

    named = set(re.findall(r"^batch-ops ([a-z-]+)", README, re.MULTILINE))
    assert named
    for command in named:
        assert command in app, command


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_docs_say_when_to_work_in_bulk_and_when_not() -> None:
    text = (PROJECT / "docs" / "operations.md").read_text()
    section = text.partition("## When to work in bulk\n")[2].partition("\n## ")[0]
    answers = re.findall(r"^\| .+ \| (yes|no) \| .+ \|$", section, re.MULTILINE)
    assert answers.count("yes") >= 3
    assert answers.count("no") >= 3


def test_every_feature_has_one_row_and_a_ticked_one_has_a_test_that_exists() -> None:
    rows = re.findall(
        r"^\| ([KDUSZB]\d\d) \| .+ \| ([☐☑]) \| (.*)\|$",
        (PROJECT / "docs" / "features.md").read_text(),
        re.MULTILINE,
    )
    numbers = {"K": 23, "D": 23, "U": 37, "S": 43, "Z": 36, "B": 95}
    assert [row[0] for row in rows] == [
        f"{letter}{n:02}" for letter, last in numbers.items() for n in range(1, last + 1)
    ]
    for number, box, tests in rows:
        assert (box == "☑") == bool(tests.strip()), number
        for test in re.findall(r"`([^`]+)`", tests):
            assert breaking.is_there(test), f"{number}: {test}"


def guaranteed() -> dict[int, str]:
    """The sections of the page of promises, by number."""
    text = (PROJECT / "docs" / "guarantees.md").read_text()
    found = re.split(r"^## (\d+)\. ", text, flags=re.MULTILINE)[1:]
    return {int(number): section for number, section in zip(found[::2], found[1::2], strict=True)}


def test_every_promise_is_told_with_its_limits_and_how_it_is_kept() -> None:
    assert list(guaranteed()) == list(range(1, 11))
    for number, section in guaranteed().items():
        for part in ("**How it is kept.**", "**Where it ends.**", "**Caught by**"):
            assert section.count(part) == 1, f"{number}: {part}"


@pytest.mark.parametrize("number", range(1, 11))
def test_every_promise_names_tests_that_exist_and_those_of_its_breaks(number: int) -> None:
    named = re.findall(
        r"^- `([^`]+)`", guaranteed()[number].partition("**Caught by**")[2], re.MULTILINE
    )
    assert named
    assert [test for test in named if not breaking.is_there(test)] == []
    known = {(test.partition("::")[0], test.rpartition("::")[2]) for test in named}
    wanted = [test.partition("[")[0] for b in BREAKS if b.promise == number for test in b.tests]
    wanting = [t for t in wanted if (t.partition("::")[0], t.rpartition("::")[2]) not in known]
    assert wanting == []


def test_the_page_of_promises_says_how_many_breaks_there_are() -> None:
    text = (PROJECT / "docs" / "guarantees.md").read_text()
    assert f"breaks the code in {len(BREAKS)} places" in text
