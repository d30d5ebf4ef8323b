"""Reading `batch_ops.toml`: every key is known, or refused with the nearest right word."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from batch_ops.engine.place import FILE, TIMEOUT, Place, Setting, Variable
from batch_ops.errors import Location, UnknownNameError, UsageError
from batch_ops.spec.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

SECTIONS = ("notify", "actors", "python", "connections", "journal")
_NAME = re.compile(r"[A-Za-z][\w-]*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)


def read_place(folder: Path) -> Place:
    """The settings of a project folder; without the file there are none.

    Raises:
        UsageError: the file cannot be read, or a key or value in it is wrong.
    """
    file = folder / FILE
    if not file.is_file():
        return Place()
    try:
        text = file.read_text("utf-8")
        said = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        line = re.search(r"line (\d+), column (\d+)", str(error))
        row, column = map(int, line.groups()) if line else (0, 0)
        where = Location(str(file), row, column, secret=True)
        raise UsageError(f"{FILE} cannot be read: {error}", location=where) from error
    return _Reader(str(file), text).place(said)


class _Reader:
    """Judges the tables of one file; an error tells the line, as far as a key can be found."""

    def __init__(self, file: str, text: str) -> None:
        self._file, self._lines = file, text.splitlines()

    def place(self, said: Mapping[str, Any]) -> Place:
        for name in said:
            self._known(name, SECTIONS, "section")
        tables = {name: self._table(said.get(name, {}), name) for name in SECTIONS}
        return Place(
            notify=self._settings(tables["notify"], "notify"),
            actors={name: self._actor(name, value) for name, value in tables["actors"].items()},
            modules=self._python(tables["python"]),
            connections=self._settings(tables["connections"], "connections"),
            kept_for=self._retention(tables["journal"]),
        )

    def _settings(self, table: Mapping[str, Any], section: str) -> dict[str, Setting]:
        return {name: self._setting(name, value, section) for name, value in table.items()}

    def _setting(self, name: str, value: Any, section: str) -> Setting:
        if not _NAME.fullmatch(name) or (section == "notify" and name.lower() == TIMEOUT):
            raise self._wrong(f"{name!r} is no name for an entry of [{section}].", name, section)
        if isinstance(value, dict):
            return self._variable(name, value, section)
        if not isinstance(value, str) or not _URL.fullmatch(value):
            what = f"{section}.{name} is no URL."
            raise self._wrong(what, name, section, 'Write "scheme://…" or {env = "NAME"}.')
        return value

    def _variable(self, name: str, value: Mapping[str, Any], section: str) -> Variable:
        for key in value:
            self._known(key, ("env",), "key", name, section)
        if not isinstance(value.get("env"), str) or not value["env"]:
            what = f"{section}.{name} names no variable."
            raise self._wrong(what, name, section, 'Write {env = "NAME"}.')
        return Variable(value["env"])

    def _actor(self, name: str, value: Any) -> frozenset[str]:
        table = self._table(value, f"actors.{name}")
        for key in table:
            self._known(key, ("permissions",), "key", key, f"actors.{name}")
        return frozenset(self._texts(table, "permissions", f"actors.{name}"))

    def _python(self, table: Mapping[str, Any]) -> tuple[str, ...]:
        for key in table:
            self._known(key, ("modules",), "key", key, "python")
        return self._texts(table, "modules", "python")

    def _retention(self, table: Mapping[str, Any]) -> timedelta | None:
        for key in table:
            self._known(key, ("retention",), "key", key, "journal")
        if "retention" not in table:
            return None
        try:
            return parse_duration(str(table["retention"]))
        except ValueError as error:
            what = f"journal.retention is {table['retention']!r}, which is no duration."
            raise self._wrong(what, "retention", "journal", f"Write {error}.") from error

    def _texts(self, table: Mapping[str, Any], key: str, section: str) -> tuple[str, ...]:
        found = table.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self._wrong(f"{section}.{key} is a list of names.", key, section)
        return tuple(found)

    def _table(self, value: Any, name: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            todo = f"Write [{name}] and its entries under it."
            raise self._wrong(f"{name!r} is a section.", name.rpartition(".")[2], None, todo)
        return value

    def _known(
        self,
        name: str,
        known: tuple[str, ...],
        kind: str,
        at: str | None = None,
        section: str | None = None,
    ) -> None:
        if name not in known:
            raise UnknownNameError(kind, name, known, location=self._at(at or name, section))

    def _wrong(self, what: str, key: str, section: str | None, todo: str = "") -> UsageError:
        return UsageError(what, todo=todo, location=self._at(key, section))

    def _at(self, key: str, section: str | None) -> Location:
        """The first line that gives the key in its section, or that begins the section; without
        its text: it may hold a password.
        """
        head, name = re.compile(r"\s*\[+\s*([^\]]*?)\s*\]"), re.escape(key)
        begins = re.compile(rf"\s*(\[+\s*)?[\"']?{name}[\"']?\s*[\].=]")
        inside = ""
        for number, line in enumerate(self._lines, 1):
            found = head.match(line)
            inside = found.group(1).replace('"', "") if found else inside
            if begins.match(line) and (section is None or inside == section):
                return Location(self._file, number, line.index(key) + 1, secret=True)
        return Location(self._file)
