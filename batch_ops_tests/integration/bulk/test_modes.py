"""Every option of every call: each has a test that fails when it is ignored."""

from __future__ import annotations

import datetime as dt
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, Field

from batch_ops import (
    BatchOperationError,
    BatchResult,
    BatchTable,
    BatchValidationError,
    RetryPolicy,
    Throttle,
)
from batch_ops.errors import ExecutionError, ParameterError
from batch_ops_tests.integration.bulk.kit import (
    POSTGRESQL,
    SQLITE,
    USERS,
    codes,
    connected,
    count,
    kind,
    outcome,
    rows_of,
    run,
)
from batch_ops_tests.support.pauses import noted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Calls = dict[str, "Callable[..., BatchResult[Any]]"]

CHILDREN = "CREATE TABLE children (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, {})"
OWNED = CHILDREN.format("FOREIGN KEY (owner) REFERENCES users (id)")


@pytest.fixture
def users_url(database_url: str) -> str:
    return run(database_url, USERS)


def names(url: str) -> list[tuple[Any, ...]]:
    return rows_of(url, "SELECT id, name FROM users ORDER BY id")


def user(number: int, name: str = "new", **more: Any) -> dict[str, Any]:
    return {"id": number, "name": name, **more}


# atomic and continue_on_error

BAD = (2, 5)
"""Places of the rows that fail; two rows are a batch."""


def creating(url: str) -> tuple[Callable[..., Any], dict[int, str]]:
    """A call of six rows of which two fail, and what rows are there when the others are written."""
    rows = [user(n) for n in range(6)]
    for place in BAD:
        rows[place]["age"] = -1
    table = BatchTable(url, "users")
    return lambda **options: table.create_many(rows, **options), dict.fromkeys(range(6), "new")


def updating(url: str) -> tuple[Callable[..., Any], dict[int, str]]:
    run(url, "INSERT INTO users (id, name) VALUES " + ", ".join(f"({n}, 'old')" for n in range(6)))
    items: list[Any] = [{"key": n, "data": {"name": "new"}} for n in range(6)]
    for place in BAD:
        items[place]["data"]["age"] = -1
    table = BatchTable(url, "users")
    return lambda **options: table.update_many(items, **options), dict.fromkeys(range(6), "new")


def upserting(url: str) -> tuple[Callable[..., Any], dict[int, str]]:
    run(url, "INSERT INTO users (id, name) VALUES " + ", ".join(f"({n}, 'old')" for n in range(4)))
    rows = [user(n) for n in range(6)]
    for place in BAD:
        rows[place]["age"] = -1
    table = BatchTable(url, "users")
    return lambda **options: table.upsert_many(rows, **options), dict.fromkeys(range(6), "new")


def deleting(url: str) -> tuple[Callable[..., Any], dict[int, str]]:
    run(
        url,
        "INSERT INTO users (id, name) VALUES " + ", ".join(f"({n}, 'old')" for n in range(6)),
        OWNED,
        "INSERT INTO children VALUES (1, 2), (2, 5)",
    )
    table = BatchTable(url, "users")
    return lambda **options: table.delete_many(range(6), **options), {}


CALLS = [creating, updating, upserting, deleting]


@pytest.mark.parametrize("make", CALLS)
def test_an_atomic_call_writes_nothing_when_a_row_fails(users_url: str, make: Any):
    call, _ = make(users_url)
    before = names(users_url)
    with pytest.raises(BatchOperationError) as raised:
        call(batch_size=2)
    assert names(users_url) == before
    error = raised.value
    assert error.failures[0].index == 2
    assert error.success_count == 0
    assert not error.result.committed
    assert error.result.stats.processed == 0
    assert "Nothing was written" in str(error)


@pytest.mark.parametrize("make", CALLS)
def test_an_atomic_call_that_goes_on_tells_all_bad_rows_and_writes_nothing(
    users_url: str, make: Any
):
    call, _ = make(users_url)
    before = names(users_url)
    result = call(batch_size=2, continue_on_error=True)
    assert [row.index for row in result.failed] == list(BAD)
    assert names(users_url) == before
    assert (result.committed, result.stats.failed, result.stats.skipped) == (False, 2, 4)
    with pytest.raises(BatchOperationError):
        result.raise_for_failures()


@pytest.mark.parametrize("make", CALLS)
@pytest.mark.parametrize("goes_on", [None, True])
def test_a_call_that_is_not_atomic_leaves_bad_rows_out(
    users_url: str, make: Any, goes_on: bool | None
):
    call, wanted = make(users_url)
    before = dict(names(users_url))
    result = call(batch_size=2, atomic=False, continue_on_error=goes_on)
    assert [row.index for row in result.failed] == list(BAD)
    assert (result.committed, result.stats.processed, result.stats.failed) == (True, 4, 2)
    good = {n: name for n, name in wanted.items() if n not in BAD}
    assert dict(names(users_url)) == good | {n: before[n] for n in BAD if n in before}


@pytest.mark.parametrize("make", CALLS)
def test_a_call_that_is_not_atomic_may_end_with_the_first_bad_batch(users_url: str, make: Any):
    call, wanted = make(users_url)
    before = dict(names(users_url))
    with pytest.raises(BatchOperationError) as raised:
        call(batch_size=2, atomic=False, continue_on_error=False)
    error = raised.value
    assert [row.index for row in error.failures] == [2]
    assert (error.success_count, error.result.committed) == (2, True)
    assert error.result.stopped
    assert "2 rows were written and stay" in str(error)
    found = dict(names(users_url))
    assert {n: found.get(n) for n in (0, 1)} == {n: wanted.get(n) for n in (0, 1)}
    assert {n: found.get(n) for n in range(2, 6)} == {n: before.get(n) for n in range(2, 6)}


# every call with every mode: of five rows in batches of two the third one fails

THINGS = (
    (
        "CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER, gone TIMESTAMP, ends TIMESTAMP,"
        " CHECK (n < 10 OR id % 10 <> 3), CHECK (gone IS NULL OR id <> 3))"
    ),
    "CREATE TABLE held (id INTEGER PRIMARY KEY REFERENCES things (id))",
)
FIVE = [1, 2, 3, 4, 5]
Things = BatchTable[dict[str, Any]]
EVERY_CALL: dict[str, tuple[Callable[..., BatchResult[Any]], str, str]] = {
    "create": (
        lambda t, **o: t.create_many([{"id": 10 + n, "n": 20} for n in FIVE], **o),
        *("created", "id > 10"),
    ),
    "upsert": (
        lambda t, **o: t.upsert_many([{"id": n, "n": 20} for n in FIVE], **o),
        *("updated", "n = 20"),
    ),
    "update": (
        lambda t, **o: t.update_many([(n, {"n": 20}) for n in FIVE], **o),
        *("updated", "n = 20"),
    ),
    "update where": (
        lambda t, **o: t.update_many(t.where("id < 9"), {"n": 20}, **o),
        *("updated", "n = 20"),
    ),
    "touch": (lambda t, **o: t.touch_many(FIVE, column="n", value=20, **o), "updated", "n = 20"),
    "soft delete": (lambda t, **o: t.soft_delete_many(FIVE, **o), "deleted", "gone IS NOT NULL"),
    "delete": (lambda t, **o: t.delete_many(FIVE, **o), "deleted", ""),
    "delete where": (lambda t, **o: t.delete_many(t.where("id < 9"), **o), "deleted", ""),
    "purge": (lambda t, **o: t.purge_expired(**o), "deleted", ""),
    "write": (
        lambda t, **o: t.write_many([{"id": n, "n": 20} for n in FIVE], [], **o),
        *("updated", "n = 20"),
    ),
}
"""The call, the outcome of its good rows, and by what rows it has changed are known."""


