"""What bounds a call of BatchTable: the database's limits, lanes, attempts, pauses and memory."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, event, text

from batch_ops import BatchBrokenError, BatchTable
from batch_ops.bulk import RetryPolicy
from batch_ops.errors import ParameterError
from batch_ops.results import Counts
from batch_ops_tests.support import bulk_memory, shop
from batch_ops_tests.support.pauses import noted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from batch_ops_tests.support.forkserver import ForkServer
    from batch_ops_tests.support.shop import Shop

Row = dict[str, Any]
COLUMNS, ROWS = 200, 400
"""Values of a batch: more than any database binds in a statement (SQLite 32,766; PostgreSQL and
MySQL 65,535).
"""
GROWTH_MB = 6
"""Rows that are kept would take more than twice that; SQLite's own cache takes some."""


@pytest.fixture
def store(database_url: str) -> Iterator[Shop]:
    yield from shop.opened(database_url)


def goods(number: int) -> list[Row]:
    return [{"id": f"prod{n}", "name": f"Product {n}"} for n in range(number)]


def test_more_values_than_a_statement_binds_are_one_batch(store: Shop) -> None:
    names = [f"c{n}" for n in range(COLUMNS)]
    columns = ", ".join(f"{name} INTEGER" for name in names)
    store.execute([f"CREATE TABLE wide (id INTEGER PRIMARY KEY, {columns})"])
    wide = store.table("wide")
    rows = [{"id": n, **dict.fromkeys(names, n)} for n in range(ROWS)]
    one: dict[str, Any] = {"batch_size": ROWS}
    assert wide.create_many(rows, **one).stats == Counts(total=ROWS, created=ROWS)
    assert len(wide.get_many(range(ROWS)).found) == ROWS
    more = [{**row, names[-1]: -1} for row in rows]
    assert wide.update_many(more[: ROWS // 2], **one).stats.updated == ROWS // 2
    upserted = wide.upsert_many(more, **one).stats
    assert upserted == Counts(total=ROWS, updated=ROWS // 2, unchanged=ROWS // 2)
    last = f"SELECT count(*), min({names[0]}), max({names[-1]}) FROM wide"
    assert store.rows(last) == [(ROWS, 0, -1)]
    assert wide.delete_many(range(ROWS), **one).stats.deleted == ROWS


def test_more_keys_than_a_statement_binds_are_one_batch(store: Shop) -> None:
    """70,000 keys at once, most of which no row has."""
    products = store.table("products")
    products.create_many(goods(10))
    keys = [f"prod{n}" for n in range(70_000)]
    found = products.get_many(keys, batch_size=len(keys))
    assert (found.stats.selected, found.stats.not_found) == (10, 69_990)
    gone = products.delete_many(keys, batch_size=len(keys))
    assert (gone.stats.deleted, gone.stats.not_found) == (10, 69_990)


@pytest.mark.parametrize("lanes", [None, 3])
def test_one_connection_writes_unless_more_are_asked_for(store: Shop, lanes: int | None) -> None:
    """Of SQLite, which has one writer, it is one in any case."""
    at_once: set[int] = set()
    out: set[int] = set()

    def taken(connection: Any, *_: Any) -> None:
        out.add(id(connection))
        at_once.add(len(out))

    event.listen(store.engine, "checkout", taken)
    event.listen(store.engine, "checkin", lambda connection, _: out.discard(id(connection)))
    more: dict[str, Any] = {} if lanes is None else {"max_concurrency": lanes}
    result = store.table("products").create_many(goods(200), atomic=False, batch_size=10, **more)
    assert result.stats == Counts(total=200, created=200)
    assert max(at_once) == (1 if store.embedded or lanes is None else lanes)


@pytest.fixture
def locked(store: Shop) -> Iterator[Engine]:
    """An engine that waits for no lock, while somebody else holds the table."""
    if store.embedded:
        rival = sqlite3.connect(store.url.removeprefix("sqlite:///"), isolation_level=None)
        rival.execute("BEGIN IMMEDIATE")
        yield store.engine
        rival.close()
        return
    impatient = create_engine(store.url, connect_args={"options": "-c lock_timeout=1"})
    with store.engine.begin() as connection:
        connection.execute(text("LOCK TABLE products IN EXCLUSIVE MODE"))
        yield impatient
    impatient.dispose()


def test_reading_waits_for_no_writer(locked: Engine) -> None:
    products = BatchTable(locked, "products")
    assert products.get_many(["prod1"]).stats.not_found == 1
    assert list(products.where("TRUE")) == []


@pytest.mark.parametrize("call", ["create_many", "write_many"])
def test_attempts_have_growing_delays_a_cap_and_an_end(
    locked: Engine, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("batch_ops.bulk.lanes.time.sleep", pauses.append)
    products = BatchTable(locked, "products")
    retry = RetryPolicy(max_retries=4, initial_delay=0.1, max_delay=0.3, backoff_factor=2)
    with pytest.raises(BatchBrokenError) as caught:
        getattr(products, call)(goods(3), retry=retry)
    assert pauses == pytest.approx([0.1, 0.2, 0.3, 0.3])
    assert (caught.value.operation, caught.value.success_count) == (call, 0)
    assert "Nothing was written" in caught.value.state
    pauses.clear()
    with pytest.raises(BatchBrokenError):
        getattr(products, call)(goods(3), retry=RetryPolicy(max_retries=0))
    assert pauses == []


def test_only_the_batch_that_did_not_succeed_is_tried_again(store: Shop) -> None:
    """In a table without a key every row that is sent twice would be there twice."""
    store.execute(["CREATE TABLE lines (n INTEGER)"])
    done: list[int] = []

    def progress(rows: int, _: int | None) -> None:
        done.append(rows)
        if rows == 20:
            store.disturb()

    lines = store.table("lines").create_many(
        [{"n": n} for n in range(50)],
        atomic=False,
        batch_size=10,
        on_progress=progress,
        retry=RetryPolicy(max_retries=5, initial_delay=0.05),
    )
    assert lines.stats == Counts(total=50, created=50)
    assert done == [10, 20, 30, 40, 50]
    assert store.rows("SELECT count(*), count(DISTINCT n) FROM lines") == [(50, 50)]


@pytest.mark.parametrize("atomic", [True, False])
def test_a_commit_nobody_answered_is_not_done_twice(postgresql_url: str, *, atomic: bool) -> None:
    """The session ends as the commit is sent: the call says that it does not know."""
    store = shop.Shop(postgresql_url)
    store.execute(["CREATE TABLE lines (n INTEGER)"])
    commits: list[object] = []

    def cut(connection: Any) -> None:
        commits.append(connection)
        if len(commits) == (1 if atomic else 2):
            store.disturb()

    lines = store.table("lines")
    event.listen(store.engine, "commit", cut)
    with pytest.raises(BatchBrokenError) as caught:
        lines.create_many([{"n": n} for n in range(20)], atomic=atomic, batch_size=10)
    assert "Nobody knows whether" in caught.value.state
    assert len(commits) == (1 if atomic else 2)
    assert store.count("lines") == (0 if atomic else 10)
    store.dispose()


def test_a_pause_stands_between_two_batches(store: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = noted(monkeypatch)
    products = store.table("products")
    products.create_many(goods(35), atomic=False, batch_size=10, throttle=0.25)
    assert pauses == [0.25, 0.25, 0.25]
    products.update_many(products.where("TRUE"), {"status": "x"}, batch_size=20, throttle=0.5)
    products.delete_many(products.where("TRUE"), atomic=False, batch_size=20, throttle=0.5)
    assert pauses[3:] == [0.5]


def test_a_schema_is_not_passed_over_by_a_call_in_the_journal(store: Shop) -> None:
    judged = store.table("products", schema={"id": str, "price": float})
    with pytest.raises(ParameterError, match="asks no schema"):
        judged.create_many(goods(1), journal=True)
    assert store.count("products") == 0


def test_threads_may_share_a_table(store: Shop) -> None:
    products = BatchTable(store.url, "products")

    def work(thread: int) -> int:
        keys = [f"{thread}-{n}" for n in range(100)]
        products.create_many([{"id": key, "name": "x"} for key in keys])
        products.update_many([(key, {"status": "new"}) for key in keys])
        return len(products.get_many(keys).found)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(8))) == {100}
    assert store.rows("SELECT count(*), min(status) FROM products") == [(800, "new")]
    products.close()


def test_every_change_counts_the_version_up_and_an_old_one_is_refused(store: Shop) -> None:
    products = store.table("products", version="version")
    products.create_many(goods(2))
    products.update_many([("prod0", {"status": "a"})])
    products.update_many(products.where("status = 'a'"), {"status": "b"})
    products.touch_many(["prod0"])
    assert store.rows("SELECT version FROM products ORDER BY id") == [(4,), (1,)]
    changes = [(key, {"status": "c"}) for key in ("prod0", "prod1")]
    result = products.update_many(changes, expected_version=1, atomic=False)
    assert result.stats == Counts(total=2, updated=1, failed=1)
    (failed,) = result.failed
    assert (failed.key, failed.error.code, failed.error.category) == (
        *("prod0", "version_conflict", "business"),
    )


@pytest.mark.parametrize("call", [bulk_memory.create, bulk_memory.change, bulk_memory.look_up])
def test_memory_does_not_grow_with_the_input(
    call: Callable[[str, int], int], fork_server: ForkServer, sqlite_url: str
) -> None:
    peaks = []
    for rows in (10_000, 60_000):
        child = fork_server.run(call, sqlite_url, rows)
        assert child.wait() == 0, child.output
        peaks.append(float(re.findall(r"^peak (.+)$", child.output, re.MULTILINE)[0]))
    assert peaks[1] - peaks[0] < GROWTH_MB, peaks
