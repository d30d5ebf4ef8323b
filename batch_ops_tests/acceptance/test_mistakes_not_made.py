"""What the generated function of the SpecQL document gets wrong is right here: M1 to M8."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import text

from batch_ops.engine import Project, rejects_of, run
from batch_ops.errors import ParameterError
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ITEMS = """
name: items
key: id
fields: {id: integer, state: string(10), amount: integer, moved_at: timestamp}
patterns:
  - name: batch_operations
    operation: set_state
    operation_type: update
    update_data: {state: :state}
    where_condition: "id = ANY(:ids)"
    batch_size: 100
  - name: batch_operations
    operation: set_or_stop
    operation_type: update
    error_handling: stop_on_error
    update_data: {state: :state}
    where_condition: "id = ANY(:ids)"
    batch_size: 100
  - name: batch_operations
    operation: move
    batch_size: 50
    steps:
      - name: mark
        operation_type: update
        update_data: {moved_at: "NOW()"}
        where_condition: "moved_at IS NULL"
      - name: cleanup
        operation_type: delete
        max_records: 10
        where_condition: "moved_at < NOW() - INTERVAL '30 days'"
  - name: batch_operations
    operation: load
    data_source: csv_file
    csv_has_header: true
    field_mapping: {id: csv_column_1, state: csv_column_2}
"""


@pytest.fixture
def items(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """300 items; item 150 takes no state called 'bad'."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    project = accounts.project(tmp_path, database_url, ITEMS)
    zones = project.database().dialect.capabilities.zones
    stamp = "TIMESTAMP WITH TIME ZONE" if zones else "DATETIME"
    columns = f"id INTEGER PRIMARY KEY, state VARCHAR(10), amount INTEGER, moved_at {stamp}"
    check = "CHECK (id <> 150 OR state <> 'bad')"
    accounts.execute(project.database(), [f"CREATE TABLE items ({columns}, {check})"])
    with project.database().writing() as connection:
        insert = text("INSERT INTO items VALUES (:id, 'new', 1, NULL)")
        connection.execute(insert, [{"id": n} for n in range(1, 301)])
    yield project
    project.dispose()


def logged(project: Project) -> list[tuple[Any, ...]]:
    return accounts.query(
        project.database(),
        "SELECT batch_number, records_processed, status FROM batch_operation_logs"
        " ORDER BY chunk, batch_number",
    )


@pytest.mark.parametrize("number", [100, 200, 250])
def test_m1_a_multiple_of_the_batch_size_makes_no_empty_batch(items: Project, number: int) -> None:
    """M2: and a short last batch is logged as what it was."""
    result = run(items, "set_state", {"ids": list(range(1, number + 1)), "state": "on"})
    assert result.counts == Counts(total=number, updated=number)
    sizes = [size for _, size, _ in logged(items)]
    assert sizes == [100] * (number // 100) + ([number % 100] if number % 100 else [])


def test_m2_ids_that_match_nothing_are_not_counted_as_processed(items: Project) -> None:
    ids = [*range(1, 51), *range(1001, 1051)]
    result = run(items, "set_state", {"ids": ids, "state": "on"})
    assert (result.counts.updated, result.processed_records) == (50, 50)
    assert [size for _, size, _ in logged(items)] == [50]


def test_m3_no_ids_are_a_result_of_zeros(items: Project) -> None:
    result = run(items, "set_state", {"ids": [], "state": "on"})
    assert (result.status, result.counts) == (Status.COMPLETED, Counts())
    told = "SELECT total_records, processed_records FROM batch_operations"
    assert accounts.query(items.database(), told) == [(0, 0)]
    with pytest.raises(ParameterError, match="'ids'"):
        run(items, "set_state", {"state": "on"})


def test_m4_error_handling_reaches_the_engine(items: Project) -> None:
    """The same rows: one way goes on, the other stops."""
    everything = {"ids": list(range(1, 301)), "state": "bad"}
    stopped = run(items, "set_or_stop", everything)
    assert (stopped.status, stopped.counts.updated) == (Status.STOPPED, 100)
    gone_on = run(items, "set_state", everything)
    assert (gone_on.status, gone_on.counts.updated) == (Status.COMPLETED_WITH_ERRORS, 299)


def test_m5_the_journal_has_one_name_for_its_log_and_fills_every_column(items: Project) -> None:
    run(items, "set_state", {"ids": [149, 150, 151], "state": "bad"})
    database = items.database()
    (log,) = accounts.query(
        database,
        "SELECT operation_id, batch_number, records_processed, started_at, completed_at, status"
        " FROM batch_operation_logs",
    )
    assert None not in log
    assert log[-1] == "committed"
    (error,) = accounts.query(
        database,
        "SELECT operation_id, batch_number, error_message, record_key, occurred_at"
        " FROM batch_operation_errors",
    )
    assert None not in error
    assert orjson.loads(error[3]) == {"id": 150}


def test_m6_one_bad_row_does_not_take_its_batch_along(items: Project) -> None:
    result = run(items, "set_state", {"ids": list(range(101, 201)), "state": "bad"})
    assert result.counts == Counts(total=100, updated=99, failed=1)
    (refused,) = rejects_of(items, result.execution_id)
    assert refused.key == {"id": 150}
    bad = accounts.query(items.database(), "SELECT count(*) FROM items WHERE state = 'bad'")
    assert bad == [(99,)]


def test_m7_a_cleanup_says_how_much_it_may_delete_and_meets_no_row_of_this_run(
    items: Project,
) -> None:
    """Rows marked just now are not 30 days old; more old ones than allowed stop the execution."""
    old = items.database().dialect.moment(datetime.now(UTC) - timedelta(days=31))
    with items.database().writing() as connection:
        connection.execute(text("UPDATE items SET moved_at = :old WHERE id <= 10"), {"old": old})
    result = run(items, "move")
    assert [step.counts.total for step in result.steps] == [290, 10]
    with items.database().writing() as connection:
        connection.execute(text("UPDATE items SET moved_at = :old WHERE id <= 30"), {"old": old})
    limited = run(items, "move")
    assert (limited.status, limited.stopped_reason) == (Status.STOPPED, "max_records")
    assert accounts.query(items.database(), "SELECT count(*) FROM items") == [(290,)]


def test_m8_a_mapping_by_position_passes_over_the_header_and_asks_for_a_path(
    items: Project, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match="'source_path'"):
        run(items, "load")
    file = tmp_path / "items.csv"
    file.write_text("number,what\n501,x\n502,y\n")
    result = run(items, "load", {"source_path": str(file)})
    assert result.counts == Counts(total=2, created=2)
    query = "SELECT id, state FROM items WHERE id > 500 ORDER BY id"
    assert accounts.query(items.database(), query) == [(501, "x"), (502, "y")]