@pytest.fixture
def things_url(database_url: str) -> str:
    return run(database_url, *THINGS)


class Trial:
    """One of the calls, on five rows that are as they were before it."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.call, self.outcome, self.changed = EVERY_CALL[name]
        self.chosen = name in ("update where", "delete where", "purge")
        self.table = BatchTable(url, "things", soft_delete="gone", expires="ends")

    def __call__(self, **options: Any) -> BatchResult[Any]:
        values = ", ".join(f"({n}, 1, '2000-01-01')" for n in FIVE)
        run(
            self.url,
            "DELETE FROM held",
            "DELETE FROM things",
            f"INSERT INTO things (id, n, ends) VALUES {values}",
            "INSERT INTO held VALUES (3)",
        )
        return self.call(self.table, batch_size=2, **options)

    @property
    def done(self) -> int:
        """How many rows it has changed."""
        if not self.changed:
            return 5 - count(self.url, "things")
        return count(self.url, f"things WHERE {self.changed}")


@pytest.mark.parametrize("name", EVERY_CALL)
def test_every_call_has_every_mode(things_url: str, name: str):
    call = Trial(things_url, name)
    with pytest.raises(BatchOperationError) as raised:
        call()
    assert (call.done, raised.value.success_count, len(raised.value.failures)) == (0, 0, 1)
    result = call(continue_on_error=True)
    assert (call.done, result.committed, len(result.failed)) == (0, False, 1)
    for goes_on in (None, True):
        result = call(atomic=False, continue_on_error=goes_on)
        assert (call.done, len(result.failed)) == (4, 1)
        assert result.stats.to_dict()[call.outcome] == 4
        assert getattr(result, call.outcome) == []
    assert result.failed[0].error.code in ("23514", "23503")
    with pytest.raises(BatchOperationError) as raised:
        call(atomic=False, continue_on_error=False)
    assert (call.done, raised.value.success_count, len(raised.value.failures)) == (2, 2, 1)
    result = call(atomic=False, return_rows=True)
    told = [row["id"] % 10 for row in getattr(result, call.outcome)]
    assert sorted(told) == [1, 2, 4, 5]


@pytest.mark.parametrize("name", EVERY_CALL)
def test_every_call_tells_its_progress_and_asks_about_errors(
    things_url: str, pauses: list[float], name: str
):
    call = Trial(things_url, name)
    told: list[int] = []
    call(atomic=False, throttle=0.5, on_progress=lambda done, _: told.append(done))
    assert told == [2, 4, 5]
    assert pauses == [0.5, 0.5]
    decide = Decider("continue")
    if call.chosen:
        with pytest.raises(ParameterError, match="takes neither on_error"):
            call(atomic=False, on_error=decide)
        return
    result = call(atomic=False, continue_on_error=False, on_error=decide)
    assert (len(decide.asked), call.done, len(result.failed)) == (1, 4, 1)
    stop = Decider("stop")
    result = call(atomic=False, on_error=stop)
    assert (call.done, len(stop.asked), result.stopped) == (3, 1, "on_error said stop")


# what is given back


def test_rows_are_given_back_where_that_is_asked(users_url: str):
    table = BatchTable(users_url, "users", soft_delete="email", key="id")
    whole = {"age": None, "email": None, "version": 1}
    told = table.create_many([user(1), user(2)], return_rows=True)
    assert told.created == [{**user(1), **whole}, {**user(2), **whole}]
    rows = [user(1), user(2, "other"), user(3)]
    told = table.upsert_many(rows, return_rows=True)
    assert [row["id"] for row in told.unchanged] == [1]
    assert told.updated == [{**user(2, "other"), **whole}]
    assert [row["id"] for row in told.created] == [3]
    told = table.update_many([(1, {"age": 5}), (9, {"age": 5})], return_rows=True)
    assert told.updated == [{**user(1), **whole, "age": 5}]
    told = table.update_many(table.where("id = 1"), {"age": 6}, return_rows=True)
    assert [row["age"] for row in told.updated] == [6]
    told = table.touch_many([1], column="age", value=7, return_rows=True)
    assert [row["age"] for row in told.updated] == [7]
    told = table.delete_many([1, 9], return_rows=True)
    assert told.deleted == [{**user(1), **whole, "age": 7}]
    told = table.delete_many(table.where("id = 2"), return_rows=True)
    assert [row["id"] for row in told.deleted] == [2]
    told = table.write_many(puts=[user(4)], deletes=[3], return_rows=True)
    assert ([row["id"] for row in told.created], [row["id"] for row in told.deleted]) == ([4], [3])


def test_rows_are_not_given_back_where_nobody_asks(users_url: str):
    table = BatchTable(users_url, "users")
    results = [
        table.create_many([user(1)]),
        table.upsert_many([user(1), user(2)]),
        table.update_many([(1, {"age": 5})]),
        table.delete_many([1]),
    ]
    for result in results:
        assert result.stats.total > 0
        assert result.created == result.updated == result.unchanged == result.deleted == []


def test_failed_rows_are_not_among_those_given_back(users_url: str):
    table = BatchTable(users_url, "users")
    table.create_many([user(1), user(2)])
    rows = [user(1, "x"), user(2, "x", age=-1), user(3), user(4, age=-1)]
    told = table.upsert_many(rows, atomic=False, return_rows=True)
    assert [row["id"] for row in told.updated] == [1]
    assert [row["id"] for row in told.created] == [3]
    assert told.unchanged == []
    changes = [(1, {"age": 1}), (2, {"age": -1})]
    told = table.update_many(changes, atomic=False, return_rows=True)
    assert [row["id"] for row in told.updated] == [1]
    told = table.create_many([user(5), user(1)], atomic=False, return_rows=True)
    assert [row["id"] for row in told.created] == [5]
    told = table.create_many([user(6), user(1)], continue_on_error=True, return_rows=True)
    assert told.created == []


class Adult(BaseModel):
    id: int
    name: str
    age: int = Field(default=18, ge=18)


def test_a_schema_judges_all_rows_first_unless_told_otherwise(users_url: str):
    table = BatchTable(users_url, "users", schema=Adult)
    rows: list[Any] = [user(1, age=3), user(2), {"id": 3}, user(4, age="20"), user(5, age=-1)]
    with pytest.raises(BatchValidationError) as raised:
        table.create_many(rows, batch_size=1)
    assert [row.index for row in raised.value.invalid] == [0, 2, 4]
    assert [row.error.field for row in raised.value.invalid] == ["age", "name", "age"]
    assert count(users_url) == 0
    result = table.create_many(rows, atomic=False)
    assert (result.stats.invalid, result.stats.failed, result.stats.created) == (3, 0, 2)
    assert rows_of(users_url, "SELECT id, age FROM users ORDER BY id") == [(2, 18), (4, 20)]
    result = table.create_many(rows, atomic=False, validate=False)
    assert rows_of(users_url, "SELECT id, age FROM users WHERE id = 1") == [(1, 3)]
    assert codes(result) == [
        *((1, "23505", "id"), (2, "23502", "name"), (3, "23505", "id"), (4, "23514", "age")),
    ]
    changes = [(1, {"name": "x"}), (2, {"age": 3}), (4, {"age": 30})]
    result = table.update_many(changes, atomic=False)
    assert codes(result) == [(0, "schema", "age"), (1, "schema", "age")]
    assert table.update_many(changes, validate=False).stats.updated == 3
    result = table.upsert_many([user(2, age=1), user(4, age=40)], atomic=False)
    assert codes(result) == [(0, "schema", "age")]
    result = table.update_many(table.where("id = 4"), {"age": 1}, atomic=False)
    assert [row.error.code for row in result.failed] == ["schema"]


def test_a_schema_may_be_a_dict_of_types(users_url: str):
    table = BatchTable(users_url, "users", schema={"id": int, "age": (int, 7)})
    result = table.create_many([user(1), user(2, age="x"), user(3, age="9")], atomic=False)
    assert codes(result) == [(1, "schema", "age")]
    assert rows_of(users_url, "SELECT id, age FROM users ORDER BY id") == [(1, 7), (3, 9)]


# batches


@contextmanager
def watched(url: str) -> Iterator[tuple[sa.Engine, list[str]]]:
    """An engine, and how its transactions ended."""
    engine = sa.create_engine(url)
    ends: list[str] = []
    sa.event.listen(engine, "commit", lambda _: ends.append("commit"))
    sa.event.listen(engine, "rollback", lambda _: ends.append("rollback"))
    yield engine, ends
    engine.dispose()


@pytest.mark.parametrize("call", ["create_many", "upsert_many", "update_many", "delete_many"])
def test_a_batch_is_a_transaction_where_the_call_is_not_atomic(users_url: str, call: str):
    with watched(users_url) as (engine, ends):
        table = BatchTable(engine, "users")
        if call in ("update_many", "delete_many"):
            table.create_many([user(n) for n in range(10)])
        table.get_many([0])
        rows = [user(n, "x") for n in range(10)]
        told: list[tuple[int, int | None]] = []

        def progress(done: int, total: int | None) -> None:
            told.append((done, total))

        ends.clear()
        getattr(table, call)(rows, batch_size=3, atomic=False, on_progress=progress)
        assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
        assert ends.count("commit") in (4, 5)  # one more takes the stage away
        ends.clear()
        told.clear()
        getattr(table, call)([], batch_size=3)
        assert told == []
    assert count(users_url) == (0 if call == "delete_many" else 10)


def test_an_atomic_call_is_one_transaction_whatever_its_batches_are(users_url: str):
    with watched(users_url) as (engine, ends):
        table = BatchTable(engine, "users")
        table.get_many([0])
        ends.clear()
        told: list[Any] = []
        rows = (user(n) for n in range(10))
        table.create_many(rows, batch_size=3, on_progress=lambda *one: told.append(one))
        assert ends.count("commit") in (1, 2)  # one more takes away what the session needed
        assert told == [(3, None), (6, None), (9, None), (10, None)]


def test_batches_are_20_000_rows_unless_told_otherwise(users_url: str):
    told: list[Any] = []
    rows = [user(n) for n in range(20_001)]
    table = BatchTable(users_url, "users")
    table.create_many(rows, on_progress=lambda *one: told.append(one))
    assert told == [(20_000, 20_001), (20_001, 20_001)]


def test_several_connections_write_at_once(postgresql_url: str):
    """Each statement waits a little, so that one connection alone cannot be quick enough."""
    run(
        postgresql_url,
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, pid INTEGER"
        " DEFAULT pg_backend_pid())",
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END'",
        "CREATE TRIGGER slow BEFORE INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION slow()",
    )
    table = BatchTable(postgresql_url, "users")
    rows = [user(n) for n in range(12)]
    told: list[Any] = []
    table.create_many(
        rows,
        batch_size=1,
        atomic=False,
        max_concurrency=3,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert rows_of(postgresql_url, "SELECT count(DISTINCT pid) FROM users") == [(3,)]
    assert told == [(n, 12) for n in range(1, 13)]
    table.delete_many(range(12))
    table.create_many(rows, batch_size=1, atomic=False)
    assert rows_of(postgresql_url, "SELECT count(DISTINCT pid) FROM users") == [(1,)]


@pytest.mark.parametrize("lanes, batch_size", [(1, 1), (1, 100), (4, 3), (4, 7)])
def test_of_rows_with_one_key_the_same_one_wins_whatever_the_lanes(
    any_url: str, lanes: int, batch_size: int
):
    run(any_url, USERS)
    table = BatchTable(any_url, "users")
    rows = [user(n % 10, f"v{n // 10}") for n in range(30)]
    result = table.create_many(rows, atomic=False, batch_size=batch_size, max_concurrency=lanes)
    assert names(any_url) == [(n, "v0") for n in range(10)]
    assert codes(result) == [(n, "23505", "id") for n in range(10, 30)]
    rows = [user(n % 10, f"w{n // 10}") for n in range(30)]
    result = table.upsert_many(rows, atomic=False, batch_size=batch_size, max_concurrency=lanes)
    assert names(any_url) == [(n, "w2") for n in range(10)]
    assert (result.stats.updated, result.stats.skipped) == (10, 20)
    changes = [(n % 10, {"name": f"x{n // 10}"}) for n in range(30)]
    result = table.update_many(changes, atomic=False, batch_size=batch_size, max_concurrency=lanes)
    assert names(any_url) == [(n, "x2") for n in range(10)]
    assert (result.stats.updated, result.stats.skipped) == (10, 20)
    keys = [n % 10 for n in range(30)]
    result = table.delete_many(keys, atomic=False, batch_size=batch_size, max_concurrency=lanes)
    assert (result.stats.deleted, result.stats.total) == (10, 10)


# trouble that passes


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses a call makes: they are noted, and not made."""
    return noted(monkeypatch)


