"""The YAML blocks of the SpecQL document, as they stand in it, and how each becomes a file."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "documents" / "specql-batch-operations.md"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PATTERNS = re.compile(r"^patterns:\n", re.MULTILINE)
_OPTION = re.compile(r"^    (\w+):", re.MULTILINE)
_WORK = ("operation_type", "steps", "data_source")


def blocks() -> list[str]:
    """Every block; one with `patterns:` twice holds alternatives and is cut there."""
    found: list[str] = []
    for block in _BLOCK.findall(DOCUMENT.read_text()):
        starts = [match.start() for match in _PATTERNS.finditer(block)]
        parts = [block[a:b] for a, b in zip(starts, [*starts[1:], len(block)], strict=True)]
        found += parts if len(parts) > 1 else [block]
    return found


def block(part: str) -> str:
    """The one block that holds this text."""
    (found,) = [one for one in blocks() if part in one]
    return found


def entity_file(block: str, entity: str, base: str = "") -> str:
    """A whole entity file around a block.

    entity: put before it where it has no entity of its own.
    base: options of a complete operation, for those a block without work leaves out.
    """
    text = block if re.search(r"^name:", block, re.MULTILINE) else f"{entity}\n{block}"
    if any(re.search(rf"^    {word}:", block, re.MULTILINE) for word in _WORK):
        return text
    given = set(_OPTION.findall(block))
    rest = [line for line in base.splitlines() if line.split(":")[0].strip() not in given]
    return text.rstrip("\n") + "\n" + "".join(f"    {line}\n" for line in rest)
