"""`journal=True`: the call is an execution with an id, rejects, and a way to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batch_ops import BatchTable
from batch_ops.errors import (
    AlreadyCompletedError,
    BatchOperationError,
    ParameterError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = [{"id": n, "name": f"n{n}"} for n in range(100)]
BAD = [{**row, "name": "x" * 20} if row["id"] == 7 else row for row in ROWS]


@pytest.fixture
def table(database_url: str) -> Iterator[BatchTable[dict[str, Any]]]:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        for name in ("people", "others"):
            columns = "(id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL)"
            connection.execute(sa.text(f"CREATE TABLE {name} {columns}"))
    yield BatchTable(engine, "people")
    engine.dispose()


def count(table: BatchTable[dict[str, Any]]) -> int:
    return sum(1 for _ in table.where("id >= 0"))


def test_a_journaled_call_has_an_id_and_tells_its_rejects_by_index(
    table: BatchTable[dict[str, Any]],
) -> None:
    result = table.create_many(BAD, atomic=False, journal=True)
    assert result.execution_id
    assert (result.stats.created, result.stats.failed, count(table)) == (99, 1, 99)
    assert [(f.index, f.error.code, f.error.field) for f in result.failed] == [(7, "22001", "name")]


def test_an_ordinary_call_needs_no_journal(table: BatchTable[dict[str, Any]]) -> None:
    assert table.create_many(ROWS).execution_id is None
    with table._place.reader() as connection:
        names = sa.inspect(connection).get_table_names()
    assert sorted(names) == ["others", "people"]


@pytest.mark.quick("postgresql")
def test_an_interrupted_call_goes_on_where_it_stopped(
    table: BatchTable[dict[str, Any]],
) -> None:
    """Its batches are not done again."""
    many = [{"id": n, "name": f"n{n}"} for n in range(3_000)]

    def interrupt(done: int, total: int | None) -> None:
        assert total == len(many)
        if done >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        table.create_many(many, atomic=False, journal=True, batch_size=10, on_progress=interrupt)
    assert 30 <= count(table) < len(many)
    result = table.resume()
    assert (result.stats.created, result.stats.failed, count(table)) == (3_000, 0, 3_000)
    with pytest.raises(UsageError, match="unfinished"):
        table.resume()


def test_the_same_rows_go_into_a_table_once_and_into_another_one_too(
    table: BatchTable[dict[str, Any]],
) -> None:
    table.create_many(ROWS, journal=True)
    with pytest.raises(AlreadyCompletedError):
        table.create_many(ROWS, journal=True)
    others = BatchTable(table._place._engine, "others")  # type: ignore[attr-defined]
    assert others.create_many(ROWS, journal=True).stats.created == 100


def test_a_journaled_upsert_tells_created_updated_and_unchanged_apart(
    table: BatchTable[dict[str, Any]],
) -> None:
    table.create_many(ROWS)
    rows = [{"id": 1, "name": "n1"}, {"id": 2, "name": "new"}, {"id": 200, "name": "more"}]
    stats = table.upsert_many(rows, journal=True).stats
    assert (stats.created, stats.updated, stats.unchanged) == (1, 1, 1)


def test_an_atomic_journaled_call_with_a_bad_row_writes_nothing(
    table: BatchTable[dict[str, Any]],
) -> None:
    with pytest.raises(BatchOperationError) as caught:
        table.create_many(BAD, journal=True)
    assert caught.value.failure_count == 1
    assert count(table) == 0


@pytest.mark.parametrize(
    "options", [{"return_rows": True}, {"throttle": 1}, {"on_error": print}, {"validate": False}]
)
def test_what_a_journaled_call_cannot_do_is_refused_by_name(
    table: BatchTable[dict[str, Any]], options: dict[str, Any]
) -> None:
    (name,) = options
    with pytest.raises(ParameterError, match=name):
        table.create_many(ROWS, journal=True, **options)


def test_a_journal_needs_a_database_that_can_be_opened(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE people (id INTEGER PRIMARY KEY)"))
        with pytest.raises(ParameterError, match="journal=True"):
            BatchTable(connection, "people").create_many([{"id": 1}], journal=True)
    engine.dispose()