class Rival:
    """Somebody else, who works on the same rows."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url)
        self.connection = self._engine.connect()

    def holds(self, *numbers: int) -> None:
        for number in numbers:
            self.run(f"UPDATE users SET age = 1 WHERE id = {number}")

    def run(self, statement: str) -> None:
        self.connection.exec_driver_sql(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self._engine.dispose()


def impatient(url: str, setting: str) -> sa.Engine:
    return sa.create_engine(url, connect_args={"options": f"-c {setting}"})


MEETING = (
    USERS,
    "INSERT INTO users (id, name) VALUES (1, 'old'), (2, 'old')",
    "CREATE SEQUENCE turns",
    # the first row that is changed stays locked until the rival waits for it
    (
        "CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.name = 'new' AND nextval('turns') = 1 THEN"
        "  PERFORM pg_advisory_xact_lock(1);"
        "  FOR n IN 1..1000 LOOP"
        "   EXIT WHEN EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted);"
        "   PERFORM pg_sleep(0.01);"
        "  END LOOP;"
        " END IF; RETURN NEW; END $$"
    ),
    "CREATE TRIGGER meet BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION meet()",
)


@pytest.mark.parametrize("atomic", [True, False])
def test_a_deadlock_is_tried_again(postgresql_url: str, pauses: list[float], atomic: bool):
    """The rival holds row 2 and wants row 1; the call holds row 1 and wants row 2."""
    run(postgresql_url, *MEETING)
    engine = impatient(postgresql_url, "deadlock_timeout=20ms")
    table = BatchTable(engine, "users")
    table.get_many([1])
    with Rival(postgresql_url) as rival:
        rival.run("SET deadlock_timeout = '30s'")
        rival.connection.commit()
        rival.holds(2)

        def cross() -> None:
            for _ in range(1000):
                if rows_of(postgresql_url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"):
                    break
                threading.Event().wait(0.01)
            rival.holds(1)
            rival.connection.commit()

        crossing = threading.Thread(target=cross)
        crossing.start()
        changes = [(1, {"name": "new"}), (2, {"name": "new"})]
        result = table.update_many(changes, atomic=atomic)
        crossing.join()
    assert pauses == [0.1]
    assert result.stats.updated == 2
    assert names(postgresql_url) == [(1, "new"), (2, "new")]
    engine.dispose()


def test_a_deadlock_is_not_tried_again_where_that_is_forbidden(postgresql_url: str):
    run(postgresql_url, USERS, "INSERT INTO users (id, name) VALUES (1, 'old')")
    engine = impatient(postgresql_url, "lock_timeout=20ms")
    table = BatchTable(engine, "users")
    with Rival(postgresql_url) as rival:
        rival.holds(1)
        with pytest.raises(ExecutionError, match="55P03") as raised:
            table.update_many([(1, {"name": "new"})], retry=RetryPolicy(max_retries=0))
        assert "Nothing was written" in str(raised.value)
        rival.connection.rollback()
    assert table.update_many([(1, {"name": "new"})]).stats.updated == 1
    engine.dispose()


@pytest.mark.parametrize("atomic", [True, False])
def test_as_often_and_with_such_pauses_as_the_policy_says(
    postgresql_url: str, pauses: list[float], atomic: bool
):
    run(postgresql_url, USERS, "INSERT INTO users (id, name) VALUES (1, 'old'), (2, 'old')")
    engine = impatient(postgresql_url, "lock_timeout=5ms")
    table = BatchTable(engine, "users")
    policy = RetryPolicy(max_retries=4, initial_delay=0.5, max_delay=3, backoff_factor=3)
    with Rival(postgresql_url) as rival:
        rival.holds(2)
        changes = [(1, {"name": "new"}), (2, {"name": "new"})]
        with pytest.raises(ExecutionError):
            table.update_many(changes, batch_size=1, retry=policy, atomic=atomic)
        rival.connection.rollback()
    assert pauses == [0.5, 1.5, 3, 3]
    assert names(postgresql_url)[0] == (1, "old" if atomic else "new")
    engine.dispose()


def test_jitter_spreads_the_pauses():
    policy = RetryPolicy(initial_delay=1, jitter=0.5)
    found = {policy.delay(1) for _ in range(50)}
    assert len(found) > 40
    assert all(0.5 <= pause <= 1.5 for pause in found)
    assert {RetryPolicy(initial_delay=1).delay(n) for n in (1, 1)} == {1}


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("form", [list, iter])
def test_a_session_that_is_ended_is_made_anew(postgresql_url: str, atomic: bool, form: Any):
    """A generator cannot be gone through again: then the call says that nothing was written."""
    run(postgresql_url, USERS)
    table = BatchTable(postgresql_url, "users")
    ended: list[int] = []

    def end(done: int, _: int | None) -> None:
        if done == 2 and not ended:
            ended.append(done)
            with connected(postgresql_url) as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'batch_ops'"
                )

    rows = form([user(n) for n in range(6)])
    policy = RetryPolicy(initial_delay=0)

    def call() -> BatchResult[Any]:
        return table.create_many(rows, batch_size=2, atomic=atomic, on_progress=end, retry=policy)

    if atomic and form is iter:
        with pytest.raises(ExecutionError, match=r"(?s)connection is lost.*Nothing was written"):
            call()
        assert count(postgresql_url) == 0
    else:
        assert call().stats.created == 6
        assert count(postgresql_url) == 6
    assert ended


def test_a_busy_sqlite_is_tried_again(sqlite_url: str):
    run(sqlite_url, USERS)
    engine = sa.create_engine(sqlite_url, connect_args={"timeout": 0})
    table = BatchTable(engine, "users")
    table.get_many([1])
    with Rival(sqlite_url) as rival:
        rival.run("INSERT INTO users (id, name) VALUES (9, 'rival')")
        with pytest.raises(ExecutionError, match="database is locked"):
            table.create_many([user(1)], retry=RetryPolicy(max_retries=0))
        release = threading.Timer(0.1, rival.connection.commit)
        release.start()
        policy = RetryPolicy(max_retries=500, initial_delay=0.02, backoff_factor=1)
        assert table.create_many([user(1)], retry=policy).stats.created == 1
        release.join()
    assert [number for number, _ in names(sqlite_url)] == [1, 9]
    engine.dispose()


def test_every_call_is_tried_again_as_often_as_its_policy_says(
    sqlite_url: str, pauses: list[float]
):
    moments = USERS.replace("version INTEGER", "ends DATETIME, version INTEGER")
    run(sqlite_url, moments, "INSERT INTO users (id, name, ends) VALUES (1, 'x', '2000-01-01')")
    engine = sa.create_engine(sqlite_url, connect_args={"timeout": 0})
    table = BatchTable(engine, "users", soft_delete="email", expires="ends")
    chosen = table.where("id = 1")
    calls: list[Callable[..., Any]] = [
        lambda **options: table.create_many([user(2)], **options),
        lambda **options: table.create_many([user(2)], on_conflict="skip", **options),
        lambda **options: table.upsert_many([user(1)], **options),
        lambda **options: table.update_many([(1, {"age": 1})], **options),
        lambda **options: table.update_many(chosen, {"age": 1}, **options),
        lambda **options: table.delete_many([1], **options),
        lambda **options: table.delete_many(chosen, **options),
        lambda **options: table.touch_many([1], column="age", value=1, **options),
        lambda **options: table.soft_delete_many([1], **options),
        lambda **options: table.write_many([user(1)], [2], **options),
        table.purge_expired,
    ]
    table.get_many([1])
    with Rival(sqlite_url) as rival:
        rival.holds(1)
        for call in calls:
            for atomic in (True, False):
                pauses.clear()
                with pytest.raises(ExecutionError, match="database is locked"):
                    call(retry=RetryPolicy(max_retries=2, initial_delay=2), atomic=atomic)
                assert (calls.index(call), atomic, pauses) == (calls.index(call), atomic, [2, 4])
    engine.dispose()


def test_a_row_s_own_fault_is_not_tried_again(users_url: str, pauses: list[float]):
    table = BatchTable(users_url, "users")
    table.create_many([user(1, age=-1)], atomic=False)
    assert pauses == []


@pytest.mark.parametrize("throttle", [0.25, dt.timedelta(milliseconds=250)])
@pytest.mark.parametrize("atomic", [True, False])
def test_there_is_a_pause_between_two_batches(
    users_url: str, pauses: list[float], throttle: Any, atomic: bool
):
    table = BatchTable(users_url, "users")
    rows = [user(n) for n in range(5)]
    table.create_many(rows, batch_size=2, throttle=throttle, atomic=atomic)
    assert pauses == [0.25, 0.25]
    pauses.clear()
    table.update_many(rows, batch_size=2, atomic=atomic)
    assert pauses == []
    table.update_many(
        table.where("id >= 0"), {"age": 1}, batch_size=2, throttle=throttle, atomic=atomic
    )
    assert pauses == ([] if atomic else [0.25, 0.25])


def test_no_more_rows_a_second_are_written_than_a_throttle_allows(
    users_url: str, pauses: list[float]
):
    table = BatchTable(users_url, "users")
    slowly = Throttle(rows_per_second=10)
    table.create_many([user(n) for n in range(5)], batch_size=2, throttle=slowly)
    assert pauses == [0.2, 0.2]


# deciding row by row


class Decider:
    """Answers in turn, the last answer for ever; notes what it is asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def __call__(self, item: Any, error: Any) -> Any:
        self.asked.append((item, error.code))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


