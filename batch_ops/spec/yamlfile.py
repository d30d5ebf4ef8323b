"""Reading one YAML file into nodes; what has no place in a declaration is refused by name.

Plain values follow YAML 1.2: only `true` and `false` are truth values, and `:name` is a text.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from batch_ops.errors import DeclarationError, Location
from batch_ops.spec.nodes import Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 5 * 1024 * 1024
MAX_LEVELS = 50

_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAB = re.compile(r"^ *\t[ \t]*[^\s]", re.MULTILINE)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_SHOWN = 100


def read(path: Path, name: str | None = None) -> str:
    """The text of a declaration file.

    Raises:
        DeclarationError: it cannot be read, is too large or not UTF-8.
    """
    shown = name or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        what = f"The file cannot be read: {error.strerror}."
        raise DeclarationError(what, location=Location(shown)) from error
    return decode(data, shown)


def decode(data: bytes, name: str) -> str:
    """The bytes of a declaration file as text; a byte order mark and CRLF are taken away."""
    if len(data) > MAX_BYTES:
        what = f"The file has {len(data):,} bytes; a declaration may have {MAX_BYTES:,}."
        raise DeclarationError(what, todo="Is it a data file?", location=Location(name))
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        place = Location(name, line, column, repr(data[error.start : error.start + 8]))
        todo = "Save the file as UTF-8."
        raise DeclarationError("The file is not UTF-8.", todo=todo, location=place) from error


def parse(text: str, name: str) -> Node:
    """The nodes of a declaration.

    Args:
        text: YAML of one document.
        name: the file's name, for messages.

    Raises:
        DeclarationError: it is no YAML, or holds what a declaration may not hold.
    """
    _refuse_size(text, name)
    _refuse_tabs(text, name)
    try:
        return _Builder(text, name).build()
    except MarkedYAMLError as error:
        raise _as_declaration_error(error, text, name) from error
    except YAMLError as error:
        what = f"This is no YAML: {str(error).splitlines()[0]}."
        place = _at(text, name, getattr(error, "position", 0))
        raise DeclarationError(what, location=place) from error


def _refuse_size(text: str, name: str) -> None:
    if len(text) > MAX_BYTES:
        what = f"The file has {len(text):,} characters; a declaration may have {MAX_BYTES:,}."
        raise DeclarationError(what, todo="Is it a data file?", location=Location(name))


def _refuse_tabs(text: str, name: str) -> None:
    if found := _TAB.search(text):
        place = _at(text, name, found.start() + found.group().index("\t"))
        todo = "Indent with spaces."
        raise DeclarationError("A tab is used as indentation.", todo=todo, location=place)


def _as_declaration_error(error: MarkedYAMLError, text: str, name: str) -> DeclarationError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    reason = ", ".join(str(part) for part in (error.context, error.problem) if part)
    place = Location(name, line, column, _line(text, line))
    todo = "Is a quote, a bracket or the indentation wrong near here?"
    return DeclarationError(f"This is no YAML: {reason}.", todo=todo, location=place)


def _at(text: str, name: str, offset: int) -> Location:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return Location(name, line, column, _line(text, line))


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number - 1].strip()[:_SHOWN] if 0 < number <= len(lines) else ""


class _Open:
    """A list or mapping whose end was not read yet."""

    def __init__(self, location: Location, label: Location | None, *, mapping: bool) -> None:
        self.location, self.label = location, label
        self.elements: list[Node] = []
        self.items: dict[str, Node] | None = {} if mapping else None
        self.key: str | None = None
        self.key_location: Location | None = None


class _Builder:
    """Builds nodes from the parser's events, without recursion."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name
        self._lines = tuple(text.split("\n"))
        self._open: list[_Open] = []
        self._root: Node | None = None
        self._documents = 0

    def build(self) -> Node:
        for event in self._events():
            self._take(event)
        if self._root is None or self._root.value is None:
            todo = "Write an entity: `name: …`, `fields: …`."
            place = Location(self._name, 1, 1)
            raise DeclarationError("The file is empty.", todo=todo, location=place)
        return self._root

    def _events(self) -> Iterator[Any]:
        yield from YAML(typ="rt", pure=True).parse(self._text)

    def _take(self, event: Any) -> None:
        self._refuse_extras(event)
        match event:
            case DocumentStartEvent():
                self._start_document(event)
            case ScalarEvent():
                self._scalar(event)
            case MappingStartEvent() | SequenceStartEvent():
                self._start(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._end()

    def _refuse_extras(self, event: Any) -> None:
        if isinstance(event, AliasEvent):
            raise self._error(event, f"The alias *{event.anchor} is not allowed here.")
        if getattr(event, "anchor", None):
            raise self._error(event, f"The anchor &{event.anchor} is not allowed here.")
        if getattr(event, "tag", None):
            raise self._error(event, f"The tag {event.tag} is not allowed here.")

    def _start_document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            todo = "Write one entity in a file, without a second `---`."
            raise self._error(event, "The file holds several documents.", todo)

    def _scalar(self, event: Any) -> None:
        if sign := _NO_TEXT.search(event.value):
            told = "the sign NUL" if sign[0] == "\0" else "half a sign, which is no Unicode"
            raise self._error(event, f"The text holds {told}.", "No database can keep it.")
        value = event.value if event.style or not event.implicit[0] else _resolve(event.value)
        if event.style == ">":  # the library marks where a line was folded by a bell
            value = event.value.replace("\a", "")
        self._add(value, event, style=event.style or "")

    def _start(self, event: Any) -> None:
        if len(self._open) >= MAX_LEVELS:
            raise self._error(event, f"The file is nested deeper than {MAX_LEVELS} levels.")
        self._refuse_as_key(event)
        parent = self._open[-1] if self._open else None
        label = parent.key_location if parent else None
        mapping = isinstance(event, MappingStartEvent)
        self._open.append(_Open(self._place(event), label, mapping=mapping))

    def _refuse_as_key(self, event: Any) -> None:
        if self._open and self._open[-1].items is not None and self._open[-1].key is None:
            raise self._error(event, "A list or a mapping cannot be a name.")

    def _end(self) -> None:
        done = self._open.pop()
        value = tuple(done.elements) if done.items is None else done.items
        self._put(Node(value, done.location, done.label, lines=self._lines))

    def _add(self, value: Scalar, event: Any, style: str) -> None:
        parent = self._open[-1] if self._open else None
        if parent and parent.items is not None and parent.key is None:
            self._key(parent, event)
            return
        label = parent.key_location if parent else None
        self._put(Node(value, self._place(event), label, style, self._lines))

    def _key(self, parent: _Open, event: Any) -> None:
        if parent.items is not None and event.value in parent.items:
            first = parent.items[event.value].label
            where = f" first in line {first.line}" if first else ""
            raise self._error(event, f"{event.value!r} stands here twice,{where}.")
        parent.key, parent.key_location = event.value, self._place(event)

    def _put(self, node: Node) -> None:
        parent = self._open[-1] if self._open else None
        if parent is None:
            self._root = node
        elif parent.items is None:
            parent.elements.append(node)
        else:
            parent.items[str(parent.key)] = node
            parent.key = parent.key_location = None

    def _place(self, event: Any) -> Location:
        mark = event.start_mark
        text = self._lines[mark.line] if mark.line < len(self._lines) else ""
        return Location(self._name, mark.line + 1, mark.column + 1, text.strip()[:_SHOWN])

    def _error(self, event: Any, what: str, todo: str = "") -> DeclarationError:
        return DeclarationError(what, todo=todo, location=self._place(event))


def _resolve(text: str) -> Scalar:
    """A plain scalar's value by YAML 1.2; dates, and numbers beyond all sizes, stay texts."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and isfinite(float(text)):
        return float(text)
    return text
