"""What the documents show works: declarations load, commands and targets exist, links lead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from batch_ops.spec.catalog import Catalog

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
            file, *name = test.split("::")
            text = (PROJECT / "batch_ops_tests" / file).read_text()
            assert not name or f"def {name[-1]}(" in text, f"{number}: {test}"