BAD_ROWS = [user(1), user(2, age=-1), user(3), user(4, age=-1), user(5)]


@pytest.mark.parametrize("answer", ["continue", None])
def test_on_error_may_go_on(users_url: str, answer: Any):
    table, decide = BatchTable(users_url, "users"), Decider(answer)
    result = table.create_many(
        BAD_ROWS, atomic=False, continue_on_error=False, batch_size=2, on_error=decide
    )
    assert decide.asked == [(BAD_ROWS[1], "23514"), (BAD_ROWS[3], "23514")]
    assert (result.stats.created, result.stats.failed, result.stopped) == (3, 2, None)


def test_on_error_may_stop(users_url: str):
    table, decide = BatchTable(users_url, "users"), Decider("stop")
    result = table.create_many(BAD_ROWS, atomic=False, batch_size=2, on_error=decide)
    assert len(decide.asked) == 1
    assert result.stopped == "on_error said stop"
    assert (result.stats.created, result.stats.failed, result.stats.total) == (1, 1, 2)
    assert names(users_url) == [(1, "new")]


def test_on_error_may_give_another_row(users_url: str):
    table = BatchTable(users_url, "users")
    result = table.create_many(
        BAD_ROWS, atomic=False, on_error=lambda item, _: {**item, "age": 0, "name": "mended"}
    )
    assert (result.stats.created, result.stats.failed, result.stats.total) == (5, 0, 5)
    assert not result.failed
    assert names(users_url)[1] == (2, "mended")


