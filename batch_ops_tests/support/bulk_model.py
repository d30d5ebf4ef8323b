"""What becomes of the table of things, row by row, in plain Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from batch_ops_tests.support.bulk_values import (
    COLUMNS,
    DEFAULTS,
    KEY,
    PARENTS,
    REQUIRED,
    Key,
    Row,
    Value,
    same,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

CHECK, UNIQUE, FOREIGN_KEY, NOT_NULL = "23514", "23505", "23503", "23502"
DONE = ("created", "updated", "unchanged", "deleted")
EXPECTED = "expected "
"""Before the name of a column: what is expected to stand in it."""
Kept = dict[str, Any]
Done = tuple[str, "Kept | None"]


class Judged(BaseModel):
    """The schema of things; of their columns it knows some."""

    number: int
    word: str
    title: str
    amount: Annotated[int, Field(le=90)] | None = None
    note: str | None = "noted"


@dataclass(frozen=True)
class Error:
    """A reason. columns: one of these is blamed."""

    code: str
    columns: frozenset[str | None]


def error(code: str, *columns: str | None) -> Error:
    return Error(code, frozenset(columns))


class RefusedError(Exception):
    """A row is refused. outcome: "failed", or "invalid" by the schema."""

    def __init__(self, *errors: Error, outcome: str = "failed") -> None:
        super().__init__(errors)
        self.errors, self.outcome = errors, outcome


@dataclass(frozen=True)
class Flow:
    """How a call goes. looks_on: rows after the one that ended it are prepared all the same."""

    size: int = 20_000
    atomic: bool = True
    goes_on: bool = False
    looks_on: bool = False


@dataclass(frozen=True)
class Task:
    """What is to become of one item of a call.

    Attributes:
        do: does it: the outcome, and the row where there is one.
        look: as far as it can be judged without the database.
        superseded: another item with this key counts.
        counted: whether a superseded item is counted, as skipped.
    """

    do: Callable[[], Done]
    look: Callable[[], Any] = lambda: None
    superseded: bool = False
    counted: bool = True


@dataclass
class Told:
    """What a call has to tell. refused: by place in the input; cascaded: rows of children."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: dict[int, RefusedError] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    rows: dict[str, list[Kept]] = field(default_factory=lambda: {name: [] for name in DONE})
    cascaded: int = 0
    raises: bool = False
    undone: bool = False

    def count(self, outcome: str) -> None:
        self.counts.update((outcome, "total"))

    def refuse(self, place: int, refused: RefusedError) -> None:
        self.count(refused.outcome)
        self.refused[place] = refused

    def add(self, other: Told, first: int = 0) -> None:
        """Take in what came after it. first: the place at which the other's input begins."""
        self.counts.update(other.counts)
        self.refused |= {first + place: refused for place, refused in other.refused.items()}
        self.missing += [first + place for place in other.missing]
        for name in DONE:
            self.rows[name] += other.rows[name]
        self.cascaded += other.cascaded

    def undo(self) -> None:
        """It is rolled back."""
        for name in DONE:
            self.counts["skipped"] += self.counts.pop(name, 0)
            self.rows[name] = []
        self.cascaded, self.undone = 0, True


