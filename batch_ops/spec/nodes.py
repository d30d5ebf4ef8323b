"""A YAML file as a tree of plain values that know where they stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError, Location

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar = str | int | float | bool | None

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a YAML file.

    Attributes:
        value: a text, number, truth value or None; a tuple of nodes; or a mapping of nodes by key.
        location: where it stands.
        label: where its key stands, when it is the value of a mapping.
        style: how a text was written: "" plain, `'`, `"`, or the block styles `|` and `>`.
        lines: all lines of the file.
    """

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    location: Location
    label: Location | None = None
    style: str = ""
    lines: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def kind(self) -> str:
        """What it is, in a person's words."""
        match self.value:
            case None:
                return "empty"
            case bool():
                return "true or false"
            case int() | float():
                return "a number"
            case str():
                return "a text"
            case tuple():
                return "a list"
            case _:
                return "a mapping"

    @property
    def items(self) -> Mapping[str, Node]:
        """The nodes of a mapping by key.

        Raises:
            DeclarationError: it is no mapping.
        """
        if isinstance(self.value, (str, int, float, tuple)) or self.value is None:
            raise self.wrong("a mapping (`name: value` lines)")
        return self.value

    @property
    def elements(self) -> tuple[Node, ...]:
        """The nodes of a list.

        Raises:
            DeclarationError: it is no list.
        """
        if not isinstance(self.value, tuple):
            raise self.wrong("a list")
        return self.value

    @property
    def text(self) -> str:
        """The text.

        Raises:
            DeclarationError: it is no text.
        """
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    @property
    def plain(self) -> Any:
        """The value without places: scalars, lists and dicts."""
        if isinstance(self.value, tuple):
            return [node.plain for node in self.value]
        if isinstance(self.value, (str, int, float)) or self.value is None:
            return self.value
        return {key: node.plain for key, node in self.value.items()}

    @property
    def shown(self) -> str:
        """The value, short enough for a message."""
        text = " ".join(_flow(self).splitlines())
        return text if len(text) <= _SHOWN else text[: _SHOWN - 2] + " …"

    def wrong(self, expected: str, todo: str = "") -> DeclarationError:
        """The error "expected … here, and … stands here", to be raised by the caller."""
        found = "nothing" if self.value is None else f"{self.kind}, {self.shown}"
        return self.error(f"Expected {expected} here, found {found}.", todo)

    def error(self, what: str, todo: str = "", offset: int | None = None) -> DeclarationError:
        """A declaration error at this node, or `offset` characters into its text."""
        place = self.location if offset is None else self.at(offset)
        return DeclarationError(what, todo=todo, location=place)

    def at(self, offset: int) -> Location:
        """Where the character `offset` of the text stands, as exactly as the style allows."""
        here = self.location
        if self.style in ("|", ">"):
            return self._in_block(offset)
        column = here.column + offset + (1 if self.style else 0)
        line = self.lines[here.line - 1] if 0 < here.line <= len(self.lines) else ""
        exact = isinstance(self.value, str) and self.value in line
        return Location(here.file, here.line, column if exact else here.column, here.text)

    def _in_block(self, offset: int) -> Location:
        before = str(self.value)[:offset]
        number = self.location.line + 1 + (before.count("\n") if self.style == "|" else 0)
        line = self.lines[number - 1] if number <= len(self.lines) else ""
        indent = len(line) - len(line.lstrip(" "))
        column = indent + 1 + (len(before.rpartition("\n")[2]) if self.style == "|" else 0)
        return Location(self.location.file, number, column, line.strip())


def _flow(node: Node) -> str:
    """A value in one line, as a file could have it."""
    match node.value:
        case tuple() as elements:
            return f"[{', '.join(map(_flow, elements))}]"
        case None:
            return "null"
        case bool():
            return str(node.value).lower()
        case str() | int() | float():
            return str(node.value)
        case _:
            return (
                "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in node.items.items()) + "}"
            )