def test_another_row_saves_an_atomic_call(users_url: str):
    table = BatchTable(users_url, "users")
    mend = {"age": 0}
    result = table.create_many(BAD_ROWS, batch_size=2, on_error=lambda item, _: {**item, **mend})
    assert (result.committed, result.stats.created) == (True, 5)
    assert count(users_url) == 5
    changes = [(n, {"age": -1}) for n in range(1, 6)]
    result = table.update_many(
        changes, batch_size=2, on_error=lambda item, _: {"key": item[0], "data": {"age": 9}}
    )
    assert result.stats.updated == 5
    assert rows_of(users_url, "SELECT DISTINCT age FROM users") == [(9,)]
    rows = [user(1, age=-1), user(9, age=-1)]
    result = table.upsert_many(rows, on_error=lambda item, _: {**item, "age": 3})
    assert (result.stats.updated, result.stats.created) == (1, 1)


def test_an_atomic_call_in_which_a_row_is_left_out_writes_nothing(users_url: str):
    table = BatchTable(users_url, "users")
    with pytest.raises(BatchOperationError):
        table.create_many(BAD_ROWS, on_error=Decider("continue"))
    assert count(users_url) == 0


def test_on_error_may_try_again_as_often_as_the_policy_says(users_url: str):
    table, decide = BatchTable(users_url, "users"), Decider("retry")
    result = table.create_many(
        BAD_ROWS[:2], atomic=False, on_error=decide, retry=RetryPolicy(max_retries=3)
    )
    assert len(decide.asked) == 3
    assert (result.stats.created, result.stats.failed, result.stats.total) == (1, 1, 2)

    def make_room(item: Any, _: Any) -> str:
        run(users_url, f"DELETE FROM users WHERE id = {item['id']}")
        return "retry"

    result = table.create_many([user(1, "again")], atomic=False, on_error=make_room)
    assert (result.stats.created, result.stats.failed) == (1, 0)
    assert names(users_url) == [(1, "again")]


def test_on_error_is_asked_about_every_kind_of_call(users_url: str):
    run(users_url, OWNED)
    table, decide = BatchTable(users_url, "users"), Decider("continue")
    table.create_many([user(1), user(2)])
    run(users_url, "INSERT INTO children VALUES (1, 1)")
    table.update_many([(1, {"age": -1})], atomic=False, on_error=decide)
    table.upsert_many([user(1, age=-1)], atomic=False, on_error=decide)
    table.delete_many([1, 2], atomic=False, on_error=decide)
    table.touch_many([1, 2], column="age", value=-1, atomic=False, on_error=decide)
    assert [code for _, code in decide.asked] == ["23514", "23514", "23503", "23514"]
    schema = BatchTable(users_url, "users", schema=Adult)
    schema.create_many([user(3, age=1)], atomic=False, on_error=decide)
    assert decide.asked[-1][1] == "schema"


def test_what_on_error_gives_is_judged(users_url: str):
    table = BatchTable(users_url, "users")
    with pytest.raises(ParameterError, match="on_error gave 'sometimes'"):
        table.create_many(BAD_ROWS, atomic=False, on_error=Decider("sometimes"))


def test_an_error_of_on_error_itself_is_the_caller_s(users_url: str):
    def fail(item: Any, error: Any) -> None:
        raise ZeroDivisionError

    table = BatchTable(users_url, "users")
    with pytest.raises(ZeroDivisionError):
        table.create_many(BAD_ROWS, on_error=fail)
    assert count(users_url) == 0


# expiry


@pytest.fixture
def sessions_url(any_url: str) -> str:
    moment = "TIMESTAMP WITH TIME ZONE" if kind(any_url) == POSTGRESQL else "DATETIME"
    columns = f"id INTEGER PRIMARY KEY, n INTEGER, ends {moment}, gone {moment}"
    return run(any_url, f"CREATE TABLE sessions ({columns})")


def lasting(table: BatchTable[Any], key: int) -> float | None:
    """Seconds until a row expires."""
    ends = table.get_many([key]).found[0]["ends"]
    if ends is None:
        return None
    zoned = ends if ends.tzinfo else ends.replace(tzinfo=dt.UTC)
    return (zoned - dt.datetime.now(dt.UTC)).total_seconds()


def test_rows_expire_after_the_time_that_is_said(sessions_url: str):
    table = BatchTable(sessions_url, "sessions", expires="ends")
    table.create_many([{"id": 1}], expires_in=100)
    table.upsert_many([{"id": 2}], expires_in=dt.timedelta(hours=1))
    table.create_many([{"id": n} for n in (3, 4, 5)])
    table.update_many([(3, {"n": 1})], expires_in=200)
    items = [
        {"key": 4, "data": {"n": 1}, "options": {"expires_in": 300}},
        {"key": 5, "data": {"n": 1}},
    ]
    table.update_many(items)
    wanted = {1: 100, 2: 3600, 3: 200, 4: 300}
    for key, seconds in wanted.items():
        assert lasting(table, key) == pytest.approx(seconds, abs=20)
    assert lasting(table, 5) is None
    table.update_many(table.where("id = 5"), {"n": 2}, expires_in=400)
    assert lasting(table, 5) == pytest.approx(400, abs=20)
    table.touch_many([1], column="n", value=3, expires_in=500)
    assert lasting(table, 1) == pytest.approx(500, abs=20)
    table.write_many(puts=[{"id": 1}], expires_in=600)
    assert lasting(table, 1) == pytest.approx(600, abs=20)
    marking = BatchTable(sessions_url, "sessions", expires="ends", soft_delete="gone")
    marking.soft_delete_many([1], expires_in=700)
    assert lasting(table, 1) == pytest.approx(700, abs=20)


