"""Every option of the language has an effect: a test of its own that fails when it is ignored."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from batch_ops.engine import Project, RunOptions, begin, history, preview, rejects_of, resume, run
from batch_ops.errors import (
    AlreadyCompletedError,
    ConfirmationError,
    DatabaseUnfitError,
    LimitExceededError,
    ParameterError,
    PreconditionFailedError,
    UsageError,
)
from batch_ops.events import BatchRetried
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.events import Event
    from batch_ops.results import Result

FIELDS = """fields:
  id: integer
  name: string(12)
  kind: string(5)
  amount: integer
  seen_at: timestamp"""


THINGS = "CREATE TABLE things ({}, name VARCHAR(12), kind VARCHAR(5), amount INTEGER, seen_at {})"


class World:
    """A table of 100 things in kinds a and b, and one declaration about it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.project = folder, url, None

    def declare(self, operation: str, *, entity: str = "key: id", fields: str = FIELDS) -> Project:
        pattern = operation.strip("\n").replace("\n", "\n    ")
        body = f"name: things\n{entity}\n{fields}\npatterns:\n  - name: batch_operations\n"
        self.project = accounts.project(self.folder, self.url, body + f"    {pattern}\n")
        return self.project

    def fill(self, rows: int = 100) -> None:
        assert self.project
        zones = self.project.database().dialect.capabilities.zones
        stamp = "TIMESTAMP WITH TIME ZONE" if zones else "DATETIME"
        accounts.execute(self.project.database(), [THINGS.format("id INTEGER PRIMARY KEY", stamp)])
        insert = text("INSERT INTO things VALUES (:id, :name, :kind, :amount, NULL)")
        things = [
            {"id": n, "name": f"n{n}", "kind": "ab"[n % 2], "amount": n} for n in range(1, rows + 1)
        ]
        with self.project.database().writing() as connection:
            connection.execute(insert, things)

    def do(self, operation: str, parameters: dict[str, Any] | None = None, **more: Any) -> Result:
        """Declare, fill, run."""
        options = {name: more.pop(name) for name in list(more) if name not in ("entity", "fields")}
        project = self.declare(operation, **more)
        self.fill()
        return run(project, "work", parameters, options=RunOptions(**options))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        assert self.project
        return accounts.query(self.project.database(), query)

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]


