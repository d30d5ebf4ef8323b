"""Good entity files made wrong, one place at a time, by a seed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import batch_ops
from batch_ops.spec.catalog import declaration_files
from batch_ops.spec.options import OPTIONS
from batch_ops.spec.yamlfile import parse
from batch_ops_tests.support import accounts, hostile, things
from batch_ops_tests.support.document import blocks, entity_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.spec.nodes import Node

Texts = dict[str, str]
PROJECT = Path(batch_ops.__file__).parents[1]
USER = """
name: user
fields: {id: uuid, email: string, status: string, updated_at: timestamp, legacy_id: integer,
  migrated_at: timestamp, migration_version: string, is_admin: boolean, deactivated_at: timestamp,
  last_login_at: timestamp, deactivation_reason: string, total_amount: "decimal(10,2)",
  approved_at: timestamp, approved_by: string, product_id: integer, name: string,
  price: "decimal(10,2)", last_updated: timestamp, customer_id: integer, month: string,
  amount: "decimal(10,2)", category: string, category_id: integer, created_at: timestamp}
"""
BASE = "operation: extend\noperation_type: update\nupdate_data: {status: seen}\n"
_TARGET, _HERE = "target_entity: ", "the value goes here"
_EXPRESSIONS = ("where_condition", "sql", "row", "check")
_LISTS = ("preconditions", "postconditions", "validation_rules")
_VALUES = ("update_data", "insert_data", "upsert_data")
_COLUMN_LISTS = ("key", "hidden", "select_fields", "conflict_target")
_CHOSEN = (
    *("operation_type", "error_handling", "on_conflict", "logging_level", "data_source", "type"),
    *("target_entity", "depends_on", "references", *_COLUMN_LISTS),
)
_NAMED = (
    *("name", "operation", "table", "output", "log_table", "metrics_table", "connection"),
    *("target_entity", "function", "notification_channels", *_COLUMN_LISTS),
)


@dataclass(frozen=True)
class Mutant:
    """Files of which one is wrong. right: the word that was there, where one was misspelled."""

    texts: Texts
    file: str
    change: str
    line: int = 0
    right: str | None = None


@dataclass(frozen=True)
class Spot:
    """A place in a good file that can be made wrong."""

    texts: Texts
    file: str
    path: tuple[str | int, ...]
    node: Node


def good_files() -> list[Texts]:
    """Every group of entity files of the repository that load together."""
    found = [_folder(folder) for folder in definition_folders()]
    found += [{"accounts.yaml": accounts.ACCOUNTS}, {"things.yaml": things.DECLARATION}]
    return [group for group in [*found, *map(_block, blocks())] if group]


def definition_folders() -> list[Path]:
    """The folders of the repository that hold entity files: those called `defs`."""
    roots = ("batch_ops", "demo", "examples")
    return [folder for root in roots for folder in sorted((PROJECT / root).rglob("defs"))]


def _folder(folder: Path) -> Texts:
    return {path.name: path.read_text() for path in declaration_files(folder)}


def _block(block: str) -> Texts:
    """A block of the document, about one wide entity of the name it works on."""
    named = [line.split(_TARGET)[1] for line in block.splitlines() if _TARGET in line]
    entity = USER.replace("name: user", f"name: {named[0].strip()}") if named else USER
    return {"block.yaml": entity_file(block, entity, BASE)}


class Mutator:
    """Makes mutants of good files by a seed."""

    def __init__(self, seed: int, goods: list[Texts]) -> None:
        self._random = random.Random(seed)
        self._goods = goods
        self.spots = [s for texts in goods for file in texts for s in _spots(texts, file)]

    def many(self, make: Callable[[], Mutant | None], number: int) -> list[Mutant]:
        """So many different mutants of one class."""
        found: dict[str, Mutant] = {}
        for _ in range(number * 60):
            mutant = make()
            if mutant is not None:
                found.setdefault(mutant.texts[mutant.file], mutant)
            if len(found) == number:
                break
        return list(found.values())

    # classes

    def misspelled_option(self) -> Mutant | None:
        """A typo in an option's name."""
        spot = self._choose(lambda s: s.path[-1] in OPTIONS and _is_option(s))
        word = str(spot.path[-1])
        wrong = self._typo(word)
        if wrong in OPTIONS or wrong == word:
            return None
        return self._with_key(spot, wrong, right=word)

    def misspelled_column(self) -> Mutant | None:
        """A typo in the name of a column that gets a value."""
        spot = self._choose(
            lambda s: s.path[-2:-1] and s.path[-2] in _VALUES and len(s.path[-1]) > 3
        )
        word = str(spot.path[-1])
        wrong = self._typo(word)
        columns = parse(spot.texts[spot.file], spot.file).items["fields"].items
        return None if wrong in columns else self._with_key(spot, wrong, right=word)

    def misspelled_value(self) -> Mutant | None:
        """A typo in a word that is one of several: a kind, an entity, a column, a step."""
        spot = self._choose(lambda s: _belongs(s, _CHOSEN) and _plain_word(s.node.value))
        word = str(spot.node.value)
        wrong = self._typo(word)
        return None if wrong == word else self._with_value(spot, wrong, right=word)

    def wrong_type(self) -> Mutant | None:
        """Something of another kind where an option's value stands."""
        spot = self._choose(lambda s: s.path[-1] in OPTIONS and _is_option(s))
        others = [
            "42",
            "-1",
            "1.5",
            "true",
            "~",
            "[1, 2]",
            "{a: b}",
            "[]",
            "{}",
            '""',
            "2013-01-01",
        ]
        return self._with_value(spot, self._random.choice(others), quote=False)

    def cut(self) -> Mutant:
        """A file that ends too early."""
        texts = self._random.choice(self._goods)
        file = self._random.choice(list(texts))
        at = self._random.randrange(len(texts[file]))
        return Mutant({**texts, file: texts[file][:at]}, file, f"cut at {at}")

    def wrong_lines(self) -> Mutant:
        """A line that is missing, stands twice, is indented otherwise or changed its place."""
        texts = self._random.choice(self._goods)
        file = self._random.choice(list(texts))
        lines = texts[file].splitlines(keepends=True)
        at = self._random.randrange(len(lines))
        line, kind = lines[at], self._random.randrange(6)
        other = self._random.randrange(len(lines))
        changed = {
            0: [*lines[:at], *lines[at + 1 :]],
            1: [*lines[:at], line, line, *lines[at + 1 :]],
            2: [*lines[:at], " " + line, *lines[at + 1 :]],
            3: [*lines[:at], line[1:], *lines[at + 1 :]],
            4: [*lines[:at], "\t" + line, *lines[at + 1 :]],
            5: _moved(lines, at, other),
        }[kind]
        return Mutant({**texts, file: "".join(changed)}, file, f"line {at + 1}, kind {kind}")

    def wrong_sign(self) -> Mutant:
        """A sign that is missing, doubled or another one."""
        texts = self._random.choice(self._goods)
        file = self._random.choice(list(texts))
        text = texts[file]
        at = self._random.randrange(len(text))
        sign = self._random.choice(["", text[at] * 2, *":-{}[]'\"#&*!|>%@,\t\n\x00é\u202e"])
        return Mutant({**texts, file: text[:at] + sign + text[at + 1 :]}, file, f"{at}: {sign!r}")

    def hostile_expressions(self) -> Iterator[Mutant]:
        """Every hostile text, at three of the places where an expression stands."""
        places = [spot for spot in self.spots if _is_expression(spot)]
        for text in hostile.EXPRESSIONS:
            for spot in self._random.sample(places, 3):
                yield self._with_value(spot, text)

    def hostile_names(self) -> Iterator[Mutant]:
        """Every hostile name, at four of the places where a name stands."""
        places = [s for s in self.spots if _belongs(s, _NAMED) and isinstance(s.node.value, str)]
        for name in hostile.NAMES:
            for spot in self._random.sample(places, 4):
                yield self._with_value(spot, name)

    # pieces

    def _choose(self, fits: Callable[[Spot], bool]) -> Spot:
        return self._random.choice([spot for spot in self.spots if fits(spot)])

    def _typo(self, word: str) -> str:
        """One slip of the finger: a letter is missing, doubled, another one, or two changed places.
        The first letter is right, as it mostly is.
        """
        at = self._random.randrange(1, len(word)) if len(word) > 2 else 1
        kind = self._random.randrange(4)
        if kind == 0 and len(word) > 3:
            return word[:at] + word[at + 1 :]
        if kind == 1:
            return word[:at] + word[at - 1] + word[at:]
        if kind == 2 and 1 < at + 1 < len(word):
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        return word[:at] + self._random.choice("aeiourstx") + word[at + 1 :]

    def _with_key(self, spot: Spot, key: str, right: str) -> Mutant:
        place = spot.node.label
        assert place
        text = _replaced(spot.texts[spot.file], place.line, place.column, str(spot.path[-1]), key)
        return Mutant({**spot.texts, spot.file: text}, spot.file, f"key {key}", place.line, right)

    def _with_value(
        self, spot: Spot, value: str, *, quote: bool = True, right: str | None = None
    ) -> Mutant:
        """The file with another value: written anew as JSON, which is YAML too."""
        plain = parse(spot.texts[spot.file], spot.file).plain
        text = json.dumps(_with(plain, spot.path, _HERE), indent=1, ensure_ascii=False)
        put = json.dumps(value, ensure_ascii=False) if quote else value
        text = text.replace(f'"{_HERE}"', put)
        return Mutant({**spot.texts, spot.file: text}, spot.file, f"{spot.path}: {value}", 0, right)