def test_expired_rows_are_purged_and_no_others(sessions_url: str):
    table = BatchTable(sessions_url, "sessions", expires="ends")
    past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    table.create_many([{"id": n, "ends": past} for n in range(5)])
    table.create_many([{"id": 7}, {"id": 8, "ends": past + dt.timedelta(hours=1)}])
    result = table.purge_expired(atomic=False, batch_size=2, return_rows=True)
    assert result.stats.deleted == 5
    assert [row["id"] for row in result.deleted] == list(range(5))
    assert rows_of(sessions_url, "SELECT id FROM sessions ORDER BY id") == [(7,), (8,)]
    assert table.purge_expired().stats.deleted == 0


# updates


def test_only_the_fields_that_are_named_are_set(users_url: str):
    table = BatchTable(users_url, "users")
    table.create_many([user(1, age=1, email="a"), user(2, age=1, email="b")])
    rows = [user(1, "x", age=9, email="z"), {"id": 2, "age": 8}]
    assert table.update_many(rows, fields=["age", "name"]).stats.updated == 2
    assert rows_of(users_url, "SELECT name, age, email FROM users ORDER BY id") == [
        *(("x", 9, "a"), ("new", 8, "b")),
    ]
    assert table.update_many([(1, {"email": "q"})], fields=["age"]).stats.updated == 1
    assert rows_of(users_url, "SELECT email FROM users WHERE id = 1") == [("a",)]


def test_a_row_somebody_else_has_changed_is_not_updated(any_url: str):
    run(any_url, USERS)
    table = BatchTable(any_url, "users", version="version")
    table.create_many([user(n) for n in (1, 2, 3)])
    assert table.update_many([(1, {"age": 1})]).stats.updated == 1
    result = table.update_many(
        [(n, {"age": 2}) for n in (1, 2, 9)], expected_version=1, atomic=False
    )
    assert codes(result) == [(0, "version_conflict", "version")]
    assert [one.key for one in result.not_found] == [9]
    items = [
        {"key": 1, "data": {"age": 3}, "options": {"expected_version": 2}},
        {"key": 2, "data": {"age": 3}, "options": {"expected_version": 1}},
        {"key": 3, "data": {"age": 3}},
    ]
    result = table.update_many(items, atomic=False)
    assert codes(result) == [(1, "version_conflict", "version")]
    assert rows_of(any_url, "SELECT id, age, version FROM users ORDER BY id") == [
        *((1, 3, 3), (2, 2, 2), (3, 3, 2)),
    ]
    with pytest.raises(BatchOperationError):
        table.update_many([(1, {"age": 4}), (2, {"age": 4})], expected_version=2)
    assert rows_of(any_url, "SELECT age FROM users WHERE id = 2") == [(2,)]


def test_chosen_rows_are_set_to_values_and_expressions(any_url: str):
    run(any_url, USERS)
    table = BatchTable(any_url, "users")
    table.create_many([user(n, age=n) for n in range(6)])
    chosen = table.where("age >= :least AND id IN (:ids)", least=2, ids=[1, 2, 3, 4])
    assert [row["id"] for row in chosen] == [2, 3, 4]
    values = {"age": {"sql": "age + 10"}, "name": "it's :x %"}
    assert table.update_many(chosen, values, batch_size=2).stats.updated == 3
    assert rows_of(any_url, "SELECT id, age, name FROM users WHERE age > 9 ORDER BY id") == [
        (n, n + 10, "it's :x %") for n in (2, 3, 4)
    ]
    result = table.update_many(table.where("id < 2"), {"age": {"sql": "age - 1"}}, atomic=False)
    assert [(row.key, row.error.code, row.error.field) for row in result.failed] == [
        (0, "23514", "age")
    ]
    assert result.stats.updated == 1
    with pytest.raises(BatchOperationError):
        table.update_many(table.where("id < 2"), {"age": {"sql": "age - 1"}})
    assert rows_of(any_url, "SELECT age FROM users WHERE id < 2 ORDER BY id") == [(0,), (0,)]


# conflicts


@pytest.fixture
def stocked_url(any_url: str) -> str:
    return run(
        any_url,
        "CREATE TABLE goods (id INTEGER PRIMARY KEY, sku VARCHAR(9) UNIQUE, price INTEGER,"
        " state VARCHAR(9) DEFAULT 'new')",
        "INSERT INTO goods VALUES (1, 'a', 10, 'old'), (2, 'b', 20, 'old')",
    )


NEW_GOODS = [{"id": 1, "price": 11}, {"id": 3, "price": 30}, {"id": 3, "price": 31}]


def goods(url: str) -> list[tuple[Any, ...]]:
    return rows_of(url, "SELECT id, sku, price, state FROM goods ORDER BY id")


@pytest.mark.parametrize(
    "mode, third, first, counts",
    [
        ("error", 30, (1, "a", 10, "old"), {"created": 1, "failed": 2}),
        ("skip", 30, (1, "a", 10, "old"), {"created": 1, "skipped": 2}),
        ("update", 31, (1, "a", 11, "old"), {"created": 1, "updated": 1, "skipped": 1}),
        ("replace", 31, (1, None, 11, "new"), {"created": 1, "updated": 1, "skipped": 1}),
    ],
)
def test_a_row_that_is_there_fails_or_is_skipped_updated_or_replaced(
    stocked_url: str, mode: Any, third: int, first: tuple[Any, ...], counts: dict[str, int]
):
    table = BatchTable(stocked_url, "goods")
    result = table.create_many(NEW_GOODS, on_conflict=mode, atomic=False)
    stats = result.stats.to_dict()
    assert {name: n for name, n in stats.items() if n and name != "total"} == counts
    assert goods(stocked_url) == [first, (2, "b", 20, "old"), (3, None, third, "new")]


def test_what_makes_two_rows_the_same_may_be_said(stocked_url: str):
    table = BatchTable(stocked_url, "goods")
    rows = [{"id": 7, "sku": "a", "price": 12}, {"id": 8, "sku": "c", "price": 30}]
    result = table.upsert_many(rows, conflict_target="sku")
    assert (result.stats.updated, result.stats.created) == (1, 1)
    assert goods(stocked_url)[0] == (1, "a", 12, "old")
    result = table.create_many(rows, on_conflict="skip", conflict_target=["sku"])
    assert result.stats.skipped == 2
    new = [{"id": 9, "sku": "a"}, {"id": 10, "sku": "d"}, {"id": 11, "sku": "d"}]
    result = table.create_many(new, on_conflict="skip")
    assert (result.stats.created, result.stats.skipped) == (1, 2)
    assert table.delete_many([10]).stats.deleted == 1
    result = table.upsert_many(
        [{"id": 1, "sku": "a"}], on_conflict="replace", conflict_target="sku"
    )
    assert result.stats.updated == 1
    assert goods(stocked_url)[0] == (1, "a", None, "new")
    new = [{"id": 77, "sku": "b", "price": 99}]
    assert table.create_many(new, on_conflict="update", conflict_target="sku").stats.updated == 1
    assert goods(stocked_url)[1] == (2, "b", 99, "old")
    result = table.create_many(new, on_conflict="skip", conflict_target="id", atomic=False)
    assert codes(result) == [(0, "23505", "sku")]
    # with the key as what makes them the same, another unique column fails the row
    result = table.upsert_many([{"id": 5, "sku": "a"}], atomic=False)
    assert codes(result) == [(0, "23505", "sku")]


