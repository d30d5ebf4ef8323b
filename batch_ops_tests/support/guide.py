"""docs/python.md as tests see it: its sections, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
GUIDE = PROJECT / "docs" / "python.md"
TABLES = "The tables of this guide"
SHOWN_URL = '"sqlite:///shop.db"'
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PRINT = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """Code, and what it prints; None: nothing is said of it."""

    code: str
    output: str | None
    line: int


@dataclass(frozen=True)
class Section:
    """What stands below a heading of the second level."""

    title: str
    blocks: tuple[Block, ...]


def sections(path: Path = GUIDE) -> list[Section]:
    """The sections with code in them."""
    document = path.read_text()
    headings = [*re.finditer(r"^## (.+)$", document, re.MULTILINE)]
    ends = [heading.start() for heading in headings[1:]] + [len(document)]
    found = [
        Section(heading[1], tuple(_blocks(document, heading.end(), end)))
        for heading, end in zip(headings, ends, strict=True)
    ]
    return [section for section in found if section.blocks]


def section(title: str) -> Section:
    """The one of that heading."""
    (found,) = [one for one in sections() if one.title == title]
    return found


def tables() -> list[str]:
    """The statements that make the guide's tables."""
    (block,) = re.findall(r"^```sql\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return [statement for statement in block.split(";") if statement.strip()]


def table_names() -> list[str]:
    """The guide's tables, those that others refer to last."""
    return [name for text in reversed(tables()) for name in re.findall(r"CREATE TABLE (\w+)", text)]


def _blocks(document: str, start: int, end: int) -> list[Block]:
    found: list[Block] = []
    for kind, text, line in (
        (match[1], match[2], document.count("\n", 0, match.start()) + 2)
        for match in _BLOCK.finditer(document, start, end)
    ):
        if kind == "python":
            found.append(Block(text, _said(text), line))
        elif kind == "text" and found:
            found[-1] = Block(found[-1].code, text, found[-1].line)
    return found


def _said(code: str) -> str | None:
    """What comments behind calls of print say they print."""
    said = _PRINT.findall(code)
    return "".join(f"{line}\n" for line in said) if said else None