def _spots(texts: Texts, file: str) -> Iterator[Spot]:
    waiting: list[tuple[tuple[str | int, ...], Node]] = [((), parse(texts[file], file))]
    while waiting:
        path, node = waiting.pop()
        if path:
            yield Spot(texts, file, path, node)
        if isinstance(node.value, tuple):
            waiting += [((*path, n), child) for n, child in enumerate(node.value)]
        elif node.kind == "a mapping":
            waiting += [((*path, key), child) for key, child in node.items.items()]


def _is_option(spot: Spot) -> bool:
    """Whether a key is an option and no column or value of the same name."""
    return not {"fields", "input", "field_mapping", "parameters", *_VALUES} & {*spot.path[:-1]}


def _is_expression(spot: Spot) -> bool:
    if not isinstance(spot.node.value, str) or "input" in spot.path:
        return False
    return spot.path[-1] in _EXPRESSIONS or (
        len(spot.path) > 1 and spot.path[-2] in _LISTS and isinstance(spot.path[-1], int)
    )


def _belongs(spot: Spot, options: tuple[str, ...]) -> bool:
    named = [part for part in spot.path if isinstance(part, str)]
    inside = {"fields", *_VALUES} & {*spot.path[:-1]}
    return bool(named) and named[-1] in options and (not inside or named[-1] == "references")


def _plain_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) > 3 and value.replace("_", "").isalpha()


def _moved(lines: list[str], at: int, to: int) -> list[str]:
    rest = [*lines[:at], *lines[at + 1 :]]
    return [*rest[:to], lines[at], *rest[to:]]


def _replaced(text: str, line: int, column: int, old: str, new: str) -> str:
    lines = text.split("\n")
    before, after = lines[line - 1][: column - 1], lines[line - 1][column - 1 :]
    lines[line - 1] = before + after.replace(old, new, 1)
    return "\n".join(lines)


def _with(plain: Any, path: tuple[str | int, ...], value: str) -> Any:
    """The plain tree with another value at the path."""
    if not path:
        return value
    made = dict(plain) if isinstance(plain, dict) else list(plain)
    made[path[0]] = _with(plain[path[0]], path[1:], value)
    return made