def test_rows_that_would_not_change_are_not_written(postgresql_url: str):
    run(
        postgresql_url,
        USERS,
        "CREATE TABLE log (id INTEGER)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO log VALUES (NEW.id); RETURN NEW; END'",
        "CREATE TRIGGER note AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note()",
    )
    table = BatchTable(postgresql_url, "users")
    table.create_many([user(1), user(2)])
    result = table.upsert_many([user(1), user(2, "x")])
    assert (result.stats.unchanged, result.stats.updated) == (1, 1)
    assert rows_of(postgresql_url, "SELECT id FROM log") == [(2,)]


# deletes


@pytest.fixture
def family_url(database_url: str) -> str:
    return run(
        database_url,
        USERS,
        OWNED,
        "CREATE TABLE toys (id INTEGER PRIMARY KEY, child INTEGER REFERENCES children (id))",
        "INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        "INSERT INTO children VALUES (10, 1), (11, 1), (20, 2)",
        "INSERT INTO toys VALUES (100, 10), (200, 20), (201, 20)",
    )


def test_a_cascade_is_said_for_the_call_or_for_an_item(family_url: str):
    table = BatchTable(family_url, "users")
    items = [1, {"key": 2, "options": {"cascade": True}}, 3, {"key": 9}]
    result = table.delete_many(items, atomic=False)
    assert codes(result) == [(0, "23503", "id")]
    assert (result.stats.deleted, result.stats.not_found) == (2, 1)
    assert result.cascaded == {"children": 1, "toys": 2}
    assert rows_of(family_url, "SELECT id FROM toys") == [(100,)]
    items = [{"key": 1, "options": {"cascade": False}}]
    assert table.delete_many(items, cascade=True, atomic=False).stats.failed == 1
    result = table.delete_many([1], cascade=True)
    assert (result.stats.deleted, result.cascaded) == (1, {"children": 2, "toys": 1})
    assert (count(family_url), count(family_url, "children"), count(family_url, "toys")) == (
        0,
        0,
        0,
    )


def test_a_plan_deletes_nothing(family_url: str):
    table = BatchTable(family_url, "users")
    plan = table.delete_many([1, 2, 9], plan=True)
    assert plan.cascaded == {"toys": 3, "children": 3, "users": 2}
    assert (plan.committed, plan.stats.deleted) == (False, 0)
    assert table.delete_many(table.where("id = 3"), plan=True).cascaded == {"users": 1}
    assert (count(family_url), count(family_url, "children"), count(family_url, "toys")) == (
        3,
        3,
        3,
    )
    with BatchTable(sa.create_engine(family_url), "users") as other:
        assert other.delete_many([1], plan=True).cascaded["children"] == 2


def test_soft_deleted_rows_are_marked_once(any_url: str):
    run(any_url, "CREATE TABLE notes (id INTEGER PRIMARY KEY, gone TIMESTAMP NULL)")
    table = BatchTable(any_url, "notes", soft_delete="gone")
    table.create_many([{"id": n} for n in range(4)])
    result = table.soft_delete_many([0, 1, 9], return_rows=True)
    assert (result.stats.deleted, [one.key for one in result.not_found]) == (2, [9])
    assert [row["id"] for row in result.deleted] == [0, 1]
    again = table.soft_delete_many([1, 2, 2])
    assert (again.stats.deleted, again.stats.not_found, again.stats.total) == (1, 1, 2)
    assert rows_of(any_url, "SELECT id FROM notes WHERE gone IS NULL") == [(3,)]
    (found,) = table.get_many([0]).found
    moment = found["gone"] if found["gone"].tzinfo else found["gone"].replace(tzinfo=dt.UTC)
    assert abs((dt.datetime.now(dt.UTC) - moment).total_seconds()) < 60


def test_one_column_is_touched(any_url: str):
    run(
        any_url, "CREATE TABLE notes (id INTEGER PRIMARY KEY, updated_at TIMESTAMP NULL, n INTEGER)"
    )
    table = BatchTable(any_url, "notes")
    table.create_many([{"id": 1}, {"id": 2}])
    assert table.touch_many([1, 9, 1]).stats.updated == 1
    assert rows_of(any_url, "SELECT id FROM notes WHERE updated_at IS NULL") == [(2,)]
    assert table.touch_many([1, 2], column="n", value=7).stats.updated == 2
    assert rows_of(any_url, "SELECT n FROM notes") == [(7,), (7,)]


@pytest.mark.parametrize("atomic", [True, False])
def test_puts_and_deletes_go_together(users_url: str, atomic: bool):
    run(users_url, OWNED, "INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b')")
    run(users_url, "INSERT INTO children VALUES (1, 2)")
    table = BatchTable(users_url, "users")
    result = table.write_many(puts=[user(3), user(1, "x")], deletes=[9], atomic=atomic)
    assert (result.stats.created, result.stats.updated, result.stats.not_found) == (1, 1, 1)
    assert [one.index for one in result.not_found] == [2]
    result = outcome(lambda: table.write_many(puts=[user(4)], deletes=[3, 2], atomic=atomic))
    assert [(row.index, row.key) for row in result.failed] == [(2, 2)]
    wanted = [1, 2, 3] if atomic else [1, 2, 4]
    assert [number for number, _ in names(users_url)] == wanted


def test_puts_and_deletes_are_one_call(users_url: str):
    """Progress is told of both; what is stopped in the one does not begin the other."""
    table = BatchTable(users_url, "users")
    table.create_many([user(8), user(9)])
    told: list[Any] = []
    rows = [user(n) for n in (1, 2, 3)]
    options: Any = {"batch_size": 2, "on_progress": lambda *one: told.append(one)}
    table.write_many(puts=rows, deletes=[8, 9], **options)
    assert told == [(2, 5), (3, 5), (5, 5)]
    bad = [user(4, age=-1)]
    result = table.write_many(puts=bad, deletes=[1], atomic=False, on_error=Decider("stop"))
    assert (result.stopped, result.stats.total) == ("on_error said stop", 1)
    with pytest.raises(BatchOperationError):
        table.write_many(puts=bad, deletes=[1], on_error=Decider("continue"))
    assert [number for number, _ in names(users_url)] == [1, 2, 3]
    result = table.write_many(
        puts=bad, deletes=[1], on_error=lambda row, _: {**row, "age": 1}, return_rows=True
    )
    assert (result.stats.created, result.stats.deleted) == (1, 1)


# looking up


def test_only_the_columns_that_are_named_are_read(users_url: str):
    table = BatchTable(users_url, "users")
    table.create_many([user(1, age=3), user(2)])
    found = table.get_many([2, 1, 9, 2], columns=["age", "id"]).found
    assert found == [{"age": None, "id": 2}, {"age": 3, "id": 1}]


@pytest.mark.parametrize("batch_size", [None, 2])
def test_rows_may_be_read_one_after_the_other(users_url: str, batch_size: int | None):
    table = BatchTable(users_url, "users")
    table.create_many([user(n) for n in range(5)])
    taken: list[Any] = []
    given = [3, 9, {"id": 1}, 3, 4]
    keys = (taken.append(key) or key for key in given)  # type: ignore[func-returns-value]
    stream = table.get_many(keys, stream=True, columns=["id"], batch_size=batch_size)
    assert next(stream) == (3, {"id": 3})
    assert taken == given[: batch_size or 5]
    assert list(stream) == [(9, None), ({"id": 1}, {"id": 1}), (3, {"id": 3}), (4, {"id": 4})]