@dataclass
class Model:
    """The table of things, by key, and the keys to which its children refer, by id.

    Attributes:
        skips_first: whether the database judges no row that is to be skipped.
    """

    skips_first: bool = False
    rows: dict[Key, Kept] = field(default_factory=dict)
    children: dict[int, Key] = field(default_factory=dict)

    # calls

    def play(self, tasks: Sequence[Task], flow: Flow) -> Told:
        """Do a call's tasks in order, batch by batch."""
        told, before = Told(), self._state()
        stopped = False
        for start in range(0, len(tasks), flow.size):
            places = range(start, min(start + flow.size, len(tasks)))
            part = self._looked(tasks, places) if stopped else self._batch(tasks, places, flow)
            told.add(part)
            stopped = stopped or bool(part.refused and not flow.goes_on)
            if stopped and not (flow.atomic and flow.looks_on):
                break
        return self._ended(told, flow, before)

    def _ended(self, told: Told, flow: Flow, before: Any) -> Told:
        if flow.atomic and told.refused:
            self._restore(before)
            told.undo()
        told.raises = bool(told.refused) and not flow.goes_on
        return told

    def both(self, puts: Callable[[], Told], deletes: Callable[[], Told], flow: Flow) -> Told:
        """Two calls, of which the second one's input begins where the first one's ends."""
        before = self._state()
        told = puts()
        if flow.goes_on or not told.refused:
            told.add(deletes(), told.counts["total"])
        told.undone = False
        return self._ended(told, flow, before)

    def _batch(self, tasks: Sequence[Task], places: range, flow: Flow) -> Told:
        told, before = Told(), self._state()
        for place in places:
            self._one(tasks[place], place, told)
        if told.refused and not flow.atomic and not flow.goes_on:
            self._restore(before)
            told.undo()
            told.undone = False
        return told

    def _one(self, task: Task, place: int, told: Told) -> None:
        if task.superseded:
            told.counts.update(("skipped", "total") if task.counted else ())
            return
        children = len(self.children)
        try:
            outcome, row = task.do()
        except RefusedError as refused:
            told.refuse(place, refused)
            return
        told.count(outcome)
        told.cascaded += children - len(self.children)
        if outcome == "not_found":
            told.missing.append(place)
        if row is not None and outcome in DONE:
            told.rows[outcome].append(dict(row))

    def _looked(self, tasks: Sequence[Task], places: range) -> Told:
        told = Told()
        for place in places:
            try:
                if not tasks[place].superseded:
                    tasks[place].look()
                told.count("skipped")
            except RefusedError as refused:
                told.refuse(place, refused)
        return told

    def _state(self) -> Any:
        return {key: dict(row) for key, row in self.rows.items()}, dict(self.children)

    def _restore(self, state: Any) -> None:
        self.rows, self.children = state

    # what a call does with a row

    def create(self, given: Kept) -> Done:
        """A new row."""
        row = DEFAULTS | given
        _judge(row)
        if taken := self.taken(row):
            raise RefusedError(error(UNIQUE, *taken))
        return "created", self._put(row)

    def create_or_skip(self, given: Kept, target: Sequence[str]) -> Done:
        """A new row, unless one is there that is the same in the target's columns, or in any
        unique ones.
        """
        row = DEFAULTS | given
        taken = self.taken(row)
        skipped = bool(taken.intersection(target) if target else taken)
        if not (skipped and self.skips_first):
            _judge(row)
        if skipped:
            return "skipped", None
        if taken:
            raise RefusedError(error(UNIQUE, *taken))
        return "created", self._put(row)

    def upsert(self, given: Kept, target: Sequence[str], *, replace: bool, counting: bool) -> Done:
        """A new row, or what is given set on the one that is there."""
        row = DEFAULTS | given
        _judge(row)
        there = self._same(row, target)
        if there is None:
            return self.create(given)
        counts = counting and "version" not in given
        fixed = (*KEY, *target, *(("version",) if counts else ()))
        settings = {n: row[n] for n in (COLUMNS if replace else given) if n not in fixed}
        if settings.items() <= there.items():
            return "unchanged", there
        if counts:
            settings["version"] = there["version"] + 1
        return "updated", self._change(there, settings)

    def update(self, key: Key, settings: Kept, *, counting: bool) -> Done:
        """Columns of a row that is there."""
        row = self.rows[key]
        if counting and "version" not in settings:
            settings = {**settings, "version": row["version"] + 1}
        return "updated", self._change(row, settings)

    def delete(self, key: Key, *, cascade: bool) -> Done:
        """A row that is there."""
        referring = [child for child, parent in self.children.items() if parent == key]
        if referring and not cascade:
            raise RefusedError(error(FOREIGN_KEY, None, *KEY))
        for child in referring:
            del self.children[child]
        return "deleted", self.rows.pop(key)

    # what a database does

    def taken(self, row: Kept, but: Kept | None = None) -> set[str]:
        """The columns of unique values that another row has."""
        others = [other for other in self.rows.values() if other is not but]
        found = {n for n in KEY if any(_key(other) == _key(row) for other in others)}
        if row["mark"] is not None and row["mark"] in [other["mark"] for other in others]:
            found.add("mark")
        return found

    def _same(self, row: Kept, target: Sequence[str]) -> Kept | None:
        wanted = [row[name] for name in target]
        same_ = (r for r in self.rows.values() if [r[name] for name in target] == wanted)
        return None if None in wanted else next(same_, None)

    def _put(self, row: Kept) -> Kept:
        if row["parent"] not in PARENTS:
            raise RefusedError(error(FOREIGN_KEY, "parent"))
        self.rows[_key(row)] = row
        return row

    def _change(self, there: Kept, settings: Kept) -> Kept:
        row = there | settings
        _judge(row)
        if taken := self.taken(row, but=there):
            raise RefusedError(error(UNIQUE, *taken))
        return self._put(row)


def _key(row: Kept) -> Key:
    return row["number"], row["word"]


def _judge(row: Kept) -> None:
    if row["amount"] is not None and not row["amount"] > 0:
        raise RefusedError(error(CHECK, "amount"))


# what is judged before


def adapted(row: Row, required: Sequence[str] = REQUIRED) -> Kept:
    """The values as they are kept."""
    errors = [
        error(value.code, name.removeprefix(EXPECTED), *(() if value.blamed else (None,)))
        for name, value in row.items()
        if value.code
    ]
    errors += [error(NOT_NULL, name) for name in required if name not in row]
    if errors:
        raise RefusedError(*errors)
    return {name: value.kept for name, value in row.items()}


def read_by_schema(row: Row) -> Row:
    """A row as the schema reads it."""
    made = validated({name: value.given for name, value in row.items()}).model_dump()
    return row | {name: _read(row.get(name), new) for name, new in made.items()}


def validated(given: Mapping[str, Any]) -> Judged:
    """A record by the schema."""
    try:
        return Judged.model_validate(dict(given))
    except ValidationError as refused:
        errors = [error("schema", str(one["loc"][0])) for one in refused.errors()]
        raise RefusedError(*errors, outcome="invalid") from refused


def _read(old: Value | None, new: Any) -> Value:
    unread = old is not None and type(old.given) is type(new) and old.given == new
    return old if unread and old is not None else same(new)


def repeats(keys: Sequence[Any], *, keep_last: bool) -> Iterator[bool]:
    """Of each key (None: it has none that counts) whether another one of it counts."""
    places = range(len(keys))
    counting = {keys[p]: p for p in (places if keep_last else reversed(places))}
    return (key is not None and counting[key] != place for place, key in enumerate(keys))
