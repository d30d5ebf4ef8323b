"""Random calls of `BatchTable`, with random rows and options, do what a model of plain dicts does
row by row: the same table, counters, failures, missing keys, and rows told.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from batch_ops_tests.support import bulk_calls as calls
from batch_ops_tests.support import bulk_tasks as tasks
from batch_ops_tests.support.bulk_calls import Form
from batch_ops_tests.support.bulk_model import Flow, Model
from batch_ops_tests.support.bulk_values import KEY, KEYS, MARKS, NULL, Value, key_of, moment, same
from batch_ops_tests.support.bulk_world import World, compare, compare_rows, outcome, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops_tests.support.bulk_calls import KeyList, Options, Recipe, Rows
    from batch_ops_tests.support.bulk_model import Kept, Told
    from batch_ops_tests.support.bulk_values import Key, Row

pytestmark = pytest.mark.timeout(600)
"""A difference that was found is made small, which takes longer than finding none."""
OVER = (
    *(("skip", ()), ("skip", KEY), ("skip", ("mark",))),
    *(("update", ()), ("update", KEY), ("update", ("mark",)), ("replace", ())),
)
"""Ways of create_many where what is there already is no failure."""
MASKS = (None, None, ["amount", "note"], ["title"], ["mark", "version"])
VERSIONS = {1: same(0), 2: same(1), 3: NULL, 4: Value("1", 1), 5: Value("x", code="22P02")}
"""What an item may say it expects, by its spare number."""
TOUCHES: tuple[Row, ...] = (
    {"touched": same(moment(2024, 6, 1, 12))},
    {"note": same("touched")},
    {"note": Value("\ud800", code="22021")},
    {"title": Value("123456789", code="22001")},
    {"parent": same("ZZ")},
    {"mark": same("m1")},
)
Condition = tuple[str, dict[str, Any], "Callable[[Kept], bool]"]
CONDITIONS: tuple[Condition, ...] = (
    ("amount > :n", {"n": 4}, lambda row: (row["amount"] or 0) > 4),
    (
        "number = :n AND word <> :w",
        {"n": 1, "w": "b"},
        lambda r: r["number"] == 1 and r["word"] != "b",
    ),
    ("note IS NULL", {}, lambda row: row["note"] is None),
    ("title IS NOT NULL", {}, lambda _: True),
    ("title LIKE 'T%'", {}, lambda row: row["title"].startswith("T")),
    ("upper(title) = :t", {"t": "T"}, lambda row: row["title"].upper() == "T"),
)
SETTINGS: tuple[Row, ...] = (
    {"amount": same(9)},
    {"amount": Value({"sql": "amount - 3"})},
    {"amount": Value({"sql": "amount * 3 % 10"}), "title": Value({"sql": "lower(title)"})},
    {"title": Value({"sql": "title || 'abcdefgh'"}), "note": same("longer")},
    {"price": Value({"sql": "amount * 1000000"})},
    {"note": NULL, "state": same("old")},
    {"note": Value({"sql": "title"}), "price": Value("7.5", Decimal("7.50"))},
    {"amount": same(-1)},
    {"parent": same("ZZ"), "title": same("where")},
    {"mark": same("m1")},
    {"title": Value("123456789", code="22001")},
    {"amount": Value("abc", code="22P02"), "state": Value(None, code="23502")},
    {"amount": Value("8", 8), "at": Value("2024-05-01T10:00:00Z", moment(2024, 5, 1, 10))},
    {"price": Value(Decimal("1.005"), Decimal("1.01")), "title": Value(7, "7")},
    {"note": Value("a\0b", code="22021")},
)
COMPUTED: dict[str, Callable[[Kept], Value]] = {
    "amount - 3": lambda row: _of_amount(row, lambda amount: amount - 3),
    "amount * 3 % 10": lambda row: _of_amount(row, lambda amount: amount * 3 % 10),
    "amount * 1000000": lambda row: _of_amount(row, lambda _: None),
    "lower(title)": lambda row: same(row["title"].lower()),
    "title": lambda row: same(row["title"]),
    "title || 'abcdefgh'": lambda row: (
        Value(None, code="22001", blamed=False) if row["title"] else same("abcdefgh")
    ),
}


ONE_RUN = settings(
    max_examples=2,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
    print_blob=False,
    report_multiple_bugs=False,
)
"""Hypothesis begins with the simplest example, where nothing is done, and would go on to vary the
first random one: each run has just that one, which begins with tables of its own.
"""


def step(**drawn: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """A rule that does nothing in the simplest example."""

    def as_rule(function: Callable[..., None]) -> Any:
        @wraps(function)
        def unless_idle(machine: BulkMachine, **given: Any) -> None:
            if not machine.idle:
                function(machine, **given)

        as_any: Any = rule
        return as_any(**drawn)(unless_idle)

    return as_rule


class BulkMachine(RuleBasedStateMachine):
    """Calls the table and the model, and compares them."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world, self._model = world, Model(skips_first=world.mysql)
        self._numbers = itertools.count(1)
        self.idle = False
        world.empty()

    @initialize(
        kind=st.integers(0, 20),
        there=st.sets(st.sampled_from(range(len(KEYS)))),
        referred=st.sets(st.integers(0, 8), max_size=3),
    )
    def begin(self, kind: int, there: set[int], referred: set[int]) -> None:
        """Some rows are there from the beginning."""
        self.idle = not kind
        for place in there:
            number, word = (value.kept for value in KEYS[place])
            row = {"number": number, "word": word, "title": "t", "amount": 2 + place % 5}
            self._model.create(row | ({"mark": f"b{place}", "parent": "AA"} if place % 2 else {}))
        self._world.put(self._model)
        for pick in referred:
            self._refer(pick)

    # rows

    @step(rows=calls.rows(), options=calls.options())
    def create(self, rows: Rows, options: Options) -> None:
        self._create(rows, options, "error", ())

    @step(rows=calls.rows(), options=calls.options(), mode=st.sampled_from(OVER))
    def create_over(self, rows: Rows, options: Options, mode: tuple[str, tuple[str, ...]]) -> None:
        if mode[0] == "skip":
            self._create(rows, options, *mode)
        else:
            self._merge("create_many", rows, options, *mode)

    def _create(self, rows: Rows, options: Options, mode: str, target: tuple[str, ...]) -> None:
        given = self._marked(rows, safely=mode != "error")
        todo = tasks.creating(self._model, given, mode, target, by_schema=options.by_schema)
        told = self._model.play(todo, options.flow(looks_on=options.by_schema))
        more = {"on_conflict": mode, "conflict_target": target or None}
        self._put("create_many", given, rows, options, told, more)

    @step(
        rows=calls.rows(),
        options=calls.options(),
        mode=st.sampled_from(["update", "update", "replace"]),
        conflict=st.sampled_from([(), (), KEY, ("mark",)]),
    )
    def upsert(self, rows: Rows, options: Options, mode: str, conflict: tuple[str, ...]) -> None:
        self._merge("upsert_many", rows, options, mode, conflict)

    def _merge(
        self, name: str, rows: Rows, options: Options, mode: str, target: tuple[str, ...]
    ) -> None:
        by_mark = target == ("mark",)
        given = self._marked(rows, safely=not by_mark)
        told = self._merged(given, options, target or KEY, replace=mode == "replace")
        more = {"on_conflict": mode, "conflict_target": target or None}
        # of new rows with one key, and several marks, it is a matter of chance which comes first
        self._put(name, given, rows, options, told, more, lanes=1 if by_mark else None)

    def _merged(
        self, given: list[Row], options: Options, target: tuple[str, ...], *, replace: bool
    ) -> Told:
        by_schema, counting = options.by_schema, options.counting
        todo = tasks.merging(
            self._model, given, target, replace=replace, by_schema=by_schema, counting=counting
        )
        return self._model.play(todo, options.flow(looks_on=by_schema))

    @step(
        rows=calls.rows(keyed=True),
        options=calls.options(),
        fields=st.sampled_from(MASKS),
        expected=st.sampled_from([None, None, 0, 1]),
        shape=st.sampled_from(["wrapped", "pairs", "rows", "rows"]),
    )
    def update(
        self,
        rows: Rows,
        options: Options,
        fields: list[str] | None,
        expected: int | None,
        shape: str,
    ) -> None:
        form = rows.form if shape == "rows" else Form.DICTS
        given = self._marked(rows, usual={}, form=form)
        everyone = same(expected if options.counting else None)
        own = [
            VERSIONS.get(recipe.spare) if shape == "wrapped" and options.counting else None
            for recipe in rows.recipes
        ]
        changes = [
            calls.change(row, fields, version or everyone)
            for row, version in zip(given, own, strict=True)
        ]
        todo = tasks.updating(
            self._model, changes, by_schema=options.by_schema, counting=options.counting
        )
        told = self._model.play(todo, options.flow(looks_on=options.by_schema))
        items, columns = calls.given(given, form, lazily=rows.lazily)
        if shape != "rows":
            items = calls.wrapped(given, own, pairs=shape == "pairs", lazily=rows.lazily)
        more = {"fields": fields, "expected_version": everyone.given, "columns": columns}
        self._call("update_many", (items,), options, told, more)

    # keys

    @step(keys=calls.keys(), options=calls.options(), cascade=st.booleans())
    def delete(self, keys: KeyList, options: Options, cascade: bool) -> None:
        cascades = calls.cascades(keys, cascade)
        told = self._model.play(tasks.deleting(self._model, keys.keys, cascades), options.flow())
        own = [{} if one == cascade else {"cascade": one} for one in cascades]
        items = calls.given_keys(keys, own)
        self._call("delete_many", (items,), options, told, {"cascade": cascade})

    @step(keys=calls.keys(), options=calls.options())
    def soft_delete(self, keys: KeyList, options: Options) -> None:
        data = {"gone": same(True)}
        todo = tasks.marking(self._model, keys.keys, data, counting=options.counting, deletes=True)
        told = self._model.play(todo, options.flow())
        self._call("soft_delete_many", (calls.given_keys(keys),), options, told)

    @step(keys=calls.keys(), options=calls.options(), data=st.sampled_from(TOUCHES))
    def touch(self, keys: KeyList, options: Options, data: Row) -> None:
        todo = tasks.marking(self._model, keys.keys, data, counting=options.counting)
        told = self._model.play(todo, options.flow())
        ((column, value),) = data.items()
        more = {"column": column, "value": value.given}
        # of rows that want the same mark it is a matter of chance which one gets it
        lanes = 1 if column == "mark" else None
        self._call("touch_many", (calls.given_keys(keys),), options, told, more, lanes=lanes)

    @step(rows=calls.rows(), keys=calls.keys(), options=calls.options())
    def write(self, rows: Rows, keys: KeyList, options: Options) -> None:
        given = self._marked(rows)
        put = {tasks.target_key(row, KEY) for row in given}
        keys = calls.without(keys, put)
        cascades = calls.cascades(keys, False)
        told = self._model.both(
            lambda: self._merged(given, options, KEY, replace=False),
            lambda: self._model.play(
                tasks.deleting(self._model, keys.keys, cascades), options.flow()
            ),
            options.flow(),
        )
        puts, columns = calls.given(given, rows.form, lazily=rows.lazily)
        if columns is not None:
            puts = [dict(zip(columns, row, strict=True)) for row in puts]
        own = [{"cascade": True} if one else {} for one in cascades]
        self._call("write_many", (puts, calls.given_keys(keys, own)), options, told)

    # chosen rows

    @step(
        condition=st.sampled_from(CONDITIONS),
        data=st.sampled_from(SETTINGS),
        options=calls.options(),
    )
    def update_chosen(self, condition: Condition, data: Row, options: Options) -> None:
        if any(isinstance(value.given, dict) for value in data.values()):
            options = replace(options, validate=False)  # no schema can judge an expression
        by_schema, counting = options.by_schema, options.counting
        keys = tasks.chosen(self._model, condition[2])
        todo = tasks.updating_chosen(
            self._model, keys, partial(_computed, data), by_schema=by_schema, counting=counting
        )
        told = self._model.play(todo, _flow_of_chosen(options))
        rows = self._world.table(options).where(condition[0], **condition[1])
        values = {name: value.given for name, value in data.items()}
        self._call("update_many", (rows, values), options, told, lanes=1)

    @step(condition=st.sampled_from(CONDITIONS), options=calls.options())
    def delete_chosen(self, condition: Condition, options: Options) -> None:
        keys = tasks.chosen(self._model, condition[2])
        flow = _flow_of_chosen(replace(options, validate=False))
        told = self._model.play(tasks.deleting_chosen(self._model, keys), flow)
        rows = self._world.table(options).where(condition[0], **condition[1])
        self._call("delete_many", (rows,), options, told, lanes=1)

    # reading

    @step(
        keys=calls.keys(),
        options=calls.options(),
        columns=st.sampled_from([None, None, ["title"], ["price", "number", "gone"]]),
    )
    def get(self, keys: KeyList, options: Options, columns: list[str] | None) -> None:
        todo = tasks.getting(self._model, keys.keys)
        told = self._model.play(todo, Flow(goes_on=True, atomic=False))
        table = self._world.table(options)
        size = options.batch_size
        found = table.get_many(calls.given_keys(keys), columns=columns, batch_size=size)
        compare(found, None, told, vague=self._world.mysql)
        wanted = list(dict.fromkeys(k for k in map(key_of, keys.keys) if k in self._model.rows))
        assert [plain(row) for row in found.found] == [
            self._shown(k, options, columns) for k in wanted
        ]
        pairs = table.get_many(
            calls.given_keys(keys), columns=columns, batch_size=size, stream=True
        )
        rows = [None if row is None else plain(row) for _, row in pairs]
        self._world.commit()
        assert rows == [self._shown(key_of(key), options, columns) for key in keys.keys]

    def _shown(self, key: Key | None, options: Options, columns: list[str] | None) -> Kept | None:
        row = self._model.rows.get(key) if key else None
        return None if row is None else plain(calls.shown(row, options, columns))

    @step(pick=st.integers(0, 8))
    def add_child(self, pick: int) -> None:
        self._refer(pick)

    def _refer(self, pick: int) -> None:
        """A new child of one of the rows."""
        if not self._model.rows:
            return
        keys = sorted(self._model.rows)
        child, key = next(self._numbers), keys[pick % len(keys)]
        self._model.children[child] = key
        self._world.add_child(child, key)

    @invariant()
    def the_tables_are_the_same(self) -> None:
        self._world.holds(self._model)

    # the pieces

    def _marked(
        self,
        rows: Rows,
        *,
        safely: bool = True,
        usual: Row = calls.USUAL,
        form: Form | None = None,
    ) -> list[Row]:
        """The rows of a call with their marks, as their form can hold them."""
        found = [recipe.row(usual, self._there(recipe)) for recipe in rows.recipes]
        marks = self._safe_marks(rows) if safely else _any_marks(rows)
        pairs = zip(found, marks, strict=True)
        marked = [row if mark is None else {"mark": mark, **row} for row, mark in pairs]
        return calls.completed(marked, form or rows.form)

    def _there(self, recipe: Recipe) -> Kept | None:
        return self._model.rows.get(key_of(recipe.key) or (0, ""))

    def _safe_marks(self, rows: Rows) -> Iterator[Value | None]:
        """Marks by which rows that are in motion cannot meet: what becomes of those depends on the
        order in which a statement goes through its rows. A mark is new, the row's own, NULL, or
        that of a row which the call does not touch.
        """
        touched = {key_of(recipe.key) for recipe in rows.recipes}
        held = [r["mark"] for k, r in self._model.rows.items() if k not in touched and r["mark"]]
        for recipe in rows.recipes:
            there = self._there(recipe)
            if recipe.mark == 1:
                yield NULL
            elif recipe.mark == 2 and there is not None:
                yield same(there["mark"])
            elif recipe.mark == 3 and held:
                yield same(held[recipe.spare % len(held)])
            else:
                yield same(f"f{next(self._numbers)}") if recipe.mark in (4, 5, 6) else None

    def _put(
        self,
        name: str,
        given: list[Row],
        rows: Rows,
        options: Options,
        told: Told,
        more: dict[str, Any],
        lanes: int | None = None,
    ) -> None:
        items, columns = calls.given(given, rows.form, lazily=rows.lazily)
        self._call(name, (items,), options, told, {**more, "columns": columns}, lanes=lanes)

    def _call(
        self,
        name: str,
        arguments: tuple[Any, ...],
        options: Options,
        told: Told,
        more: dict[str, Any] | None = None,
        lanes: int | None = None,
    ) -> None:
        call = getattr(self._world.table(options), name)
        named = options.arguments(lanes or self._world.lanes) | (more or {})
        result, raised = outcome(lambda: call(*arguments, **named))
        self._world.commit()
        compare(result, raised, told, vague=self._world.mysql)
        compare_rows(result, told, options)
        self._world.calls += bool(told.counts["total"])


