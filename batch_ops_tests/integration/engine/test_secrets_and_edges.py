"""Hidden values stay hidden, and what only one database would let pass is refused on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import Project, RunOptions, history, preview, rejects_of, resume, run
from batch_ops.errors import DeclarationError, PreconditionFailedError, UsageError
from batch_ops.results import Counts, Status
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.model import ErrorLimit
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

PRICES = """
name: prices
create_table: true
key: [sku, region]
hidden: [pin]
fields: {sku: text, region: text, price: "decimal(10,2)", at: timestamp, pin: text, number: integer}
patterns:
  - name: batch_operations
    operation: import_prices
    operation_type: insert
    data_source: csv_file
    source_path: prices.csv
    validation_rules: ["price > 0"]
  - name: batch_operations
    operation: number_them
    operation_type: update
    update_data: {number: {sql: "CAST(pin AS integer)"}}
  - name: batch_operations
    operation: raise_some
    operation_type: update
    parameters: {least: decimal, region: {type: text, required: false}}
    update_data: {number: 1}
    where_condition: "price * 2 >= :least AND (region = :region OR :region IS NULL)"
  - name: batch_operations
    operation: raise_undeclared
    operation_type: update
    update_data: {number: 2}
    where_condition: "price * 2 >= :least"
  - name: batch_operations
    operation: guarded
    operation_type: delete
    preconditions: ["MAX(pin) < '1'"]
"""
FILE = """sku,region,price,at,pin,number
a,n,-5,2024-01-01,s3cret1,1
b,n,5,2024-01-01,s3cret2,1
c,,5,2024-01-01T00:00:00,s3cret3,1
d,n,100,2024-01-01T00:00:00,s3cret4,1
"""


@pytest.fixture
def prices(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    (tmp_path / "prices.csv").write_text(FILE)
    return accounts.project(tmp_path, database_url, PRICES)


def test_a_rule_means_the_same_for_what_only_the_database_can_judge(prices: Project):
    """A date without a time is judged by the database; its decimal is a number there too."""
    result = run(prices, "import_prices")
    assert result.counts == Counts(total=4, created=2, invalid=1, failed=1)
    told = {reject.row: reject.code for reject in rejects_of(prices, result.execution_id)}
    assert told == {1: "rule", 3: "23502"}
    rows = accounts.query(prices.database(), "SELECT sku FROM prices ORDER BY sku")
    assert rows == [("b",), ("d",)]


@pytest.mark.parametrize(
    ("operation", "given", "rows"),
    [
        ("raise_some", {"least": "150"}, 1),
        ("raise_some", {"least": "9.5"}, 2),
        ("raise_some", {"least": "9.5", "region": "x"}, 0),
        ("raise_undeclared", {"least": "150"}, 1),
    ],
)
def test_a_parameter_against_an_expression_is_a_number(
    prices: Project, operation: str, given: dict[str, str], rows: int
):
    run(prices, "import_prices")
    assert run(prices, operation, given).counts == Counts(total=rows, updated=rows)


def test_what_the_database_says_of_a_hidden_value_is_not_told(prices: Project):
    run(prices, "import_prices")
    result = run(prices, "number_them")
    told = [str(reject.to_dict()) for reject in rejects_of(prices, result.execution_id)]
    assert "s3cret" not in "".join(told)
    if prices.database().dialect.capabilities.zones:
        assert result.counts == Counts(total=2, failed=2)


def test_a_preview_of_what_cannot_be_computed_says_so_and_no_value(prices: Project):
    run(prices, "import_prices")
    shown = preview(prices, "number_them")
    (step,) = shown.steps
    assert (step.rows, step.sample) == (2, ())
    assert any("cannot be computed for some row" in note for note in shown.notes)
    assert "s3cret" not in repr(shown)


def test_what_a_check_observed_of_a_hidden_column_is_not_told(prices: Project):
    run(prices, "import_prices")
    with pytest.raises(PreconditionFailedError) as failed:
        run(prices, "guarded")
    (check,) = history(prices)[0].checks
    assert (check.success, check.observed_value) == (False, "***")
    assert "s3cret" not in str(failed.value)


def test_the_journal_is_no_target(prices: Project, tmp_path: Path):
    run(prices, "import_prices")
    text = (
        "name: batch_chunks\nkey: [chunk]\nfields: {chunk: integer}\npatterns:\n"
        "  - {name: batch_operations, operation: wipe, operation_type: delete}\n"
    )
    hostile = Project(tmp_path, Catalog.from_texts({"hostile.yaml": text}))
    with pytest.raises(DeclarationError, match="is the journal's own"):
        run(hostile, "wipe")


@pytest.mark.parametrize("word", ["break", "class", "lambda"])
def test_a_word_of_pythons_own_is_no_name_of_an_operation(word: str):
    text = "name: t\nkey: [a]\nfields: {a: integer}\npatterns:\n  - name: batch_operations\n"
    with pytest.raises(UsageError, match="no word of Python's own"):
        Catalog.from_texts({"t.yaml": f"{text}    operation: {word}\n    operation_type: delete\n"})


def test_a_resume_under_a_limit_that_is_passed_does_no_batch_more(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    project = accounts.project(tmp_path, database_url)
    accounts.make_accounts(project.database(), 1000, ", CHECK (balance >= 0)")
    few = RunOptions(max_errors=ErrorLimit(rows=3))
    stopped = run(project, "debit", options=few)
    assert (stopped.status, stopped.stopped_reason) == (Status.STOPPED, "max_errors")
    again = resume(project, stopped.execution_id, options=few)
    assert again.counts == stopped.counts
    more = RunOptions(max_errors=ErrorLimit(rows=100))
    done = resume(project, stopped.execution_id, options=more)
    assert done.counts == Counts(total=1000, updated=990, failed=10)
    project.dispose()