@pytest.fixture
def world(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", sqlite_url)
    return World(tmp_path, sqlite_url)


@pytest.fixture
def server(tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    return World(tmp_path, postgresql_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    url = request.getfixturevalue(f"{request.param}_url")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    return World(tmp_path, url)


UPDATE = """
operation: work
operation_type: update
update_data: {name: done}
"""
DELETE = "operation: work\noperation_type: delete\n"


# an entity


@pytest.mark.option("name")
@pytest.mark.option("fields")
@pytest.mark.option("patterns")
@pytest.mark.option("operation")
def test_an_entity_has_a_name_fields_and_operations(world: World) -> None:
    result = world.do(UPDATE)
    assert (result.operation, result.counts.updated) == ("work", 100)
    assert world.project.catalog.entity("things").columns[:2] == ("id", "name")


@pytest.mark.option("key")
def test_the_declared_key_is_gone_by_where_the_table_has_none(world: World) -> None:
    project = world.declare(UPDATE, entity="key: [kind, id]")
    accounts.execute(
        project.database(),
        [
            THINGS.format("id INTEGER", "DATETIME"),
            "INSERT INTO things VALUES (1, 'x', 'a', 1, NULL), (1, 'y', 'b', 2, NULL)",
        ],
    )
    assert run(project, "work").counts.updated == 2


@pytest.mark.option("table")
def test_an_entity_may_stand_for_a_table_of_another_name(world: World) -> None:
    project = world.declare(UPDATE, entity="key: id\ntable: objects")
    accounts.execute(
        project.database(),
        [
            THINGS.format("id INTEGER PRIMARY KEY", "DATETIME").replace("things", "objects"),
            "INSERT INTO objects VALUES (1, 'x', 'a', 1, NULL)",
        ],
    )
    assert run(project, "work").counts.updated == 1
    assert world.one("SELECT name FROM objects") == "done"


INSERT = "operation: work\ndata_source: :rows\n"


@pytest.mark.option("create_table")
def test_a_missing_table_is_made_where_the_entity_says_so(either: World) -> None:
    fields = (
        "fields:\n  id: bigint\n  name: {type: string(3), default: abc, nullable: false}\n"
        "  amount: {type: integer, check: \"amount < 10 OR name = 'big'\"}"
    )
    project = either.declare(INSERT, entity="key: id\ncreate_table: true", fields=fields)
    given = [{"id": 1, "amount": 5}, {"id": 2, "amount": 11}, {"id": 1, "amount": 2}]
    result = run(project, "work", {"rows": given})
    assert (result.counts.created, result.counts.failed) == (1, 2)
    assert either.rows("SELECT id, name, amount FROM things") == [(1, "abc", 5)]
    refused = {r.row: r.code for r in rejects_of(project, result.execution_id)}
    assert refused == {2: "23514", 3: "23505"}


def test_a_missing_table_is_an_error_otherwise(world: World) -> None:
    project = world.declare(INSERT)
    with pytest.raises(DatabaseUnfitError):
        run(project, "work", {"rows": [{"id": 1}]})


@pytest.mark.option("connection")
def test_an_entity_may_live_in_another_database(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"sqlite:///{tmp_path / 'other.db'}"
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL_ARCHIVE", other)
    project = world.declare(INSERT, entity="key: id\ncreate_table: true\nconnection: archive")
    run(project, "work", {"rows": [{"id": 1}]})
    with create_engine(other).connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM things").scalar() == 1


@pytest.mark.option("hidden")
def test_a_hidden_column_is_never_shown(world: World) -> None:
    operation = INSERT + 'validation_rules: ["amount > 0"]\n'
    entity = "key: id\ncreate_table: true\nhidden: [name]"
    project = world.declare(operation, entity=entity)
    result = run(project, "work", {"rows": [{"id": 1, "name": "s3cret", "amount": 0}]})
    told = str(list(rejects_of(project, result.execution_id)))
    assert "amount" in told
    assert "s3cret" not in told


@pytest.mark.option("soft_delete")
def test_deleting_marks_rows_where_the_entity_says_so(either: World) -> None:
    """Steps pass over marked rows; counts tell them as deleted."""
    operation = DELETE + 'where_condition: "amount <= :most"\n'
    result = either.do(operation, {"most": 30}, entity="key: id\nsoft_delete: seen_at")
    assert result.counts == Counts(total=30, deleted=30)
    assert either.one("SELECT count(*) FROM things") == 100
    assert either.one("SELECT count(seen_at) FROM things WHERE amount <= 30") == 30
    again = run(either.project, "work", {"most": 40})
    assert again.counts == Counts(total=10, deleted=10)


@pytest.mark.option("expires")
def test_new_rows_expire_where_the_entity_says_so(either: World) -> None:
    entity = 'key: id\ncreate_table: true\nexpires: {column: seen_at, after: "30 days"}'
    project = either.declare(INSERT, entity=entity)
    run(project, "work", {"rows": [{"id": 1}, {"id": 2}]})
    moments = [m for (m,) in either.rows("SELECT seen_at FROM things")]
    late = datetime.now(UTC) + timedelta(days=30)
    for moment in moments:
        found = datetime.fromisoformat(str(moment))
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        assert abs((found - late).total_seconds()) < 60


# what is done


@pytest.mark.option("update_data")
@pytest.mark.option("where_condition")
def test_an_update_sets_its_data_where_its_condition_holds(either: World) -> None:
    result = either.do(UPDATE + "where_condition: \"kind = 'a'\"\n")
    assert result.counts == Counts(total=50, updated=50)
    found = either.rows("SELECT kind, count(*) FROM things WHERE name = 'done' GROUP BY kind")
    assert found == [("a", 50)]


@pytest.mark.option("description")
def test_a_description_is_shown_in_dagster(world: World) -> None:
    from batch_ops.orchestration.assets import operation_asset

    project = world.declare(UPDATE + "description: Mark them all\n")
    asset = operation_asset(project, project.catalog.operation("work"))
    assert "Mark them all" in str(next(iter(asset.descriptions_by_key.values())))


@pytest.mark.option("parameters")
def test_declared_parameters_have_types_and_defaults(world: World) -> None:
    operation = UPDATE + (
        'where_condition: "amount <= :most"\nparameters:\n  most: {type: integer, default: 7}\n'
    )
    assert world.do(operation).counts.updated == 7
    with pytest.raises(ParameterError, match="no integer"):
        run(world.project, "work", {"most": "many"})


@pytest.mark.option("target_entity")
def test_a_step_may_have_another_target(world: World) -> None:
    (world.folder / "defs").mkdir(parents=True, exist_ok=True)
    (world.folder / "defs" / "other.yaml").write_text(
        "name: others\nkey: id\ncreate_table: true\nfields: {id: integer}\n"
    )
    project = world.declare(INSERT + "target_entity: others\n")
    assert run(project, "work", {"rows": [{"id": 1}]}).counts.created == 1
    assert world.one("SELECT count(*) FROM others") == 1


STEPS = """
operation: work
steps:
  - name: find
    operation_type: select
    {find}
    where_condition: "kind = 'a'"
  - name: mark
    operation_type: update
    update_data: {{name: done}}
    where_condition: "{where}"
    {mark}
"""


@pytest.mark.option("steps")
@pytest.mark.option("output")
def test_a_later_step_goes_by_the_rows_of_an_earlier_one(world: World) -> None:
    """By the name its output was given; NULLs made in between do not matter."""
    result = world.do(STEPS.format(find="output: wanted", where="id = ANY(:wanted)", mark=""))
    assert [s.counts.total for s in result.steps] == [50, 50]
    assert world.one("SELECT count(*) FROM things WHERE name = 'done' AND kind = 'a'") == 50


def test_a_name_that_stands_for_a_steps_rows_takes_no_value(world: World) -> None:
    project = world.declare(STEPS.format(find="", where="id IN (:find_ids)", mark=""))
    with pytest.raises(ParameterError, match="'find_ids' stands for the rows of step 'find'"):
        run(project, "work", {"find_ids": [1]})


@pytest.mark.option("select_fields")
def test_the_one_selected_field_is_what_ids_means(world: World) -> None:
    """Not the key: no thing's name is a number."""
    find = "select_fields: [name]"
    result = world.do(STEPS.format(find=find, where="name IN (:find_ids)", mark=""))
    assert result.steps[1].counts.updated == 50
    assert world.one("SELECT count(*) FROM things WHERE name = 'done' AND kind = 'a'") == 50


@pytest.mark.option("depends_on")
def test_a_step_that_depends_on_nothing_is_free(world: World) -> None:
    project = world.declare(STEPS.format(find="", where="amount > 0", mark="depends_on: []"))
    world.fill()
    execution = begin(project, "work")
    execution.plan_step("mark")
    assert execution.run_step("mark").counts.updated == 100


@pytest.mark.option("insert_data")
def test_a_row_of_literals_parameters_and_calls_is_inserted(either: World) -> None:
    operation = (
        "operation: work\noperation_type: insert\n"
        "insert_data: {id: 500, name: :who, kind: x, amount: {sql: '6 * 7'}, seen_at: 'NOW()'}\n"
    )
    result = either.do(operation, {"who": "ada"})
    assert result.counts == Counts(total=1, created=1)
    query = "SELECT name, kind, amount FROM things WHERE id = 500 AND seen_at IS NOT NULL"
    assert either.rows(query) == [("ada", "x", 42)]
    again = run(either.project, "work", {"who": "bob"})
    assert again.counts.failed == 1


# where rows come from


@pytest.mark.option("data_source")
def test_rows_of_another_entity_are_inserted(either: World) -> None:
    """Columns of the same name; the condition chooses among the other's rows."""
    (either.folder / "defs").mkdir(parents=True, exist_ok=True)
    (either.folder / "defs" / "archive.yaml").write_text(
        "name: archive\nkey: id\ncreate_table: true\n"
        "fields: {id: integer, name: string(12), amount: integer}\npatterns:\n"
        "  - name: batch_operations\n    operation: keep\n    data_source: table\n"
        "    source_path: things\n    where_condition: \"kind = 'a'\"\n    batch_size: 8\n"
    )
    project = either.declare(UPDATE)
    either.fill()
    result = run(project, "keep")
    assert result.counts == Counts(total=50, created=50)
    assert either.rows("SELECT count(*), sum(amount) FROM archive") == [(50, 2550)]
    assert [r.outcome for r in rejects_of(project, result.execution_id)] == []


@pytest.mark.option("source_path")
@pytest.mark.option("field_mapping")
def test_rows_of_a_query_are_inserted(either: World) -> None:
    (either.folder / "defs").mkdir(parents=True, exist_ok=True)
    (either.folder / "defs" / "totals.yaml").write_text(
        "name: totals\nkey: kind\ncreate_table: true\n"
        "fields: {kind: string(5), total: integer}\npatterns:\n"
        "  - name: batch_operations\n    operation: sum_up\n    data_source: query\n"
        '    source_path: "SELECT kind, SUM(amount) AS amounts FROM things GROUP BY kind"\n'
        "    field_mapping: {kind: kind, total: amounts}\n"
        "    operation_type: upsert\n"
    )
    project = either.declare(UPDATE)
    either.fill()
    assert run(project, "sum_up").counts == Counts(total=2, created=2)
    assert sorted(either.rows("SELECT kind, total FROM totals")) == [("a", 2550), ("b", 2500)]
    accounts.execute(project.database(), ["UPDATE things SET amount = 1 WHERE kind = 'b'"])
    assert run(project, "sum_up").counts == Counts(total=2, updated=1, unchanged=1)


CSV = "operation: work\ndata_source: csv_file\nsource_path: {file}\n"


FILES = {
    "csv_delimiter": ("id;name\n1;x\n", "';'"),
    "csv_has_header": ("1,x,,,\n", "false"),
    "csv_quote": ("id,name\n1,'x'\n", '"\'"'),
    "csv_encoding": ("id,name\n1,x\n".encode("utf-16"), "utf-16"),
    "csv_null_values": ("id,name,amount\n1,x,-\n", "['-']"),
    "field_mapping": ("number,label\n1,x\n", "{id: csv_column_1, name: csv_column_2}"),
}


@pytest.mark.parametrize(
    "option", [pytest.param(name, marks=pytest.mark.option(name)) for name in FILES]
)
def test_every_csv_option_is_needed_to_read_its_file(world: World, option: str) -> None:
    content, value = FILES[option]
    file = world.folder / "things.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    project = world.declare(
        CSV.format(file=file) + f"{option}: {value}\n", entity="key: id\ncreate_table: true"
    )
    result = run(project, "work")
    assert result.counts == Counts(total=1, created=1)
    assert world.rows("SELECT id, name, amount FROM things") == [(1, "x", None)]


@pytest.mark.parametrize("kind", ["json", "jsonl", "parquet"])
@pytest.mark.option("data_source")
def test_records_of_other_files_are_inserted(either: World, kind: str) -> None:
    file = either.folder / f"things.{kind}"
    records = [{"id": n, "name": f"n{n}", "amount": n * 2} for n in range(1, 31)]
    if kind == "parquet":
        import duckdb

        values = ", ".join(str((r["id"], r["name"], r["amount"])) for r in records)
        query = f"SELECT * FROM (VALUES {values}) AS t(id, name, amount)"
        duckdb.sql(query).write_parquet(str(file))
    else:
        import orjson

        lines = [orjson.dumps(record).decode() for record in records]
        file.write_text("\n".join(lines) if kind == "jsonl" else f"[{','.join(lines)}]")
    operation = f"operation: work\ndata_source: {kind}\nsource_path: {file}\nbatch_size: 7\n"
    project = either.declare(operation, entity="key: id\ncreate_table: true")
    assert run(project, "work").counts == Counts(total=30, created=30)
    assert either.rows("SELECT count(*), sum(amount) FROM things") == [(30, 930)]
    with pytest.raises(AlreadyCompletedError):
        run(project, "work")


# how much, how fast


def batch_sizes(world: World) -> list[int]:
    query = "SELECT records_processed FROM batch_operation_logs ORDER BY chunk, batch_number"
    return [size for (size,) in world.rows(query)]


@pytest.mark.option("batch_size")
def test_a_batch_has_so_many_rows(world: World) -> None:
    world.do(UPDATE + "batch_size: 30\n")
    assert batch_sizes(world) == [30, 30, 30, 10]


@pytest.mark.option("chunk_rows")
def test_a_chunk_has_so_many_rows(world: World) -> None:
    result = world.do(UPDATE + "batch_size: 10\nchunk_rows: 20\n")
    assert result.chunks.total == 5


def lanes_of(world: World) -> set[str]:
    rows = world.rows("SELECT worker FROM batch_chunks WHERE worker IS NOT NULL")
    return {worker.rpartition("/")[2] for (worker,) in rows}


SLOW = "batch_size: 10\nchunk_rows: 10\nthrottle: 30 ms\n"


@pytest.mark.parametrize(
    ("options", "lanes"),
    [
        pytest.param("max_workers: 3", 3, marks=pytest.mark.option("max_workers")),
        pytest.param("parallel: true", 2, marks=pytest.mark.option("parallel")),
        ("parallel: false", 1),
    ],
)
def test_so_many_lanes_share_the_chunks(server: World, options: str, lanes: int) -> None:
    slow = (
        "CREATE FUNCTION nap() RETURNS trigger AS $$ BEGIN PERFORM pg_sleep(0.004); RETURN NEW;"
        " END $$ LANGUAGE plpgsql"
    )
    project = server.declare(UPDATE + f"batch_size: 10\nchunk_rows: 10\n{options}\n")
    server.fill()
    accounts.execute(
        project.database(),
        [slow, "CREATE TRIGGER nap BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION nap()"],
    )
    assert run(project, "work").counts.updated == 100
    assert len(lanes_of(server)) == lanes


@pytest.mark.option("worker_batch_size")
def test_in_parallel_a_batch_has_the_workers_size(server: World) -> None:
    server.do(UPDATE + "batch_size: 50\nmax_workers: 2\nworker_batch_size: 20\nchunk_rows: 100\n")
    assert batch_sizes(server) == [20] * 5


@pytest.mark.option("max_records")
def test_more_rows_than_allowed_are_refused(world: World) -> None:
    with pytest.raises(LimitExceededError):
        world.do(UPDATE + "max_records: 99\n")
    assert world.one("SELECT count(*) FROM things WHERE name = 'done'") == 0


@pytest.mark.option("throttle")
@pytest.mark.parametrize("throttle", ["200 ms", "{rows_per_second: 50}"])
def test_a_throttle_takes_its_time(world: World, throttle: str) -> None:
    """Five pauses between six batches; or 80 of 100 rows at 50 a second."""
    project = world.declare(UPDATE + f"batch_size: 20\nthrottle: {throttle}\n")
    world.fill()
    began = time.monotonic()
    run(project, "work")
    assert time.monotonic() - began >= 0.8


@pytest.mark.option("throttle")
def test_a_throttle_holds_where_each_chunk_is_one_batch(world: World) -> None:
    project = world.declare(UPDATE + "batch_size: 20\nchunk_rows: 20\nthrottle: 200 ms\n")
    world.fill()
    began = time.monotonic()
    run(project, "work")
    assert time.monotonic() - began >= 0.8


# when it goes wrong

BAD = 'validation_rules: ["amount > 10"]\nbatch_size: 5\n'


def import_rows(world: World, options: str, **more: Any) -> Result:
    """50 records of which the first ten are refused."""
    project = world.declare(INSERT + BAD + options + "\n", entity="key: id\ncreate_table: true")
    given = [{"id": n, "amount": n} for n in range(1, 51)]
    return run(project, "work", {"rows": given}, options=RunOptions(**more))


@pytest.mark.option("max_errors")
@pytest.mark.parametrize(
    ("limit", "status"),
    [
        ("10", Status.COMPLETED_WITH_ERRORS),
        ("9", Status.STOPPED),
        ("'20%'", Status.COMPLETED_WITH_ERRORS),
        ("'19%'", Status.STOPPED),
    ],
)
def test_so_many_errors_are_allowed(world: World, limit: str, status: Status) -> None:
    result = import_rows(world, f"max_errors: {limit}")
    assert result.status is status
    assert result.counts.invalid == 10
    assert result.stopped_reason == ("max_errors" if status is Status.STOPPED else None)


@pytest.mark.option("skip_invalid_rows")
def test_rows_that_are_skipped_as_invalid_do_not_count(world: World) -> None:
    result = import_rows(world, "max_errors: 0\nskip_invalid_rows: true")
    assert (result.status, result.counts.invalid) == (Status.COMPLETED_WITH_ERRORS, 10)


@pytest.mark.option("max_errors_per_worker")
def test_a_lane_may_meet_so_many_errors(world: World) -> None:
    result = import_rows(world, "max_errors_per_worker: 4")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "max_errors_per_worker")
    again = resume(world.project, result.execution_id)
    assert again.stopped_reason == "max_errors_per_worker"
    assert again.counts.invalid == 10
    assert resume(world.project, result.execution_id).status is Status.COMPLETED_WITH_ERRORS


@pytest.mark.option("error_handling")
@pytest.mark.parametrize(
    ("mode", "status", "errors"),
    [
        ("stop_on_error", Status.STOPPED, 0),
        ("collect_errors", Status.COMPLETED_WITH_ERRORS, 10),
        ("continue_on_error", Status.COMPLETED_WITH_ERRORS, 0),
    ],
)
def test_what_a_bad_row_costs(world: World, mode: str, status: Status, errors: int) -> None:
    result = import_rows(world, f"error_handling: {mode}")
    assert (result.status, len(result.errors)) == (status, errors)
    assert result.counts.created == (0 if status is Status.STOPPED else 40)


def test_a_resume_may_pass_over_rows_that_were_rejected(either: World) -> None:
    """The next row that was not rejected before stops it again."""
    options = "error_handling: stop_on_error\nbatch_size: 5\n"
    rules = 'validation_rules: ["amount <> 3 AND amount <> 4 AND amount <> 12"]\n'
    project = either.declare(INSERT + rules + options, entity="key: id\ncreate_table: true")
    given = [{"id": n, "amount": n} for n in range(1, 21)]
    result = run(project, "work", {"rows": given})
    assert (result.counts.created, result.counts.invalid, result.counts.skipped) == (0, 2, 3)
    same = resume(project, result.execution_id)
    assert (same.status, same.counts.created) == (Status.STOPPED, 0)
    over = resume(project, result.execution_id, options=RunOptions(skip_rejects=True))
    assert (over.status, over.counts.created, over.counts.invalid) == (Status.STOPPED, 8, 3)
    last = resume(project, result.execution_id, options=RunOptions(skip_rejects=True))
    assert (last.status, last.counts.created) == (Status.COMPLETED_WITH_ERRORS, 17)
    assert [r.row for r in rejects_of(project, result.execution_id)] == [3, 4, 12]


@pytest.mark.option("timeout")
def test_an_operation_has_so_much_time(world: World) -> None:
    project = world.declare(UPDATE + "batch_size: 10\nthrottle: 100 ms\ntimeout: 300 ms\n")
    world.fill()
    result = run(project, "work")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "timeout")
    assert 0 < result.counts.updated < 100


@pytest.mark.option("retry")
@pytest.mark.parametrize(("retries", "status"), [(0, Status.STOPPED), (60, Status.COMPLETED)])
def test_trouble_that_passes_is_waited_for(server: World, retries: int, status: Status) -> None:
    """A row is locked by somebody, and nobody waits longer than 50 ms for it: half a second, or
    until the operation has given up.
    """
    retry = f"{{max_retries: {retries}, initial_delay: 0.02, max_delay: 0.02}}"
    project = server.declare(UPDATE + f"retry: {retry}\n")
    server.fill()
    accounts.execute(project.database(), ["ALTER ROLE CURRENT_USER SET lock_timeout = '50ms'"])
    project.dispose()
    engine = create_engine(server.url.replace("postgresql://", "postgresql+psycopg://"))
    held = engine.connect()
    held.exec_driver_sql("SELECT 1 FROM things WHERE id = 7 FOR UPDATE")
    release = threading.Timer(0.5, held.close)
    if retries:
        release.start()
    told: list[Event] = []
    try:
        assert run(project, "work", listen=told.append).status is status
        waits = {event.wait_s for event in told if isinstance(event, BatchRetried)}
        assert waits - {0.0} == ({0.02} if retries else set())
    finally:
        release.join() if retries else held.close()
        engine.dispose()
        accounts.execute(project.database(), ["ALTER ROLE CURRENT_USER RESET lock_timeout"])


@pytest.mark.option("atomic")
def test_an_atomic_operation_is_all_or_nothing(either: World) -> None:
    """One bad row, and neither step has changed anything; every bad row is told."""
    operation = """
operation: work
atomic: true
batch_size: 10
chunk_rows: 20
steps:
  - name: mark
    operation_type: update
    update_data: {name: done}
  - name: grow
    operation_type: update
    update_data: {amount: {sql: "amount * 2"}}
    where_condition: "name = 'done'"
"""
    project = either.declare(operation)
    either.fill()
    bad = "amount <= 190"
    if project.database().dialect.capabilities.zones:
        accounts.execute(project.database(), [f"ALTER TABLE things ADD CHECK ({bad})"])
    else:
        refuse = "BEGIN SELECT RAISE(ABORT, 'too large'); END"
        trigger = f"CREATE TRIGGER t BEFORE UPDATE ON things WHEN NEW.amount > 190 {refuse}"
        accounts.execute(project.database(), [trigger])
    result = run(project, "work")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "row_refused")
    assert either.one("SELECT count(*) FROM things WHERE name = 'done'") == 0
    assert either.one("SELECT sum(amount) FROM things") == 5050
    counts = {step.name: step.counts for step in result.steps}
    assert counts["mark"] == Counts(total=100, skipped=100)
    assert counts["grow"] == Counts(total=100, failed=5, skipped=95)
    keys = [reject.key["id"] for reject in rejects_of(project, result.execution_id)]
    assert keys == [96, 97, 98, 99, 100]
    accounts.execute(project.database(), ["DELETE FROM things WHERE id > 95"])
    again = resume(project, result.execution_id)
    assert again.status is Status.COMPLETED
    assert {s.name: s.counts.updated for s in again.steps} == {"mark": 95, "grow": 95}
    assert either.one("SELECT sum(amount) FROM things") == 2 * 95 * 96 // 2
    assert list(rejects_of(project, result.execution_id)) == []
    assert again.chunks.total == again.chunks.completed == 10