def _any_marks(rows: Rows) -> Iterator[Value | None]:
    """Marks that may be those of others."""
    kinds: dict[int, Value] = {1: NULL, **{n: same(mark) for n, mark in enumerate(MARKS, 2)}}
    return (kinds.get(recipe.mark) for recipe in rows.recipes)


def _flow_of_chosen(options: Options) -> Flow:
    """Chosen rows are changed all at once when they are to be changed together, unless a schema
    looks at each of them.
    """
    flow = options.flow(looks_on=options.by_schema)
    return replace(flow, size=100) if options.atomic and not options.by_schema else flow


def _of_amount(row: Kept, compute: Callable[[int], int | None]) -> Value:
    """What is computed of a row's amount; None: more than its column holds."""
    if row["amount"] is None:
        return NULL
    found = compute(row["amount"])
    return Value(None, code="22003", blamed=False) if found is None else same(found)


def _computed(data: Row, row: Kept) -> Row:
    """What is set on a row, expressions computed."""
    return {
        name: COMPUTED[value.given["sql"]](row) if isinstance(value.given, dict) else value
        for name, value in data.items()
    }


def run(url: str, seed: int, least: int) -> None:
    """At least so many calls that are given something, on one database."""
    world = World(url)
    for number in itertools.count(seed):
        machine: Any = hypothesis.seed(number)(partial(BulkMachine, world))
        run_state_machine_as_test(machine, settings=ONE_RUN)
        if world.calls >= least:
            break
    world.dispose()


def test_calls_do_what_the_model_does(database_url: str, seed: int) -> None:
    run(database_url, seed, 160)


@pytest.mark.slow
def test_more_calls_do_what_the_model_does(database_url: str, seed: int) -> None:
    run(database_url, seed + 1_000, 1_100)


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
def test_calls_without_end_do_what_the_model_does(database_url: str, seed: int) -> None:
    run(database_url, seed + 1_000_000, 50_000)


def test_calls_on_mariadb_do_what_the_model_does(mariadb_url: str, seed: int) -> None:
    run(mariadb_url, seed, 60)
