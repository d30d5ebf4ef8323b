"""Random calls on the table of things: rows and keys in every form, and options."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pandas as pd
from hypothesis import strategies as st
from pydantic import create_model

from batch_ops_tests.support.bulk_model import Flow, Judged
from batch_ops_tests.support.bulk_tasks import Change
from batch_ops_tests.support.bulk_values import (
    ABSENT,
    BAD,
    BAD_KEYS,
    COLUMNS,
    GOOD,
    KEY,
    KEYS,
    LACKING,
    NULL,
    ODD_KEYS,
    Row,
    Value,
    key_of,
    same,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from batch_ops_tests.support.bulk_model import Kept
    from batch_ops_tests.support.bulk_values import KeyValues

FILL = {"title": same("t"), "state": same("new"), "version": same(0)}
USUAL = {"title": same("t"), "amount": same(5)}
USUALLY: tuple[Row, ...] = ({},) * 12
MOST, LIKE_THERE, WITH_STATE = 9, 8, (6, 7)
SIZES = (None, None, 1, 2, 2, 3, 3, 4, 5, 7)


class Form(StrEnum):
    """How rows are given."""

    DICTS = "dicts"
    MODELS = "models"
    TUPLES = "tuples"
    RECORDS = "records"
    FRAME = "frame"
    TYPED = "typed frame"


class KeyForm(StrEnum):
    """How keys are given."""

    TUPLES = "tuples"
    LISTS = "lists"
    DICTS = "dicts"
    RECORDS = "records"
    WRAPPED = "wrapped"
    FRAME = "frame"


FORMS = (*Form, Form.DICTS, Form.DICTS, Form.MODELS)
KEY_FORMS = (*KeyForm, KeyForm.WRAPPED, KeyForm.WRAPPED)
_LEAST = st.sampled_from([0, 1, 3, 5])


class Bind(StrEnum):
    """What a table is given to work on; with the last two it takes part in a transaction."""

    URL = "url"
    ENGINE = "engine"
    CONNECTION = "connection"
    SESSION = "session"


JOINED = (Bind.CONNECTION, Bind.SESSION)
LOOSE = (Form.DICTS, Form.MODELS)
"""Forms in which a row may lack what others have."""
HERE = {"__module__": __name__}
Record: Any = make_dataclass("Record", [(name, Any) for name in COLUMNS], namespace=HERE)
KeyRecord: Any = make_dataclass("KeyRecord", [(name, Any) for name in KEY], namespace=HERE)
FIELDS: dict[str, Any] = dict.fromkeys(COLUMNS, (Any, ...))
Given: Any = create_model("Given", __module__=__name__, **FIELDS)


@dataclass(frozen=True)
class Recipe:
    """A row before it is known what the table holds.

    Attributes:
        mark: which kind of mark it has.
        spare: for what a call may say about an item besides.
    """

    key: KeyValues
    parts: tuple[Row, Row]
    mark: int
    spare: int

    def row(self, usual: Row, there: Kept | None) -> Row:
        """The row, without its mark; one of four is just like the one that is there, and some have
        a field, which others leave to its default, without need.

        Args:
            usual: what it has if nothing else is said.
            there: the row that has its key.
        """
        named = dict(zip(KEY, self.key, strict=True))
        if there is not None and self.spare > LIKE_THERE:
            return {**named, **{name: same(there[name]) for name in usual}}
        more = {"state": same("new")} if usual and self.spare in WITH_STATE else {}
        return {**named, **usual, **more, **self.parts[0], **self.parts[1]}


@dataclass(frozen=True)
class Rows:
    """Rows of a call, and how they are given."""

    recipes: list[Recipe]
    form: Form
    lazily: bool


@dataclass(frozen=True)
class KeyList:
    """Keys of a call, and how they are given. spare: what each may say besides."""

    keys: list[KeyValues]
    spare: list[int]
    form: KeyForm
    lazily: bool


@dataclass(frozen=True)
class Options:
    """Options of a call, and the table it is called on.

    Attributes:
        judged: whether the table has a schema.
        counting: whether it has a version.
    """

    atomic: bool
    continue_on_error: bool | None
    return_rows: bool
    batch_size: int | None
    lanes: int
    validate: bool
    judged: bool
    counting: bool
    bind: Bind

    @property
    def by_schema(self) -> bool:
        return self.judged and self.validate

    @property
    def goes_on(self) -> bool:
        return not self.atomic if self.continue_on_error is None else self.continue_on_error

    def flow(self, *, looks_on: bool = False) -> Flow:
        return Flow(self.batch_size or 20_000, self.atomic, self.goes_on, looks_on)

    def arguments(self, lanes: int) -> dict[str, Any]:
        """Keyword arguments of a call. lanes: so many are allowed."""
        # which batches are still written beside one that failed is a matter of chance
        several = not self.atomic and self.goes_on and self.bind not in JOINED
        return {
            "atomic": self.atomic,
            "continue_on_error": self.continue_on_error,
            "return_rows": self.return_rows,
            "batch_size": self.batch_size,
            "max_concurrency": min(self.lanes, lanes) if several else 1,
            "validate": self.validate,
        }


def options() -> st.SearchStrategy[Options]:
    flags = st.booleans()
    words = st.sampled_from([None, None, True, False])
    sizes = st.sampled_from(SIZES)
    lanes, binds = st.sampled_from([1, 1, 2, 3]), st.sampled_from((*Bind, Bind.URL))
    return st.builds(Options, flags, words, flags, sizes, lanes, flags, flags, flags, binds)


@st.composite
def rows(draw: st.DrawFn, *, keyed: bool = False) -> Rows:
    """Rows, of which in one of two calls some are bad. keyed: whether each has a key."""
    dirty = draw(st.booleans())
    key = st.sampled_from(draw(_keys(dirty)))
    bad = (*BAD, *(() if keyed else LACKING))
    part = st.sampled_from(USUALLY + (GOOD * 3 + bad if dirty else GOOD))
    nothing: st.SearchStrategy[Row] = st.just({})
    parts = st.one_of(st.tuples(part, nothing), st.tuples(part, part))
    recipe = st.builds(Recipe, key, parts, st.integers(0, 11), st.integers(0, 11))
    found = draw(st.lists(recipe, min_size=draw(_LEAST), max_size=MOST))
    return Rows(found, draw(st.sampled_from(FORMS)), draw(st.booleans()))


@st.composite
def keys(draw: st.DrawFn) -> KeyList:
    """Keys, of which in one of two calls some are bad."""
    key = st.sampled_from(draw(_keys(draw(st.booleans()))))
    item = st.tuples(key, st.integers(0, 3))
    found = draw(st.lists(item, min_size=draw(_LEAST), max_size=MOST))
    form, lazily = draw(st.sampled_from(KEY_FORMS)), draw(st.booleans())
    return KeyList([key for key, _ in found], [spare for _, spare in found], form, lazily)


def _keys(dirty: bool) -> st.SearchStrategy[Sequence[KeyValues]]:
    """Keys to choose from: in one of two calls few, so that they come more than once."""
    known = KEYS * 3 + ODD_KEYS + (BAD_KEYS if dirty else ())
    few = st.lists(st.sampled_from(known), min_size=1, max_size=4)
    return st.one_of(st.just(known), few)


# forms


def completed(rows: Sequence[Row], form: Form) -> list[Row]:
    """Rows as this form can hold them: in most of them no row lacks what others have."""
    if form in LOOSE:
        return [{n: v for n, v in row.items() if v is not ABSENT} for row in rows]
    given = {name for row in rows for name in row}
    names = [name for name in COLUMNS if name in given or form is Form.RECORDS]
    return [{name: _filled(row.get(name), name) for name in names} for row in rows]


def _filled(value: Value | None, name: str) -> Value:
    if value is ABSENT:
        return Value(None, code="23502")
    return FILL.get(name, NULL) if value is None else value


def given(rows: Sequence[Row], form: Form, *, lazily: bool) -> tuple[Any, list[str] | None]:
    """What is handed over for rows, and `columns=`."""
    plain = [{name: value.given for name, value in row.items()} for row in rows]
    if form is Form.TUPLES:
        names = list(plain[0]) if plain else ["number"]
        return _maybe_lazy([tuple(row.values()) for row in plain], lazily), names
    if form in (Form.FRAME, Form.TYPED):
        return _frame(plain, typed=form is Form.TYPED), None
    makers: dict[Form, Any] = {
        Form.DICTS: dict,
        Form.MODELS: Given.model_construct,
        Form.RECORDS: Record,
    }
    made = [makers[form](**row) for row in plain]
    return _maybe_lazy(made, lazily), None


def given_keys(keys: KeyList, options: Iterable[dict[str, Any]] = ()) -> Any:
    """What is handed over for keys. options: of each item, where they are wrapped."""
    plain = [tuple(value.given for value in key) for key in keys.keys]
    dicts = [dict(zip(KEY, key, strict=True)) for key in plain]
    if keys.form is KeyForm.FRAME:
        return _frame(dicts, typed=True)
    made: list[Any] = plain
    if keys.form is KeyForm.LISTS:
        made = [list(key) for key in plain]
    elif keys.form is KeyForm.DICTS:
        made = dicts
    elif keys.form is KeyForm.RECORDS:
        made = [KeyRecord(*key) for key in plain]
    elif keys.form is KeyForm.WRAPPED:
        pairs = zip(plain, options or [{} for _ in plain], strict=True)
        made = [{"key": key, **({"options": more} if more else {})} for key, more in pairs]
    return _maybe_lazy(made, keys.lazily)


def wrapped(
    rows: Sequence[Row], expected: Sequence[Value | None], *, pairs: bool, lazily: bool
) -> Any:
    """What is handed over for changes: pairs of key and data, or dicts of both and options."""
    items: list[Any] = []
    for row, version in zip(rows, expected, strict=True):
        key = tuple(row[name].given for name in KEY)
        data = {name: value.given for name, value in row.items() if name not in KEY}
        more = {} if version is None else {"options": {"expected_version": version.given}}
        items.append((key, data) if pairs else {"key": key, "data": data, **more})
    return _maybe_lazy(items, lazily)


def change(row: Row, fields: Sequence[str] | None, expected: Value) -> Change:
    """What is to become of a row, of whose columns some are set."""
    names = [n for n in row if n not in KEY and (fields is None or n in fields)]
    number, word = (row[name] for name in KEY)
    return Change((number, word), {name: row[name] for name in names}, expected)


def cascades(keys: KeyList, cascade: bool) -> list[bool]:
    """Of each key whether what refers to its row goes as well: wrapped, it may say so itself."""
    own = {1: True, 2: False} if keys.form is KeyForm.WRAPPED else {}
    return [own.get(spare, cascade) for spare in keys.spare]


def without(keys: KeyList, others: Collection[Any]) -> KeyList:
    """Those of the keys that are none of the others."""
    pairs = list(zip(keys.keys, keys.spare, strict=True))
    left = [(key, spare) for key, spare in pairs if key_of(key) not in others]
    return replace(keys, keys=[key for key, _ in left], spare=[spare for _, spare in left])


def shown(row: Kept, options: Options, columns: Sequence[str] | None) -> Kept:
    """A row as a table gives it."""
    known = set(Judged.model_fields) if options.judged else set(COLUMNS)
    return {name: row[name] for name in columns or COLUMNS if name in known}


def _maybe_lazy(items: list[Any], lazily: bool) -> Any:
    return (item for item in items) if lazily else items


def _frame(rows: list[dict[str, Any]], *, typed: bool) -> pd.DataFrame:
    names = list(rows[0]) if rows else list(KEY)
    columns = {name: [row[name] for row in rows] for name in names}
    text = [v for column in columns.values() for v in column if isinstance(v, str)]
    if typed and not any("\ud800" in value for value in text):
        return pd.DataFrame(columns)
    return pd.DataFrame({n: pd.Series(v, dtype=object) for n, v in columns.items()})
