"""Any number of bad rows of any kind, anywhere in the input: exactly these fail, with code and
column, and all others are written.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, Field

from batch_ops import BatchTable
from batch_ops_tests.integration.bulk.kit import MARIADB, codes, connected, kind, outcome, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops import BatchResult

OLD = 1_000_000
"""Rows with keys from here on are there before."""
GONE = 999
"""A parent nobody has."""
COUNTS = (0, 1, 2, 10, 100, 1_000, 5_000, 10_000)
PLACES = ("start", "end", "spread")
ROWS = 10_000

Row = dict[str, Any]


class Judged(BaseModel):
    """Refuses levels that no database would."""

    level: int | None = Field(default=None, le=10)


@dataclass(frozen=True)
class Kind:
    """A kind of bad row: what makes a good row of this number bad, and what it is told."""

    spoil: Callable[[int], Row]
    code: str
    column: str
    schema: Any = None


CREATE_ONLY = {
    "twin": Kind(lambda _: {"code": "twin"}, "23505", "code"),
    "taken": Kind(lambda n: {"code": f"old{n}"}, "23505", "code"),
}
ANY_CALL = {
    "null": Kind(lambda _: {"name": None}, "23502", "name"),
    "type": Kind(lambda _: {"amount": "many"}, "22P02", "amount"),
    "length": Kind(lambda _: {"name": "x" * 11}, "22001", "name"),
    "check": Kind(lambda _: {"amount": -1}, "23514", "amount"),
    "parent": Kind(lambda _: {"parent": GONE}, "23503", "parent"),
    "schema": Kind(lambda _: {"level": 11}, "schema", "level", Judged),
}
KINDS = {**CREATE_ONLY, **ANY_CALL}


def good(number: int) -> Row:
    return {
        "id": number,
        "name": f"n{number}",
        "code": f"c{number}",
        "amount": number % 7,
        "day": dt.date(2020, 1, 1 + number % 28),
        "level": 1,
        "parent": 1 + number % 3,
    }


def bad_places(count: int, where: str, rows: int) -> list[int]:
    if where == "start":
        return list(range(count))
    if where == "end":
        return list(range(rows - count, rows))
    return [n * rows // count for n in range(count)]


DDL = (
    "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
    (
        "CREATE TABLE items (id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL,"
        " code VARCHAR(20) UNIQUE, amount INTEGER CHECK (amount >= 0), day DATE, level INTEGER,"
        " parent INTEGER, FOREIGN KEY (parent) REFERENCES parents (id))"
    ),
    "INSERT INTO parents VALUES (1), (2), (3)",
)


@dataclass
class World:
    """A database with the table, and how `BatchTable` comes to it."""

    url: str
    bind: Any
    old: int = 0
    rows: int = ROWS
    tables: dict[Any, BatchTable[Any]] = field(default_factory=dict)

    def table(self, schema: Any = None) -> BatchTable[Any]:
        if schema not in self.tables:
            self.tables[schema] = BatchTable(self.bind, "items", schema=schema)
        return self.tables[schema]

    def empty(self) -> None:
        """Only the rows that are there before."""
        self.execute(f"DELETE FROM items WHERE id < {OLD}")

    def fill(self, first: int, step: int = 1) -> None:
        """Good rows that calls will change."""
        self.empty()
        self.table().create_many([good(n) for n in range(first, self.rows, step)])

    def written(self, condition: str) -> tuple[int, int]:
        """How many new rows fulfil a condition, and the sum of their keys."""
        query = f"SELECT count(*), COALESCE(sum(id), 0) FROM items WHERE id < {OLD} AND {condition}"
        return tuple(map(int, self.execute(query).one()))

    def execute(self, statement: str) -> Any:
        if isinstance(self.bind, sa.Connection):
            return self.bind.exec_driver_sql(statement)
        with connected(self.url) as connection:
            found = connection.exec_driver_sql(statement)
            return found.freeze()() if found.returns_rows else found


@contextmanager
def world_of(url: str, way: str, *, rows: int = ROWS, old: int = ROWS) -> Iterator[World]:
    """way: in which `BatchTable` is given the database."""
    run(url, *DDL)
    BatchTable(url, "items").create_many(
        [{**good(n), "id": OLD + n, "code": f"old{n}"} for n in range(old)]
    )
    engine = sa.create_engine(url)
    if way == "connection":
        with engine.connect() as connection:
            yield World(url, connection, old, rows)
    else:
        yield World(url, engine if way == "engine" else url, old, rows)
    engine.dispose()


def create(world: World, fault: Kind, places: list[int]) -> None:
    world.empty()
    rows = [good(n) for n in range(world.rows)]
    for n in places:
        rows[n] |= fault.spoil(n)
    bad = places[1:] if fault is KINDS["twin"] else places  # of rows with one key the first counts
    table = world.table(fault.schema)
    result = outcome(lambda: table.create_many(rows, atomic=False))
    judge(result, fault, bad)
    assert result.stats.created == world.rows - len(bad)
    kept = set(range(world.rows)).difference(bad)
    assert world.written("1 = 1") == (len(kept), sum(kept))


def change(world: World, fault: Kind, places: list[int], call: str) -> None:
    """Rows that are there have 100 more of an amount; every other one of an upsert is new."""
    world.fill(0, 1 if call == "update_many" else 2)
    rows = [{**good(n), "amount": n % 7 + 100} for n in range(world.rows)]
    for n in places:
        rows[n] |= fault.spoil(n)
    table = world.table(fault.schema)
    result = outcome(lambda: getattr(table, call)(rows, atomic=False))
    judge(result, fault, places)
    kept = set(range(world.rows)).difference(places)
    assert result.stats.created + result.stats.updated == len(kept)
    assert world.written("amount >= 100") == (len(kept), sum(kept))
    untouched = [n for n in places if call == "update_many" or n % 2 == 0]
    assert world.written("amount < 100") == (len(untouched), sum(untouched))


def judge(result: BatchResult[Any], fault: Kind, bad: list[int]) -> None:
    """Exactly these failed, as they should."""
    assert codes(result) == [(n, fault.code, fault.column) for n in bad]
    assert result.stats.total == sum(
        getattr(result.stats, name) for name in ("created", "updated", "invalid", "failed")
    )
    assert (result.stats.invalid if fault.schema else result.stats.failed) == len(bad)


SAMPLE = (
    *(("null", 0, "start"), ("null", 1, "end"), ("twin", 10, "spread"), ("taken", 100, "start")),
    *(("type", 1000, "start"), ("length", 2, "spread"), ("check", 100, "end")),
    *(("parent", 100, "spread"), ("schema", 5000, "spread")),
)
CHANGES = (
    *(("null", 1, "end"), ("type", 100, "start"), ("length", 2, "spread"), ("check", 10, "spread")),
    *(("parent", 10, "spread"), ("schema", 100, "end")),
)
FEW = 1_000
BINDS = [
    *(("sqlite_url", "url"), ("sqlite_url", "engine"), ("sqlite_url", "connection")),
    *(("postgresql_url", "url"), ("postgresql_url", "connection"), ("mariadb_url", "url")),
]


@pytest.fixture(params=BINDS, ids=lambda one: f"{one[0][:-4]}-{one[1]}")
def small(request: pytest.FixtureRequest) -> Iterator[World]:
    """For the sample: as many rows as are quickly written."""
    name, way = request.param
    rows = ROWS if name != "mariadb_url" and way == "url" else FEW
    with world_of(request.getfixturevalue(name), way, rows=rows, old=100) as world:
        yield world


@pytest.mark.quick("sqlite", "postgresql-url")
def test_bad_rows_cost_no_good_one(small: World):
    for name, count, where in SAMPLE:
        create(small, KINDS[name], bad_places(min(count, small.rows // 2), where, small.rows))
    small.rows = FEW
    for name, count, where in CHANGES:
        places = bad_places(count, where, small.rows)
        change(small, KINDS[name], places, "upsert_many")
        change(small, KINDS[name], places, "update_many")


@pytest.fixture(params=BINDS[:4], ids=lambda one: f"{one[0][:-4]}-{one[1]}")
def large(request: pytest.FixtureRequest) -> Iterator[tuple[World, list[tuple[int, str]]]]:
    """A world, and how many bad rows where; fewer cases where only the way in is another one."""
    name, way = request.param
    whole = [(count, where) for count in COUNTS for where in PLACES]
    with world_of(request.getfixturevalue(name), way) as world:
        yield world, whole if way == "url" else [(1, "end"), (100, "spread"), (10_000, "start")]


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_every_number_of_bad_rows_costs_no_new_row(large: Any, name: str):
    world, cases = large
    for count, where in cases:
        create(world, KINDS[name], bad_places(count, where, ROWS))


@pytest.mark.slow
@pytest.mark.parametrize("call", ["upsert_many", "update_many"])
@pytest.mark.parametrize("name", ANY_CALL)
def test_every_number_of_bad_rows_costs_no_changed_row(large: Any, name: str, call: str):
    world, cases = large
    for count, where in cases:
        change(world, KINDS[name], bad_places(count, where, ROWS), call)


# what refers to rows that are deleted


@pytest.fixture(params=BINDS, ids=lambda one: f"{one[0][:-4]}-{one[1]}")
def family(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """People; pets refer to every third one."""
    name, way = request.param
    url = run(
        request.getfixturevalue(name),
        "CREATE TABLE people (id INTEGER PRIMARY KEY, boss INTEGER,"
        " FOREIGN KEY (boss) REFERENCES people (id))",
        "CREATE TABLE pets (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL,"
        " FOREIGN KEY (owner) REFERENCES people (id))",
    )
    BatchTable(url, "people").create_many([{"id": n} for n in range(300)])
    BatchTable(url, "pets").create_many([{"id": n, "owner": n} for n in range(0, 300, 3)])
    engine = sa.create_engine(url)
    if way == "connection":
        with engine.connect() as connection:
            yield url, connection
    else:
        yield url, engine if way == "engine" else url
    engine.dispose()


def test_rows_that_others_refer_to_are_not_deleted(family: tuple[str, Any]):
    _, bind = family
    people = BatchTable(bind, "people")
    result = people.delete_many(range(300), atomic=False)
    held = list(range(0, 300, 3))
    assert codes(result) == [(n, "23503", "id") for n in held]
    assert result.stats.deleted == 200
    assert [row["id"] for row in people.where("TRUE")] == held
    chosen = people.delete_many(people.where("id < 10"), atomic=False)
    assert [(row.key, row.error.code, row.error.field) for row in chosen.failed] == [
        (n, "23503", "id") for n in (0, 3, 6, 9)
    ]
    assert people.delete_many([0, 3], cascade=True).cascaded == {"pets": 2}
    assert people.delete_many([0, 3, 6], atomic=False).stats.failed == 1


def test_an_update_of_chosen_rows_refers_to_no_row_that_is_not_there(family: tuple[str, Any]):
    _, bind = family
    people = BatchTable(bind, "people")
    result = people.update_many(people.where("id < 3"), {"boss": GONE}, atomic=False)
    assert [(row.key, row.error.code, row.error.field) for row in result.failed] == [
        (n, "23503", "boss") for n in range(3)
    ]
    assert people.update_many(people.where("id < 3"), {"boss": 5}).stats.updated == 3
    assert people.update_many(people.where("id = 4"), {"boss": None}).stats.updated == 1


def test_rows_may_refer_to_others_of_their_call(family: tuple[str, Any]):
    """And to none that fails."""
    url, bind = family
    people = BatchTable(bind, "people")
    rows = [{"id": 1000}, {"id": 1001, "boss": 1000}, {"id": 1002, "boss": 1001}]
    rows += [{"id": 1003, "boss": 1003}, {"id": 1004, "boss": GONE}, {"id": 1005, "boss": 1004}]
    wanted = [(4, "23503", "boss"), (5, "23503", "boss")]
    assert codes(people.create_many(rows, atomic=False)) == wanted
    if kind(url) == MARIADB:  # judges row by row: children go first
        people.delete_many([1002, 1001])
        people.update_many([(1003, {"boss": None})])
    assert people.delete_many([1000, 1001, 1002, 1003]).stats.failed == 0
    assert codes(people.upsert_many(rows, atomic=False)) == wanted
    bosses = [(1000, {"boss": 1001}), (1001, {"boss": 7777})]
    assert codes(people.update_many(bosses, atomic=False)) == [(1, "23503", "boss")]


def test_a_key_of_several_columns_refers_as_a_whole(database_url: str):
    run(
        database_url,
        "CREATE TABLE places (a INTEGER, b INTEGER, PRIMARY KEY (a, b))",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, pa INTEGER, pb INTEGER,"
        " FOREIGN KEY (pa, pb) REFERENCES places (a, b))",
        "INSERT INTO places VALUES (1, 1), (1, 2)",
        "INSERT INTO things VALUES (1, 1, 1), (2, 1, NULL)",
    )
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        for bind in (connection, engine):
            things = BatchTable(bind, "things")
            new = [{"id": 7, "pa": 1, "pb": 9}, {"id": 8, "pa": 9, "pb": None}]
            assert codes(things.create_many(new, atomic=False)) == [(0, "23503", "pa")]
            changes = [(1, {"pb": 2}), (2, {"pb": 9}), (9, {"pb": 9})]
            result = things.update_many(changes, atomic=False)
            assert codes(result) == [(1, "23503", "pa")]
            assert [one.key for one in result.not_found] == [9]
            connection.rollback()
    engine.dispose()


def test_deferred_foreign_keys_cost_only_the_rows_that_break_them(database_url: str):
    """A database that judges them when a transaction is committed would refuse the whole batch."""
    run(
        database_url,
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
        "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER,"
        " FOREIGN KEY (parent) REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
        "INSERT INTO parents VALUES (1), (2)",
    )
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        for bind in (database_url, connection):
            children, parents = BatchTable(bind, "children"), BatchTable(bind, "parents")
            rows = [{"id": 1, "parent": 1}, {"id": 2, "parent": GONE}, {"id": 3}]
            wanted = [(1, "23503", "parent")]
            assert codes(children.create_many(rows, atomic=False)) == wanted
            assert codes(children.upsert_many(rows, atomic=False)) == wanted
            changes = [(1, {"parent": 1}), (3, {"parent": GONE})]
            assert codes(children.update_many(changes, atomic=False)) == wanted
            chosen = children.where("id = 3")
            result = children.update_many(chosen, {"parent": GONE}, atomic=False)
            assert [row.error.code for row in result.failed] == ["23503"]
            assert codes(parents.delete_many([1, 7], atomic=False)) == [(0, "23503", "id")]
            chosen = parents.where("id = 1")
            assert parents.delete_many(chosen, atomic=False).stats.failed == 1
            assert children.delete_many([1, 3]).stats.deleted == 2
    engine.dispose()
