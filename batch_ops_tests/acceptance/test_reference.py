"""The page about the language says what the code does, and all it shows works."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batch_ops import registry, sql_function
from batch_ops.engine.placefile import read_place
from batch_ops.spec import functions
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.options import OPTIONS
from batch_ops.spec.origins import KNOWN
from batch_ops.spec.vocabulary.records import SOURCES
from batch_ops_tests.support.examples import CUSTOMERS, in_a_file
from batch_ops_tests.support.schema import complaints
from scripts import reference

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("operations.md", "troubleshooting.md")
OPERATIONS = (DOCS / "operations.md").read_text()
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def shown(language: str) -> list[tuple[str, str]]:
    """Every block of a language, with its page."""
    found = [
        (page, *block) for page in PAGES for block in _BLOCK.findall((DOCS / page).read_text())
    ]
    return [(page, text) for page, kind, text in found if kind == language]


@pytest.fixture(autouse=True)
def own_function() -> Iterator[None]:
    sql_function("validate_batch_data")(bool)
    yield
    registry.unregister("validate_batch_data")


def test_the_generated_parts_are_those_of_today() -> None:
    """Stale? `make reference` writes them anew."""
    assert reference.page(OPERATIONS) == OPERATIONS


def test_every_option_function_and_source_has_its_row() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", OPERATIONS, re.MULTILINE)
    exist = [option.name for option in OPTIONS.values() if option.form]
    assert [name for name in exist if rows.count(name) < 1] == []
    assert tuple(SOURCES) == KNOWN
    every = functions.FUNCTIONS | set(functions.OWN)
    assert [name for name in every if f"`{name.upper()}`" not in OPERATIONS] == []


@pytest.mark.parametrize(("page", "text"), shown("yaml"))
def test_every_block_of_yaml_loads_and_fits_the_schema(page: str, text: str) -> None:
    declared = in_a_file(text)
    catalog = Catalog.from_texts({"customers.yaml": CUSTOMERS, page: declared})
    assert catalog.operations
    assert complaints(declared) == []


@pytest.mark.parametrize(("page", "text"), shown("toml"))
def test_every_block_of_settings_is_read(page: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "batch_ops.toml").write_text(text)
    place = read_place(tmp_path)
    assert place.channels
    assert place.permissions_of("ada") == {"ship_orders"}


@pytest.mark.parametrize(("page", "text"), shown("python"))
def test_every_block_of_python_is_python(page: str, text: str) -> None:
    ast.parse(text)


def test_the_documents_eight_mistakes_are_told_with_what_is_done_here() -> None:
    part = OPERATIONS.partition("## Beside the SpecQL document")[2]
    assert len(re.findall(r"^\| (?!there|---).+ \| .+ \|$", part, re.MULTILINE)) == 8


def test_the_four_troubles_of_the_document_are_answered() -> None:
    titles = re.findall(r"^## (.+)$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert len(titles) == 4


@pytest.mark.parametrize("page", PAGES)
def test_links_within_a_page_lead_to_a_title(page: str) -> None:
    text = (DOCS / page).read_text()
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    wanted = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert wanted <= anchors, wanted - anchors
