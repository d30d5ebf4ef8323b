"""Records that may be there already: created, updated, unchanged and skipped told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.engine import Project, RunOptions, rejects_of, run
from batch_ops.errors import DatabaseUnfitError
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.results import Result

STOCK = """
name: stock
key: sku
fields:
  sku: string(10)
  place: string(10)
  amount: {type: integer, nullable: false}
  note: text
patterns:
  - name: batch_operations
    operation: load
    %s
"""
TABLE = (
    "CREATE TABLE stock (sku VARCHAR(10) PRIMARY KEY, place VARCHAR(10) UNIQUE,"
    " amount INTEGER NOT NULL CHECK (amount >= 0), note VARCHAR(20) DEFAULT 'new')"
)
THERE = ("'a', 'p1', 1", "'b', 'p2', 2", "'c', 'p3', 3")
UPSERT = "operation_type: upsert\n    data_source: :rows"
INSERT = "operation_type: insert\n    data_source: :rows"


def shelf(project: Project) -> None:
    """Three rows; place is unique, note has a default, amounts are not negative."""
    accounts.execute(
        project.database(),
        [
            TABLE,
            *(f"INSERT INTO stock VALUES ({row}, 'old')" for row in THERE),
        ],
    )


def rows(project: Project) -> list[tuple[Any, ...]]:
    return accounts.query(
        project.database(), "SELECT sku, place, amount, note FROM stock ORDER BY sku"
    )


class Shelf:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def run(self, options: str, records: list[dict[str, Any]], **more: Any) -> Result:
        self.project = accounts.project(self.folder, self.url, STOCK % options)
        if not accounts_there(self.project):
            shelf(self.project)
        return run(self.project, "load", {"rows": records}, options=RunOptions(**more))

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return rows(self.project)


def accounts_there(project: Project) -> bool:
    from sqlalchemy import inspect

    if not project.database().exists():
        return False
    with project.database().reading() as connection:
        return inspect(connection).has_table("stock")


@pytest.fixture
def stock(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    return Shelf(tmp_path, database_url)


RECORDS = [
    {"sku": "a", "place": "p1", "amount": 1},  # as it is
    {"sku": "b", "place": "p2", "amount": 20},  # changed
    {"sku": "d", "place": "p4", "amount": 4},  # new
]


@pytest.mark.option("operation_type")
def test_an_upsert_tells_created_updated_and_unchanged_apart(stock: Shelf) -> None:
    """An unchanged row is not written; columns that are not given stay."""
    result = stock.run(UPSERT, RECORDS)
    assert result.counts == Counts(total=3, created=1, updated=1, unchanged=1)
    assert stock.rows == [
        ("a", "p1", 1, "old"),
        ("b", "p2", 20, "old"),
        ("c", "p3", 3, "old"),
        ("d", "p4", 4, "new"),
    ]


def test_of_two_records_with_one_key_the_last_is_written(stock: Shelf) -> None:
    """The earlier is skipped, within a batch; over two batches it is written and then changed."""
    twice = [{"sku": "b", "place": "p2", "amount": n} for n in (5, 6)]
    result = stock.run(UPSERT, [*twice, *RECORDS[2:]])
    assert result.counts == Counts(total=3, created=1, updated=1, skipped=1)
    assert stock.rows[1] == ("b", "p2", 6, "old")
    other = [{"sku": "b", "place": "p2", "amount": n} for n in (7, 8)]
    assert stock.run(UPSERT, other, batch_size=1).counts == Counts(total=2, updated=2)
    assert stock.rows[1] == ("b", "p2", 8, "old")


@pytest.mark.option("on_conflict")
def test_an_insert_that_skips_leaves_what_is_there(stock: Shelf) -> None:
    result = stock.run(INSERT + "\n    on_conflict: skip", RECORDS)
    assert result.counts == Counts(total=3, created=1, skipped=2)
    assert stock.rows[1] == ("b", "p2", 2, "old")
    assert result.status is Status.COMPLETED


@pytest.mark.option("on_conflict")
def test_an_insert_that_meets_a_key_is_a_reject_without_on_conflict(stock: Shelf) -> None:
    result = stock.run(INSERT, RECORDS)
    assert result.counts == Counts(total=3, created=1, failed=2)
    refused = [(r.row, r.key, r.code) for r in rejects_of(stock.project, result.execution_id)]
    assert refused == [(1, {"sku": "a"}, "23505"), (2, {"sku": "b"}, "23505")]


@pytest.mark.option("on_conflict")
def test_replace_sets_what_is_not_given_to_its_default(stock: Shelf) -> None:
    result = stock.run(UPSERT + "\n    on_conflict: replace", RECORDS)
    assert result.counts == Counts(total=3, created=1, updated=2)
    assert stock.rows == [
        ("a", "p1", 1, "new"),
        ("b", "p2", 20, "new"),
        ("c", "p3", 3, "old"),
        ("d", "p4", 4, "new"),
    ]


@pytest.mark.option("conflict_target")
def test_another_unique_column_may_tell_which_rows_are_the_same(stock: Shelf) -> None:
    """By place: the row there gets the new amount and keeps its key."""
    options = UPSERT + "\n    conflict_target: place"
    result = stock.run(options, [{"sku": "x", "place": "p2", "amount": 50}])
    assert result.counts == Counts(total=1, updated=1)
    assert stock.rows[1] == ("b", "p2", 50, "old")


def test_what_nothing_keeps_unique_is_no_conflict_target(stock: Shelf) -> None:
    with pytest.raises(DatabaseUnfitError, match="Nothing keeps amount of 'stock' unique"):
        stock.run(UPSERT + "\n    conflict_target: amount", RECORDS)
    assert len(stock.rows) == 3


@pytest.mark.parametrize("size", [1, 2, 100])
def test_one_bad_record_costs_itself(stock: Shelf, size: int) -> None:
    """Refused by a check, by another unique column, by a missing value: the others are written."""
    records = [
        {"sku": "e", "place": "p5", "amount": 5},
        {"sku": "f", "place": "p6", "amount": -1},
        {"sku": "g", "place": "p1", "amount": 7},
        {"sku": "h", "place": "p8", "amount": None},
        {"sku": "a", "place": "p1", "amount": 9},
        {"sku": "i", "place": "p9", "amount": 9},
    ]
    result = stock.run(UPSERT, records, batch_size=size)
    assert result.counts == Counts(total=6, created=2, updated=1, failed=3)
    refused = {r.row: (r.code, r.key) for r in rejects_of(stock.project, result.execution_id)}
    codes = {row: code for row, (code, _) in refused.items()}
    if "postgresql" in stock.url:
        assert codes == {2: "23514", 3: "23505", 4: "23502"}
    assert {row: key for row, (_, key) in refused.items()} == {
        2: {"sku": "f"},
        3: {"sku": "g"},
        4: {"sku": "h"},
    }
    assert [row[0] for row in stock.rows] == ["a", "b", "c", "e", "i"]
    assert stock.rows[0] == ("a", "p1", 9, "old")


@pytest.mark.option("validation_rules")
def test_records_of_an_upsert_are_judged_by_the_rules(stock: Shelf) -> None:
    options = UPSERT + '\n    validation_rules: ["amount < 10"]'
    result = stock.run(options, RECORDS)
    assert result.counts == Counts(total=3, created=1, unchanged=1, invalid=1)


@pytest.mark.option("upsert_data")
def test_values_of_an_upsert_are_made_of_fields_and_expressions(stock: Shelf) -> None:
    options = (
        UPSERT
        + "\n    upsert_data:\n      sku: :item.code\n      place: :item.at\n"
        + '      amount: {sql: "CAST(:item.pieces AS INTEGER) * :per_piece"}\n      note: counted'
    )
    project = accounts.project(stock.folder, stock.url, STOCK % options)
    shelf(project)
    given = [{"code": "b", "at": "p2", "pieces": "3"}, {"code": "z", "at": "p9", "pieces": "x"}]
    result = run(project, "load", {"rows": given, "per_piece": 12})
    assert (result.counts.updated, result.counts.rejects) == (1, 1)
    assert rows(project)[1] == ("b", "p2", 36, "counted")
    assert [r.row for r in rejects_of(project, result.execution_id)] == [2]


def test_it_is_the_same_by_batches_of_any_size(stock: Shelf) -> None:
    records = [{"sku": f"k{n % 70:02}", "place": f"q{n % 70}", "amount": n} for n in range(200)]
    result = stock.run(UPSERT, records, batch_size=7)
    assert result.counts.total == 200
    assert result.counts.created == 70
    assert result.counts.reconciled
    assert {row[0]: row[2] for row in stock.rows if row[0].startswith("k")} == {
        f"k{n % 70:02}": n for n in range(130, 200)
    }