# what guards it


@pytest.mark.option("preconditions")
def test_a_precondition_that_does_not_hold_refuses(world: World) -> None:
    with pytest.raises(PreconditionFailedError):
        world.do(UPDATE + 'preconditions: ["COUNT(*) > 100"]\n')
    assert world.one("SELECT count(*) FROM things WHERE name = 'done'") == 0


@pytest.mark.option("postconditions")
def test_a_postcondition_is_judged_after_the_last_step(either: World) -> None:
    operation = UPDATE + (
        "where_condition: \"kind = 'a'\"\npostconditions:\n"
        "  - \"COUNT(*) FILTER (WHERE name = 'done') = 50\"\n"
        "  - {row: \"name = 'done'\", name: all_done}\n"
    )
    result = either.do(operation)
    assert (result.status, result.status.exit_code) == (Status.COMPLETED_WITH_FAILED_CHECKS, 4)
    assert [(c.phase, c.success) for c in result.checks] == [("after", True), ("after", False)]
    assert result.checks[1].unexpected_count == 50
    assert "'all_done' does not hold" in (result.message or "")
    assert either.one("SELECT count(*) FROM things WHERE name = 'done'") == 50


@pytest.mark.option("once")
def test_what_is_done_once_is_not_done_again(world: World) -> None:
    world.do(UPDATE + "once: true\n")
    with pytest.raises(AlreadyCompletedError):
        run(world.project, "work")


