"""A version column counts every change of a row, whichever call makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batch_ops import BatchOperationError, BatchTable

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def table(database_url: str) -> Iterator[BatchTable[dict[str, Any]]]:
    engine = sa.create_engine(database_url)
    columns = "(id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL, version INTEGER DEFAULT 1)"
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE TABLE people {columns}"))
    yield BatchTable(engine, "people", version="version")
    engine.dispose()


def test_an_upsert_counts_up_the_version_of_rows_it_changes_and_of_no_other(
    table: BatchTable[dict[str, Any]],
) -> None:
    table.create_many([{"id": n, "name": "old"} for n in (1, 2)])
    table.upsert_many([{"id": n, "name": name} for n, name in ((1, "new"), (2, "old"), (3, "x"))])
    versions = {row["id"]: row["version"] for row in table.get_many([1, 2, 3]).found}
    assert versions == {1: 2, 2: 1, 3: 1}


def test_a_version_that_is_given_is_taken(table: BatchTable[dict[str, Any]]) -> None:
    table.create_many([{"id": 1, "name": "old"}])
    table.upsert_many([{"id": 1, "name": "new", "version": 9}])
    assert table.get_many([1]).found[0]["version"] == 9


def test_an_atomic_call_that_on_error_lets_pass_says_that_nothing_was_written(
    table: BatchTable[dict[str, Any]],
) -> None:
    rows = [{"id": 1, "name": "fits"}, {"id": 2, "name": "does not fit"}]
    with pytest.raises(BatchOperationError, match="Nothing was written"):
        table.create_many(rows, on_error=lambda *_: "continue")
    result = table.create_many(rows, continue_on_error=True, on_error=lambda *_: "continue")
    assert not result.committed
    assert table.get_many([1]).found == []