def test_a_lookup_tells_what_it_found(users_url: str):
    table = BatchTable(users_url, "users")
    table.create_many([user(n) for n in range(5)])
    result = table.get_many(iter([4, 7, 0, 4, "x"]), batch_size=2)
    assert [row["id"] for row in result.found] == [4, 0]
    assert [(one.key, one.index) for one in result.not_found] == [(7, 1)]
    assert codes(result) == [(4, "22P02", "id")]
    assert (result.stats.total, result.stats.selected, result.succeeded) == (4, 2, 2)


def test_chosen_rows_are_read_in_key_order_a_batch_at_a_time(any_url: str):
    run(any_url, USERS)
    table = BatchTable(any_url, "users")
    table.create_many([user(n) for n in (5, 3, 1, 4, 2)])
    assert [row["id"] for row in table.where("id > :n", n=1, batch_size=2)] == [2, 3, 4, 5]


def test_how_many_chosen_rows_are_read_at_once_may_be_said(users_url: str):
    engine = sa.create_engine(users_url)
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *one: statements.append(one[2]))
    table = BatchTable(engine, "users")
    table.create_many([user(n) for n in range(40)])
    asked = []
    for size in (40, 1):
        statements.clear()
        assert len(list(table.where("TRUE", batch_size=size))) == 40
        asked.append(len(statements))
    assert asked[1] >= asked[0] + 30
    result = table.update_many(table.where("TRUE"), {"age": 1}, batch_size=4, atomic=False)
    assert result.stats.updated == 40
    engine.dispose()


# chunks


def test_a_function_is_called_with_so_many_at_a_time(users_url: str, pauses: list[float]):
    table = BatchTable(users_url, "users")
    table.create_many([user(n) for n in range(5)])
    told: list[Any] = []
    results = table.process_in_chunks(
        range(5), 2, table.delete_many, throttle=0.5, on_progress=lambda *one: told.append(one)
    )
    assert [result.stats.deleted for result in results] == [2, 2, 1]
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert pauses == [0.5, 0.5]


def test_a_chunk_that_fails_says_which_it_is_and_what_was_done(users_url: str):
    def fail_at_three(keys: list[int]) -> int:
        if 3 in keys:
            raise ValueError("three is bad")
        return len(keys)

    table = BatchTable(users_url, "users")
    with pytest.raises(ExecutionError) as raised:
        table.process_in_chunks((n for n in range(5)), 2, fail_at_three)
    text = str(raised.value)
    assert "Chunk 2 (items 2 to 3) failed: three is bad" in text
    assert "2 items" in text
    assert isinstance(raised.value.__cause__, ValueError)


# results


def test_failed_rows_are_tried_again_and_merged_into_the_result(any_url: str):
    run(any_url, USERS)
    table = BatchTable(any_url, "users")
    result = table.create_many(BAD_ROWS, atomic=False, batch_size=2, return_rows=True)
    before = result.duration
    assert result.retry({1: user(2, age=1)}) is result
    assert codes(result) == [(3, "23514", "age")]
    assert (result.stats.created, result.stats.failed, result.stats.total) == (4, 1, 5)
    assert len(result.created) == 4
    assert result.duration >= before
    run(any_url, "DELETE FROM users WHERE id = 2")
    result.retry({3: user(4, age=1)})
    assert (result.stats.created, result.stats.failed, list(result.failed)) == (5, 0, [])
    assert result.retry() is result
    result.raise_for_failures()
    assert [number for number, _ in names(any_url)] == [1, 3, 4, 5]


def test_failed_rows_of_every_call_are_tried_again(users_url: str):
    run(users_url, OWNED)
    table = BatchTable(users_url, "users")
    table.create_many([user(n) for n in range(1, 5)])
    result = table.upsert_many([user(1, "x", age=-1), user(5, age=-1)], atomic=False)
    result.retry({0: user(1, "x", age=1), 1: user(5, age=1)})
    assert (result.stats.updated, result.stats.created, result.stats.failed) == (1, 1, 0)
    changes = [(1, {"name": "y"}), (2, {"age": -1}), (3, {"age": -1})]
    result = table.update_many(changes, atomic=False)
    result.retry({1: (2, {"age": 4}), 2: (99, {"age": 4})})
    assert (result.stats.updated, result.stats.not_found, result.stats.failed) == (2, 1, 0)
    assert [(one.key, one.index) for one in result.not_found] == [(99, 2)]
    run(users_url, "INSERT INTO children VALUES (1, 4)")
    result = table.delete_many([3, 4], atomic=False)
    assert codes(result) == [(1, "23503", "id")]
    run(users_url, "DELETE FROM children")
    result.retry()
    assert (result.stats.deleted, result.stats.failed, result.stats.total) == (2, 0, 2)
    schema = BatchTable(users_url, "users", schema=Adult)
    result = schema.create_many([user(7, age=1), user(8, age=20)], atomic=False)
    result.retry({0: user(7, age=40)})
    assert (result.stats.created, result.stats.invalid, result.stats.failed) == (2, 0, 0)


def test_a_result_tells_itself(users_url: str):
    table = BatchTable(users_url, "users")
    result = table.create_many(BAD_ROWS, atomic=False)
    text = repr(result)
    assert text.startswith("<create_many: 3 of 5 rows created, 2 failed, in ")
    assert "rows/s)>" in text
    assert (result.success_rate, result.succeeded) == (0.6, 3)
    told = result.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["stats"]["created"] == 3
    assert told["failed"][0] == {
        "index": 1,
        "key": 2,
        "data": BAD_ROWS[1],
        "error": told["failed"][0]["errors"][0],
        "errors": told["failed"][0]["errors"],
    }
    assert told["failed"][0]["error"]["code"] == "23514"
    frame = result.to_frame()
    assert list(frame["index"]) == [1, 3]
    assert list(frame["code"]) == ["23514", "23514"]
    assert list(frame["data.age"]) == [-1, -1]
    empty = table.delete_many([])
    assert repr(empty).startswith("<delete_many: no rows")
    assert len(empty.to_frame()) == 0
    undone = table.create_many(BAD_ROWS, continue_on_error=True)
    assert "nothing written" in repr(undone)
    missing = table.delete_many([99])
    assert missing.to_dict()["not_found"] == [{"key": 99, "index": 0}]


def test_an_error_tells_which_rows_failed_and_why(users_url: str):
    table = BatchTable(users_url, "users")
    with pytest.raises(BatchOperationError) as raised:
        table.create_many([user(n, age=-1) for n in range(5)])
    text = str(raised.value)
    assert "create_many: 5 of 5 rows failed" in text
    assert all(f"row {n}" in text for n in range(3))
    assert "…" in text
    assert raised.value.operation == "create_many"
    assert raised.value.failure_count == 5


def test_how_many_indexes_a_row_is_entered_in_is_told(any_url: str):
    run(any_url, USERS, "CREATE INDEX users_age ON users (age)")
    table = BatchTable(any_url, "users")
    wanted = 2 if kind(any_url) == SQLITE else 3  # the key of a rowid table is the table itself
    assert table.create_many([user(1)]).indexes in (wanted, 3)