@pytest.mark.option("requires_confirmation")
def test_what_requires_a_confirmation_is_not_begun_without(world: World) -> None:
    with pytest.raises(ConfirmationError, match="batch-ops plan work"):
        world.do(UPDATE + "requires_confirmation: true\n")
    assert history(world.project) == []
    assert run(world.project, "work", options=RunOptions(confirm=True)).counts.updated == 100


# when it starts


@pytest.mark.option("schedule")
def test_a_schedule_starts_the_operation_and_says_yes_where_it_says_so(world: World) -> None:
    from batch_ops.orchestration.schedules import operation_schedule

    schedule = 'schedule: {cron: "5 4 * * *", timezone: Europe/Berlin, confirm: true}'
    project = world.declare(UPDATE + f"requires_confirmation: true\n{schedule}\n")
    made = operation_schedule(project.catalog.operation("work"))
    assert (made.cron_schedule, made.execution_timezone) == ("5 4 * * *", "Europe/Berlin")
    import dagster as dg

    data = made.evaluate_tick(dg.build_schedule_context())
    assert [request.run_config for request in data.run_requests] == [{"confirm": True}]


@pytest.mark.option("sensor")
def test_a_sensor_watches_its_folder(world: World) -> None:
    project = world.declare(
        "operation: work\ndata_source: csv_file\nsensor: {folder: incoming, pattern: '*.txt'}\n"
    )
    sensor = project.catalog.operation("work").sensor
    assert (sensor.folder, sensor.pattern) == ("incoming", "*.txt")
    with pytest.raises(ParameterError, match="source_path"):
        run(project, "work")


