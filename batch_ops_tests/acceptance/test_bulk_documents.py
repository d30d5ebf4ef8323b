"""Each example of the two documents on bulk calls, with what comes of it; and their mistakes that
are not made here (M13 to M15).
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

import pytest
from pydantic import BaseModel, Field, model_validator

from batch_ops import BatchBrokenError, BatchOperationError, BatchTable, BatchValidationError
from batch_ops.bulk import RetryPolicy
from batch_ops.errors import ExecutionError, ParameterError, UnknownNameError
from batch_ops.results import Counts
from batch_ops_tests.support import guide, shop
from batch_ops_tests.support.pauses import noted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.bulk import RowError
    from batch_ops_tests.support.shop import Shop

Row = dict[str, Any]


class User(BaseModel):
    """The model of the first document's examples."""

    id: str
    name: str
    email: str = Field(pattern=".+@.+")
    age: int = Field(gt=0)


PEOPLE: list[Row] = [
    {"id": "user1", "name": "John", "email": "john@example.com", "age": 25},
    {"id": "user2", "name": "Jane", "email": "jane@example.com", "age": 30},
    {"id": "user3", "name": "Bob", "email": "bob@example.com", "age": 35},
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    yield from shop.kept(request, tmp_path_factory)


@pytest.fixture
def store(shared: Shop) -> Shop:
    shared.empty()
    return shared


@pytest.fixture
def own_store(database_url: str) -> Iterator[Shop]:
    """One whose tables the test may change."""
    yield from shop.opened(database_url)


@pytest.fixture
def users(store: Shop) -> BatchTable[Row]:
    return store.table("users", soft_delete="deleted_at")


@pytest.fixture
def judged(store: Shop) -> BatchTable[User]:
    return BatchTable(store.engine, "users", schema=User)


@pytest.fixture
def products(store: Shop) -> BatchTable[Row]:
    return store.table("products")


def goods(number: int) -> list[Row]:
    return [{"id": f"prod{n}", "name": f"Product {n}", "price": n} for n in range(number)]


# the first document: create, update, delete


def test_create_many(store: Shop, users: BatchTable[Row]) -> None:
    result = users.create_many([{k: p[k] for k in ("id", "name", "email")} for p in PEOPLE])
    assert result.stats == Counts(total=3, created=3)
    found = store.rows("SELECT id, name, email, age, status FROM users ORDER BY id")
    assert found[0] == ("user1", "John", "john@example.com", None, "new")
    assert [row[0] for row in found] == ["user1", "user2", "user3"]


def test_create_options(store: Shop, judged: BatchTable[User]) -> None:
    """Atomic, stopping, returning nothing, validating: each other word changes what comes."""
    bad = [*PEOPLE, {"id": "user4", "name": "Ann", "email": "none", "age": 1}]
    with pytest.raises(BatchValidationError):
        judged.create_many(bad)
    nothing = judged.create_many(bad, continue_on_error=True)
    assert (nothing.stats.skipped, nothing.stats.invalid, nothing.committed) == (3, 1, False)
    assert store.count("users") == 0
    partly = judged.create_many(bad, atomic=False, batch_size=2)
    assert (partly.stats.created, partly.stats.invalid, partly.created) == (3, 1, [])
    unjudged = judged.create_many(bad[3:], validate=False, return_rows=True)
    assert [user.email for user in unjudged.created] == ["none"]
    assert store.count("users") == 4


def test_create_and_update_with_a_time_to_live(store: Shop) -> None:
    sessions = store.table("sessions", expires="expires_at")
    begin = datetime.now(UTC).replace(tzinfo=None)
    sessions.create_many([{"id": "s1"}, {"id": "s2"}], expires_in=3600)
    lives = {row["id"]: row["expires_at"] - begin for row in sessions.get_many(["s1", "s2"]).found}
    for life in lives.values():
        assert timedelta(seconds=3590) < life < timedelta(seconds=3660)
    sessions.update_many(
        [{"key": "s1", "data": {}, "options": {"expires_in": 0}}, {"key": "s2", "data": {}}],
        expires_in=timedelta(days=1),
    )
    assert sessions.purge_expired().stats == Counts(total=1, deleted=1)
    assert store.rows("SELECT id FROM sessions") == [("s2",)]


def test_create_result(users: BatchTable[Row]) -> None:
    users.create_many([{"id": "user1", "name": "John"}])
    result = users.create_many(PEOPLE, atomic=False, return_rows=True)
    assert [row["id"] for row in result.created] == ["user2", "user3"]
    (failed,) = result.failed
    assert (failed.index, failed.key, failed.data) == (0, "user1", PEOPLE[0])
    assert (failed.error.code, failed.error.field) == ("23505", "id")
    assert result.stats == Counts(total=3, created=2, failed=1)


def test_update_many(store: Shop, users: BatchTable[Row]) -> None:
    users.create_many(PEOPLE)
    login = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    result = users.update_many(
        [
            {"key": "user1", "data": {"status": "active"}},
            {"key": "user2", "data": {"status": "inactive", "last_login": login}},
            {"key": "user3", "data": {"name": "Robert"}},
        ]
    )
    assert result.stats == Counts(total=3, updated=3)
    found = store.rows("SELECT name, status, last_login IS NULL, age FROM users ORDER BY id")
    assert [tuple(row) for row in found] == [
        ("John", "active", True, 25),
        ("Jane", "inactive", False, 30),
        ("Robert", "new", True, 35),
    ]
    assert users.get_many(["user2"]).found[0]["last_login"] == login.replace(tzinfo=None)


def test_update_options(store: Shop, users: BatchTable[Row]) -> None:
    users.create_many(PEOPLE)
    changes = [{"key": p["id"], "data": {"age": p["age"] - 30}} for p in PEOPLE]
    with pytest.raises(BatchOperationError) as caught:
        users.update_many(changes)
    assert [row.key for row in caught.value.failures] == ["user1", "user2"]
    assert store.rows("SELECT sum(age) FROM users") == [(90,)]
    partly = users.update_many(changes, atomic=False, batch_size=1, return_rows=True)
    assert [(row["id"], row["age"]) for row in partly.updated] == [("user3", 5)]
    assert partly.stats == Counts(total=3, updated=1, failed=2)


def test_update_result(users: BatchTable[Row]) -> None:
    """A key that no row has is not found: no failure, and nothing is rolled back."""
    users.create_many(PEOPLE)
    result = users.update_many(
        [
            {"key": "user8", "data": {"status": "active"}},
            {"key": "user1", "data": {"status": "active"}},
            {"key": "user9", "data": {"status": "active"}},
        ],
        return_rows=True,
    )
    assert [(one.key, one.index) for one in result.not_found] == [("user8", 0), ("user9", 2)]
    assert [row["status"] for row in result.updated] == ["active"]
    assert not result.failed
    assert result.stats == Counts(total=3, updated=1, not_found=2)


def test_delete_many(store: Shop, users: BatchTable[Row]) -> None:
    users.create_many(PEOPLE)
    store.table("posts").create_many([{"id": "post1", "user_id": "user2"}])
    result = users.delete_many(
        [{"key": "user1"}, {"key": "user2", "options": {"cascade": True}}, {"key": "user3"}]
    )
    assert (result.deleted_count, result.cascaded) == (3, {"posts": 1})
    assert (store.count("users"), store.count("posts")) == (0, 0)


def test_delete_options(store: Shop, users: BatchTable[Row]) -> None:
    """Without the cascade a row that others refer to stays, and the others stay with it."""
    users.create_many(PEOPLE)
    store.table("posts").create_many([{"id": "post1", "user_id": "user2"}])
    with pytest.raises(BatchOperationError) as caught:
        users.delete_many(["user1", "user2"])
    assert (caught.value.failures[0].key, caught.value.failures[0].error.code) == ("user2", "23503")
    assert store.count("users") == 3
    partly = users.delete_many(["user1", "user2"], atomic=False, batch_size=1, return_rows=True)
    assert [row["name"] for row in partly.deleted] == ["John"]
    assert users.delete_many(["user2", "user3"], cascade=True).cascaded == {"posts": 1}
    assert store.count("users") == 0


def test_delete_result(users: BatchTable[Row]) -> None:
    users.create_many(PEOPLE)
    result = users.delete_many(["user1", "user9", "user3"], return_rows=True)
    assert sorted(row["name"] for row in result.deleted) == ["Bob", "John"]
    assert result.deleted_count == 2
    assert [(one.key, one.index) for one in result.not_found] == [("user9", 1)]
    assert result.stats == Counts(total=3, deleted=2, not_found=1)


# its usage examples


def test_basic_batch_creation(store: Shop, judged: BatchTable[User]) -> None:
    result = judged.create_many(PEOPLE)
    assert (result.stats.created, result.stats.total) == (3, 3)
    assert store.rows("SELECT name, age FROM users ORDER BY age") == [
        ("John", 25),
        ("Jane", 30),
        ("Bob", 35),
    ]


def test_error_handling_with_partial_results(store: Shop, judged: BatchTable[User]) -> None:
    """The failed rows are gone through by index, and the field is known where one is to blame."""
    given: list[Row] = [
        *PEOPLE,
        {"id": "user4", "name": "Ann", "email": "ann@example.com", "age": -1},
        {"id": "user1", "name": "Eve", "email": "eve@example.com", "age": 20},
    ]
    result = judged.create_many(given, atomic=False, continue_on_error=True, return_rows=True)
    assert (result.stats.created, result.stats.invalid, result.stats.failed) == (3, 1, 1)
    assert [user.name for user in result.created] == ["John", "Jane", "Bob"]
    told = [(row.index, row.error.category, row.error.field) for row in result.failed]
    assert told == [(3, "validation", "age"), (4, "business", "id")]
    assert store.count("users") == 3


def test_non_atomic_processing(store: Shop, users: BatchTable[Row]) -> None:
    """One row is bad: its neighbours in the same batch are written."""
    given = [*PEOPLE[:1], {"id": "user8", "name": None}, *PEOPLE[1:]]
    result = users.create_many(given, atomic=False, continue_on_error=True, return_rows=True)
    assert result.stats == Counts(total=4, created=3, failed=1)
    assert store.rows("SELECT count(*), min(id), max(id) FROM users") == [(3, "user1", "user3")]


def test_batch_updates_with_query_builder_integration(store: Shop, users: BatchTable[Row]) -> None:
    users.create_many(PEOPLE)
    older = users.where("age > :years", years=28)
    inputs = [
        {"key": user["id"], "data": {"category": "senior", "updated_at": datetime.now(UTC)}}
        for user in older
    ]
    assert users.update_many(inputs).stats.updated == 2
    senior = "SELECT id FROM users WHERE category = 'senior' AND updated_at IS NOT NULL ORDER BY id"
    assert store.rows(senior) == [("user2",), ("user3",)]
    alone = users.update_many(users.where("age > 30"), {"age": {"sql": "age + 1"}})
    assert alone.stats == Counts(total=1, updated=1)
    assert store.rows("SELECT age FROM users ORDER BY id") == [(25,), (30,), (36,)]


def test_cascade_deletes(store: Shop) -> None:
    posts, comments = store.table("posts"), store.table("comments")
    posts.create_many([{"id": f"post{n}", "title": "x"} for n in (1, 2, 3)])
    comments.create_many([{"id": f"c{n}", "post_id": f"post{n % 3 + 1}"} for n in range(9)])
    planned = posts.delete_many(["post1", "post2"], plan=True)
    assert (planned.cascaded, store.count("posts")) == ({"comments": 6, "posts": 2}, 3)
    result = posts.delete_many(
        [
            {"key": "post1", "options": {"cascade": True}},
            {"key": "post2", "options": {"cascade": True}},
        ],
        return_rows=True,
    )
    assert (result.deleted_count, result.cascaded) == (2, {"comments": 6})
    assert sorted(row["id"] for row in result.deleted) == ["post1", "post2"]
    assert store.rows("SELECT DISTINCT post_id FROM comments") == [("post3",)]


def test_large_dataset_processing(store: Shop, users: BatchTable[Row]) -> None:
    """In batches of 100, each bad row told, and the share that went well."""
    many = ({"id": f"user{n}", "name": None if n % 100 == 7 else "x"} for n in range(1000))
    sizes: list[int] = []
    result = users.create_many(
        many,
        batch_size=100,
        atomic=False,
        continue_on_error=True,
        return_rows=True,
        on_progress=lambda done, _: sizes.append(done),
    )
    assert result.stats == Counts(total=1000, created=990, failed=10)
    assert sizes == list(range(100, 1001, 100))
    assert result.success_rate == pytest.approx(0.99)
    assert [row.index for row in result.failed] == list(range(7, 1000, 100))
    assert store.count("users") == len(result.created) == 990


# its errors and practices


def test_validation_errors(store: Shop, judged: BatchTable[User]) -> None:
    """Every bad row is told with every bad field, before one is written."""
    given = [
        PEOPLE[0],
        {"id": "user2", "name": "Jane", "email": "jane", "age": "many"},
        {"id": "user3", "name": "Bob"},
    ]
    with pytest.raises(BatchValidationError) as caught:
        judged.create_many(given, batch_size=1)
    error = caught.value
    assert error.result.stats == Counts(total=3, invalid=2, skipped=1)
    assert [row.index for row in error.invalid] == [1, 2]
    assert [[one.field for one in row.errors] for row in error.invalid] == [["email", "age"]] * 2
    assert store.count("users") == 0


def test_operation_errors(store: Shop, users: BatchTable[Row]) -> None:
    users.create_many(PEOPLE)
    ages = {"user1": 5, "user2": -1, "user3": 5}
    updates = [{"key": key, "data": {"age": age}} for key, age in ages.items()]
    with pytest.raises(BatchOperationError) as caught:
        users.update_many(updates, atomic=False, continue_on_error=False, batch_size=1)
    error = caught.value
    assert (error.operation, error.success_count, error.failure_count) == ("update_many", 1, 1)
    (failure,) = error.failures
    assert (failure.key, failure.error.code, failure.error.field) == ("user2", "23514", "age")
    assert store.rows("SELECT age FROM users ORDER BY id") == [(5,), (30,), (35,)]


def test_choose_the_right_mode(store: Shop, users: BatchTable[Row]) -> None:
    """Atomic is all or nothing, over all batches; not atomic is what can be."""
    given = [*PEOPLE, PEOPLE[0]]
    with pytest.raises(BatchOperationError) as caught:
        users.create_many(given, batch_size=2)
    assert (caught.value.success_count, store.count("users")) == (0, 0)
    assert users.create_many(given, batch_size=2, atomic=False).stats.created == 3
    assert store.count("users") == 3


def test_handle_large_datasets(store: Shop, products: BatchTable[Row]) -> None:
    seen: list[tuple[int, int | None]] = []
    result = products.create_many(
        goods(175),
        batch_size=50,
        atomic=False,
        continue_on_error=True,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(50, 175), (100, 175), (150, 175), (175, 175)]
    assert result.stats.created == store.count("products") == 175


def test_validate_before_processing(store: Shop, judged: BatchTable[User]) -> None:
    given = [*PEOPLE, {"id": "user4", "name": 4, "email": "x@y", "age": 0}]
    result = judged.create_many(
        given, validate=True, atomic=False, continue_on_error=True, return_rows=True
    )
    assert (len(result.created), result.stats.invalid) == (3, 1)
    assert [error.field for error in result.failed[0].errors] == ["name", "age"]
    assert store.count("users") == 3


def test_monitor_performance(users: BatchTable[Row]) -> None:
    begin = time.perf_counter()
    result = users.create_many(PEOPLE)
    took = time.perf_counter() - begin
    assert 0 < result.duration <= took
    assert result.rows_per_s == pytest.approx(result.stats.total / result.duration)
    told = result.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert (told["stats"]["created"], told["success_rate"]) == (3, 1.0)


def test_use_secondary_indexes_efficiently(own_store: Shop) -> None:
    """The database keeps indexes and derived columns in step; how many there are is told."""
    store = own_store
    lines = "id INTEGER PRIMARY KEY, price INTEGER, number INTEGER"
    total = "total INTEGER GENERATED ALWAYS AS (price * number) STORED"
    store.execute(["CREATE INDEX by_age ON users (age)", f"CREATE TABLE lines ({lines}, {total})"])
    users = store.table("users")
    assert users.create_many(PEOPLE).indexes == 3
    users.update_many([{"key": "user1", "data": {"email": "j@example.com", "age": 50}}])
    assert [user["id"] for user in users.where("email = 'j@example.com' AND age = 50")] == ["user1"]
    assert list(users.where("email = 'john@example.com'")) == []
    derived = store.table("lines")
    derived.create_many([{"id": 1, "price": 2, "number": 3}])
    derived.update_many([{"key": 1, "data": {"number": 4}}])
    assert store.rows("SELECT total FROM lines") == [(8,)]


# the second document


def test_batch_create(store: Shop, products: BatchTable[Row]) -> None:
    """The example's three; and more than ever fit into one request there."""
    result = products.create_many(
        [
            {"id": "prod1", "name": "Product 1", "price": Decimal("99.99")},
            {"id": "prod2", "name": "Product 2", "price": Decimal("149.99")},
            {"id": "prod3", "name": "Product 3", "price": Decimal("199.99")},
        ]
    )
    assert result.stats == Counts(total=3, created=3)
    assert products.get_many(["prod2"]).found[0]["price"] == Decimal("149.99")
    more = products.create_many({"id": f"more{n}", "name": "x"} for n in range(1000))
    assert more.stats.created == 1000
    assert store.count("products") == 1003


def test_batch_get(products: BatchTable[Row]) -> None:
    products.create_many(goods(4))
    result = products.get_many([{"id": "prod3"}, {"id": "prod9"}, {"id": "prod1"}, {"id": "prod3"}])
    assert [row["name"] for row in result.found] == ["Product 3", "Product 1"]
    assert [(one.key, one.index) for one in result.not_found] == [("prod9", 1)]
    assert result.stats == Counts(total=3, selected=2, not_found=1)


def test_batch_get_with_composite_keys(store: Shop) -> None:
    orders = store.table("orders")
    keys = [("user1", "order1"), ("user1", "order2"), ("user2", "order1")]
    orders.create_many([(*key, n) for n, key in enumerate(keys)], columns=[*ORDER, "total"])
    found = orders.get_many([keys[2], dict(zip(ORDER, keys[0], strict=True)), ("user2", "order2")])
    assert [(row["user_id"], row["order_id"]) for row in found.found] == [keys[2], keys[0]]
    assert [one.key for one in found.not_found] == [("user2", "order2")]
    orders.update_many([{"key": keys[0], "data": {"total": 9}}, (keys[1], {"total": 9})])
    assert orders.delete_many([keys[1], keys[2]]).stats.deleted == 2
    assert store.rows("SELECT user_id, order_id, total FROM orders") == [("user1", "order1", 9)]


ORDER = ("user_id", "order_id")


def test_batch_delete(store: Shop, products: BatchTable[Row]) -> None:
    products.create_many(goods(5))
    result = products.delete_many([{"id": "prod1"}, {"id": "prod2"}, {"id": "prod3"}])
    assert result.stats == Counts(total=3, deleted=3)
    assert store.rows("SELECT id FROM products ORDER BY id") == [("prod0",), ("prod4",)]


def test_batch_delete_with_options(store: Shop, users: BatchTable[Row]) -> None:
    """Batches, progress, and an answer for each row that cannot go."""
    users.create_many([{"id": f"user{n}", "name": "x"} for n in range(60)])
    store.table("posts").create_many([{"id": "post1", "user_id": "user30"}])
    progress: list[tuple[int, int | None]] = []
    refused: list[tuple[Any, str]] = []

    def go_on(item: Any, error: RowError) -> None:
        refused.append((item, error.code))

    result = users.delete_many(
        [f"user{n}" for n in range(60)],
        atomic=False,
        batch_size=25,
        on_progress=lambda done, total: progress.append((done, total)),
        on_error=go_on,
    )
    assert progress == [(25, 60), (50, 60), (60, 60)]
    assert refused == [("user30", "23503")]
    assert result.stats == Counts(total=60, deleted=59, failed=1)
    assert store.rows("SELECT id FROM users") == [("user30",)]


def test_mixed_batch_operations(store: Shop, products: BatchTable[Row]) -> None:
    """Puts and deletes in one transaction: a bad put keeps what was to be deleted."""
    products.create_many([{"id": "old1", "name": "Old 1"}, {"id": "old2", "name": "Old 2"}])
    puts = [
        {"id": "new1", "name": "New Product 1", "price": Decimal("299.99")},
        {"id": "new2", "name": "New Product 2", "price": Decimal("399.99")},
    ]
    with pytest.raises(BatchOperationError):
        products.write_many([*puts, {"id": "new3", "name": "x", "price": -1}], ["old1", "old2"])
    assert store.rows("SELECT id FROM products ORDER BY id") == [("old1",), ("old2",)]
    bad = [*puts, {"id": "new3"}]
    nothing = products.write_many(bad, ["old1", "old2"], continue_on_error=True)
    assert (nothing.committed, nothing.stats.skipped, nothing.failed[0].index) == (False, 4, 2)
    assert store.count("products") == 2
    result = products.write_many(puts, ["old1", "old2"])
    assert result.stats == Counts(total=4, created=2, deleted=2)
    assert store.rows("SELECT id FROM products ORDER BY id") == [("new1",), ("new2",)]


def test_batch_update_with_custom_options(store: Shop, products: BatchTable[Row]) -> None:
    """Named fields only, in batches of 10 on four lanes, with retry, progress and error handler."""
    products.create_many(goods(100))
    shares: list[float] = []
    refused: list[str] = []

    def told(done: int, total: int | None) -> None:
        assert total is not None
        shares.append(done / total)

    def go_on(item: Row, error: RowError) -> str:
        refused.append(f"{item['id']}: {error.code}")
        return "continue"

    long = [{**row, "name": "untouched", "status": "sold" * 9} for row in goods(1)]
    items = long + [{**row, "name": "untouched", "status": "sold"} for row in goods(100)[1:]]
    result = products.update_many(
        items,
        fields=["status", "updated_at"],
        atomic=False,
        batch_size=10,
        max_concurrency=4,
        retry=RetryPolicy(max_retries=3, initial_delay=0.1, max_delay=5, backoff_factor=2.0),
        on_progress=told,
        on_error=go_on,  # type: ignore[arg-type]
    )
    assert shares == pytest.approx([n / 10 for n in range(1, 11)])
    assert refused == ["prod0: 22001"]
    assert result.stats == Counts(total=100, updated=99, failed=1)
    found = "SELECT count(*) FROM products WHERE status = 'sold' AND name <> 'untouched'"
    assert store.rows(found) == [(99,)]


def test_batch_operations_with_results(products: BatchTable[Row]) -> None:
    """Result and error both reach the caller, also where the call raises."""
    given = [*goods(3), {"id": "bad1", "name": "x", "price": "dear"}, {"id": "bad2"}]
    result = products.create_many(given, atomic=False)
    assert (result.succeeded, result.stats.failed) == (3, 2)
    assert [(row.key, row.error.field) for row in result.failed] == [
        ("bad1", "price"),
        ("bad2", "name"),
    ]
    with pytest.raises(BatchOperationError) as caught:
        result.raise_for_failures()
    assert caught.value.result is result
    with pytest.raises(BatchOperationError) as caught:
        products.upsert_many([*given, *goods(9)], atomic=False, continue_on_error=False)
    assert caught.value.result.stats.failed == caught.value.failure_count == 2


def test_handling_unprocessed_items(store: Shop) -> None:
    """A row that cannot be written yet is tried again once that has been mended, and no other."""
    posts, comments = store.table("posts"), store.table("comments")
    posts.create_many([{"id": "post1"}])
    asked: list[str] = []

    def decide(item: Row, error: RowError) -> str:
        asked.append(item["id"])
        if error.code == "23503":
            posts.create_many([{"id": item["post_id"]}], on_conflict="skip")
            return "retry"
        return "stop"

    given = [{"id": f"c{n}", "post_id": f"post{n}"} for n in (1, 2, 3)]
    result = comments.create_many(given, atomic=False, on_error=decide)  # type: ignore[arg-type]
    assert (result.stats, asked) == (Counts(total=3, created=3), ["c2", "c3"])
    asked.clear()
    stopped = comments.create_many(
        [{"id": f"c{n}", "post_id": "post1"} for n in (4, 1, 5)],
        atomic=False,
        batch_size=1,
        on_error=decide,  # type: ignore[arg-type]
    )
    assert (stopped.stats, asked) == (Counts(total=2, created=1, failed=1), ["c1"])
    assert stopped.stopped == "on_error said stop"
    assert store.count("comments") == 4


@pytest.mark.parametrize("atomic", [True, False])
def test_throughput_exceeded(store: Shop, products: BatchTable[Row], *, atomic: bool) -> None:
    """Trouble that passes is waited out with growing delays; no row is lost, doubled or blamed."""
    done: list[int] = []

    def progress(rows: int, _: int | None) -> None:
        done.append(rows)
        if done == [10] and not (store.embedded and atomic):
            store.disturb()

    result = products.create_many(
        goods(30),
        atomic=atomic,
        batch_size=10,
        on_progress=progress,
        on_error=lambda *_: pytest.fail("no row is to blame"),
        retry=RetryPolicy(max_retries=5, initial_delay=0.05),
    )
    assert result.stats == Counts(total=30, created=30)
    assert store.count("products") == 30
    anew = atomic and not store.embedded  # an atomic call begins anew, else the batch does
    assert done == ([10, 10, 20, 30] if anew else [10, 20, 30])


def test_invalid_items_are_skipped(store: Shop, products: BatchTable[Row]) -> None:
    """By category: what is no value of its column is left out, anything else stops."""
    skipped: list[str] = []

    def skip_invalid(item: Row, error: RowError) -> str:
        if error.category == "validation":
            skipped.append(item["id"])
            return "continue"
        return "stop"

    given = [{"id": "a", "name": "x", "price": "cheap"}, {"id": "b", "name": "x"}]
    products.create_many(given, atomic=False, on_error=skip_invalid)  # type: ignore[arg-type]
    assert (skipped, store.rows("SELECT id FROM products")) == (["a"], [("b",)])
    again = products.create_many(
        [{"id": "c", "name": "x", "price": -1}, {"id": "d", "name": "x"}],
        atomic=False,
        batch_size=1,
        on_error=skip_invalid,  # type: ignore[arg-type]
    )
    assert (again.stopped, store.count("products")) == ("on_error said stop", 1)


def test_partial_failures(store: Shop, products: BatchTable[Row]) -> None:
    """Failed items are gathered, and done in another way later."""
    products.create_many(goods(2))
    failed: list[Row] = []
    new = [{**row, "status": "new"} for row in goods(4)]
    products.create_many(new, atomic=False, on_error=lambda item, _: failed.append(item))
    assert [row["id"] for row in failed] == ["prod0", "prod1"]
    assert products.upsert_many(failed).stats == Counts(total=2, updated=2)
    assert store.rows("SELECT DISTINCT status FROM products") == [("new",)]


def test_failed_rows_are_tried_again_alone_and_merged(
    store: Shop, products: BatchTable[Row]
) -> None:
    given = [{"id": f"p{n}", "name": "x", "price": n - 2} for n in range(5)]
    result = products.create_many(given, atomic=False)
    assert (result.stats.created, [row.index for row in result.failed]) == (3, [0, 1])
    result.retry({0: {"id": "p0", "name": "x", "price": 0}})
    assert result.stats == Counts(total=5, created=4, failed=1)
    assert ([row.index for row in result.failed], store.count("products")) == ([1], 4)


def test_failed_rows_of_a_call_that_wrote_nothing_do_not_go_in_alone(
    store: Shop, products: BatchTable[Row]
) -> None:
    result = products.create_many([*goods(3), {"id": "bad"}], continue_on_error=True)
    with pytest.raises(ParameterError, match="Call again with all rows"):
        result.retry({3: {"id": "bad", "name": "mended"}})
    with pytest.raises(ParameterError, match="write_many"):
        products.write_many([{"id": "bad"}], atomic=False).retry()
    assert products.create_many(goods(2)).retry().stats.created == store.count("products") == 2


def test_a_queue_of_dead_letters(store: Shop, products: BatchTable[Row], tmp_path: Path) -> None:
    """What failed for good is kept as JSON with its reason, and can be done later."""
    result = products.create_many([{"id": "a", "name": None}, *goods(2)], atomic=False)
    letters = tmp_path / "failed.jsonl"
    letters.write_text("".join(json.dumps(row.to_dict()) + "\n" for row in result.failed))
    (letter,) = map(json.loads, letters.read_text().splitlines())
    assert (letter["key"], letter["error"]["code"]) == ("a", "23502")
    products.create_many([{**letter["data"], "name": "mended"}])
    assert store.rows("SELECT name FROM products WHERE id = 'a'") == [("mended",)]


def test_parallel_versus_sequential_execution(store: Shop, products: BatchTable[Row]) -> None:
    sequential = products.create_many(goods(250), atomic=False, batch_size=25)
    again = [{**row, "status": "new"} for row in goods(500)]
    parallel = products.upsert_many(again, atomic=False, batch_size=25, max_concurrency=10)
    assert sequential.stats == Counts(total=250, created=250)
    assert parallel.stats == Counts(total=500, created=250, updated=250)
    assert store.rows("SELECT count(*), min(status) FROM products") == [(500, "new")]


def test_processing_a_large_dataset(
    store: Shop, products: BatchTable[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of 25 with a pause between them; which chunk failed, why, and what is done."""
    pauses = noted(monkeypatch)
    done = products.process_in_chunks(
        goods(100), 25, lambda rows: products.create_many(rows).stats.created, throttle=0.1
    )
    assert (done, pauses) == ([25, 25, 25, 25], [0.1, 0.1, 0.1])
    bad = [{"id": f"new{n}", "name": None if n == 60 else "x"} for n in range(100)]
    with pytest.raises(ExecutionError) as caught:
        products.process_in_chunks(bad, 25, products.create_many)
    assert caught.value.what.startswith("Chunk 3 (items 50 to 74) failed: create_many: 1 of 25")
    assert "2 chunk(s) with 50 items" in caught.value.state
    assert isinstance(caught.value.__cause__, BatchOperationError)
    assert store.count("products") == 150


# M13: errors have classes and codes


REFUSED: list[tuple[str, Row, tuple[str, str, str | None]]] = [
    ("key taken", {"id": "prod0", "name": "x"}, ("23505", "business", "id")),
    ("no value", {"id": "a"}, ("23502", "business", "name")),
    ("check", {"id": "a", "name": "x", "price": -1}, ("23514", "business", "price")),
    ("no number", {"id": "a", "name": "x", "price": "ten"}, ("22P02", "validation", "price")),
    ("too long", {"id": "a" * 21, "name": "x"}, ("22001", "validation", "id")),
    ("too large", {"id": "a", "name": "x", "version": 2**64}, ("22003", "validation", "version")),
    (
        "no moment",
        {"id": "a", "name": "x", "updated_at": "soon"},
        ("22007", "validation", "updated_at"),
    ),
]


@pytest.mark.parametrize("row, told", [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_m13_what_is_wrong_is_known_by_code_category_and_field(
    products: BatchTable[Row], row: Row, told: tuple[str, str, str | None]
) -> None:
    """The same on every database, so that nobody has to read texts."""
    products.create_many(goods(1))
    (failed,) = products.create_many([row], atomic=False).failed
    assert (failed.error.code, failed.error.category, failed.error.field) == told


def test_m13_each_kind_of_error_has_a_class(judged: BatchTable[User]) -> None:
    assert issubclass(BatchValidationError, BatchOperationError)
    assert issubclass(BatchOperationError, ExecutionError)
    assert not issubclass(BatchBrokenError, BatchOperationError)
    for rows, kind in (([{"id": "a"}], BatchValidationError), (PEOPLE * 2, BatchOperationError)):
        with pytest.raises(BatchOperationError) as caught:
            judged.create_many(rows)
        assert type(caught.value) is kind


def test_m13_the_guide_decides_by_no_texts() -> None:
    code = "".join(block.code for section in guide.sections() for block in section.blocks)
    assert re.findall(r"str\(error\)|(?:error\.message|error\.what) (?:==|in)", code) == []


# M14: a stop says what was written before


def test_m14_a_refused_row_says_what_was_written_before(
    store: Shop, products: BatchTable[Row]
) -> None:
    given = [*goods(25), {"id": "bad"}, *goods(30)[25:]]
    with pytest.raises(BatchOperationError, match="20 rows were written and stay") as caught:
        products.create_many(given, atomic=False, continue_on_error=False, batch_size=10)
    assert caught.value.success_count == store.count("products") == 20
    assert caught.value.result.stats == Counts(total=30, created=20, failed=1, skipped=9)
    with pytest.raises(BatchOperationError, match="Nothing was written"):
        products.create_many([*goods(30)[20:], {"id": "bad"}], batch_size=10)
    assert store.count("products") == 20


@pytest.mark.parametrize("lanes", [1, 3])
def test_m14_a_database_that_breaks_says_what_was_written_before(
    own_store: Shop, lanes: int
) -> None:
    """The table is gone after so many rows: the batch is named, and what was written is counted."""

    def rows() -> Iterator[Row]:
        for row in goods(300):
            if row["id"] == "prod100":
                own_store.execute(["ALTER TABLE products RENAME TO gone"])
            yield row

    products = own_store.table("products")
    with pytest.raises(BatchBrokenError) as caught:
        products.create_many(rows(), atomic=False, batch_size=10, max_concurrency=lanes)
    error, written = caught.value, own_store.count("gone")
    assert error.success_count == error.result.stats.created == written
    assert lanes > 1 or written == 100
    assert f"{written} rows were written before it and stay" in error.state
    assert re.match(r"The batch of rows \d+0 to \d+9 was rolled back", error.state)
    assert error.result.stopped == error.what


def test_m14_what_other_lanes_have_under_way_is_written_and_counts(postgresql_url: str) -> None:
    """The first row breaks its lane off while the second is still being written."""
    store = shop.Shop(postgresql_url)
    judge = "IF NEW.n = 0 THEN PERFORM 1 FROM missing; END IF; PERFORM pg_sleep(0.3); RETURN NEW;"
    store.execute(
        [
            "CREATE TABLE lines (n INTEGER)",
            f"CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {judge} END $$",
            "CREATE TRIGGER judge BEFORE INSERT ON lines FOR EACH ROW EXECUTE FUNCTION judge()",
        ]
    )
    with pytest.raises(BatchBrokenError) as caught:
        store.table("lines").create_many(
            [{"n": n} for n in range(2)], atomic=False, batch_size=1, max_concurrency=2
        )
    assert caught.value.success_count == store.count("lines") == 1
    store.dispose()


def test_m14_a_wrong_row_far_behind_says_what_was_written_before(
    store: Shop, products: BatchTable[Row]
) -> None:
    with pytest.raises(UnknownNameError, match="10 rows were written before it and stay"):
        products.create_many([*goods(15), {"id": "x", "nam": "x"}], atomic=False, batch_size=10)
    assert store.count("products") == 10


def test_m14_so_does_a_function_of_the_callers_that_fails(
    store: Shop, products: BatchTable[Row]
) -> None:
    def progress(done: int, _: int | None) -> None:
        if done == 20:
            raise KeyError("of mine")

    with pytest.raises(KeyError) as caught:
        products.create_many(goods(30), atomic=False, batch_size=10, on_progress=progress)
    assert caught.value.__notes__ == ["20 rows were written before it and stay."]
    assert store.count("products") == 20


# M15: an update is judged as the row would become


def test_m15_an_update_is_judged_as_the_merged_row(store: Shop, judged: BatchTable[User]) -> None:
    """A part of a row may be right and the whole be wrong, and the other way round."""

    class Grown(User):
        """Whoever has a mail address is grown up."""

        @model_validator(mode="after")
        def old_enough(self) -> Self:
            if self.age < 18 and self.email != "none@home":
                raise ValueError("too young for a mail address")
            return self

    table = BatchTable(store.engine, "users", schema=Grown)
    judged.create_many(PEOPLE)
    result = table.update_many(
        [
            {"key": "user1", "data": {"age": 5}},
            {"key": "user2", "data": {"age": 5, "email": "none@home"}},
            {"key": "user3", "data": {"status": "active"}},
        ],
        atomic=False,
    )
    assert result.stats == Counts(total=3, updated=2, invalid=1)
    assert (result.failed[0].key, result.failed[0].error.code) == ("user1", "schema")
    assert store.rows("SELECT age, status FROM users ORDER BY id") == [
        (25, "new"),
        (5, "new"),
        (35, "active"),
    ]
    with pytest.raises(BatchValidationError):
        table.update_many(table.where("age > 30"), {"age": 17})
    assert table.update_many([{"key": "user1", "data": {"age": 5}}], validate=False).stats.updated