def test_what_a_database_cannot_mean_is_refused_before_an_earlier_step_has_written(
    world: World,
) -> None:
    project = world.declare(
        """
operation: work
steps:
  - {name: mark, operation_type: update, update_data: {name: done}}
  - name: tell
    operation_type: update
    update_data: {name: {sql: "CAST(seen_at AS TEXT)"}}
"""
    )
    world.fill()
    with pytest.raises(UsageError, match="does not mean the same on SQLite"):
        run(project, "work")
    assert world.one("SELECT count(*) FROM things WHERE name = 'done'") == 0
    assert history(project) == []


@pytest.mark.option("validation_rules")
def test_a_rule_may_call_a_function_of_the_project(world: World) -> None:
    from batch_ops import registry, sql_function

    @sql_function("most_allowed")
    def most(level: str) -> int:
        return {"low": 10}[level]

    try:
        rules = "validation_rules: [\"amount <= most_allowed('low')\"]\n"
        project = world.declare(INSERT + rules, entity="key: id\ncreate_table: true")
        given = [{"id": n, "amount": n} for n in range(1, 21)]
        result = run(project, "work", {"rows": given})
        assert (result.counts.created, result.counts.invalid) == (10, 10)
    finally:
        registry.unregister("most_allowed")


# the dry run says the same


def test_the_dry_run_shows_before_and_after_and_what_nobody_knows_yet(world: World) -> None:
    project = world.declare(
        """
operation: work
steps:
  - name: find
    operation_type: select
    where_condition: "kind = 'a'"
  - name: grow
    operation_type: update
    update_data: {amount: {sql: "amount + :more"}}
    where_condition: "id IN (:find_ids)"
  - name: copy
    operation_type: insert
    insert_data: {id: {sql: ":grow.id + 1000"}, name: copied}
"""
    )
    world.fill()
    shown = preview(project, "work", {"more": 5})
    assert [step.rows for step in shown.steps] == [50, 50, 50]
    assert shown.steps[1].sample[0]["amount"] == {"before": 2, "after": 7}
    assert shown.bindings["grow"] == "records of step grow"
    assert world.one("SELECT sum(amount) FROM things") == 5050
    result = run(project, "work", {"more": 5})
    assert [s.counts.total for s in result.steps] == [50, 50, 50]
    assert world.one("SELECT count(*) FROM things WHERE id > 1000 AND name = 'copied'") == 50
