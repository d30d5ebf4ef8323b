"""Tables of all shapes are undone: rows that refer to each other, odd names, types nobody has a
word for, rows that only count as deleted; and tables others write to meanwhile.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from batch_ops.engine import Project, RunOptions, resume, run
from batch_ops.faultpoints import Point
from batch_ops.results import Status
from batch_ops_tests.support import accounts, stock
from batch_ops_tests.support.happenings import happening, once_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Open = "Callable[[str, list[str]], Project]"


def _opening(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    made: list[Project] = []

    def opened(declaration: str, statements: list[str]) -> Project:
        made.append(accounts.project(folder, url, declaration))
        accounts.execute(made[-1].database(), statements)
        return made[-1]

    yield opened
    for each in made:
        each.dispose()


@pytest.fixture
def opened(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a project of one declaration and these tables."""
    yield from _opening(tmp_path, database_url, monkeypatch)


@pytest.fixture
def on_postgresql(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """The same on PostgreSQL alone."""
    yield from _opening(tmp_path, postgresql_url, monkeypatch)


STAFF = """
name: staff
key: [id]
fields: {id: integer, boss: integer}
patterns:
  - name: batch_operations
    operation: dismiss
    operation_type: delete
    where_condition: "id < 90"
    batch_size: 7
    chunk_rows: 14
    max_workers: 4
    undo: true
  - name: batch_operations
    operation: hire
    operation_type: insert
    insert_data: {id: ":new.id", boss: ":new.boss"}
    batch_size: 7
    undo: true
"""


def test_rows_that_refer_to_each_other_come_back_in_their_order(opened: Open):
    """Those that are referred to first; and those that were created go last."""
    project = opened(
        STAFF,
        [
            "CREATE TABLE staff (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES staff (id))",
            *(f"INSERT INTO staff VALUES ({n}, {n + 1 if n < 100 else 'NULL'})"
              for n in range(100, 0, -1)),
        ],
    )  # fmt: skip
    query = "SELECT * FROM staff ORDER BY id"
    before = accounts.query(project.database(), query)
    gone = run(project, "dismiss")
    assert gone.counts.deleted == 89
    hired = run(project, "hire", {"new": [{"id": 101 + n, "boss": 100 + n} for n in range(30)]})
    assert hired.counts.created == 30
    for result in (hired, gone):
        done = stock.undone(project, result.execution_id)
        assert (done.kept, done.refused) == (0, 0)
    assert accounts.query(project.database(), query) == before


SOFT = """
name: notes
key: [id]
soft_delete: gone_at
fields: {id: integer, text: string(10), gone_at: timestamp}
patterns:
  - name: batch_operations
    operation: remove
    operation_type: delete
    where_condition: "id < 10"
    undo: true
"""


def test_rows_that_count_as_deleted_are_there_again(opened: Open):
    project = opened(
        SOFT,
        [
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, text VARCHAR(10), gone_at TIMESTAMP)",
            *(f"INSERT INTO notes VALUES ({n}, 't', NULL)" for n in range(20)),
            "UPDATE notes SET gone_at = '2020-01-01 00:00:00' WHERE id = 3",
        ],
    )
    query = "SELECT * FROM notes ORDER BY id"
    before = accounts.query(project.database(), query)
    result = run(project, "remove")
    assert result.counts.deleted == 9
    assert accounts.query(project.database(), query) != before
    stock.undone(project, result.execution_id)
    assert accounts.query(project.database(), query) == before


ODD = """
name: odd
key: [kind, number]
fields: {kind: string(10), number: integer, text: text}
patterns:
  - name: batch_operations
    operation: change
    operation_type: update
    update_data: {text: other}
    batch_size: 3
    undo: true
  - name: batch_operations
    operation: remove
    operation_type: delete
    where_condition: "number > 2"
    batch_size: 3
    undo: true
"""
ODDLY = '"va""l:ue %%s (x)"'


@pytest.mark.parametrize("operation", ["change", "remove"])
def test_columns_may_have_any_name_and_keys_several_columns(opened: Open, operation: str):
    kind = "CASE WHEN number > 4 THEN 'x:%%s' ELSE 'y' END"
    project = opened(
        ODD,
        [
            (
                f"CREATE TABLE odd (kind VARCHAR(10), number INTEGER, text TEXT, {ODDLY} TEXT,"
                " PRIMARY KEY (kind, number))"
            ),
            *(f"INSERT INTO odd VALUES ('k', {n}, 't', 'v{n}')" for n in range(10)),
            f"UPDATE odd SET kind = {kind}, {ODDLY} = {kind}",
        ],
    )
    query = "SELECT * FROM odd ORDER BY number"
    before = accounts.query(project.database(), query)
    result = run(project, operation)
    assert accounts.query(project.database(), query) != before
    stock.undone(project, result.execution_id)
    assert accounts.query(project.database(), query) == before


TYPES = """
name: things
key: [id]
fields: {id: bigint, name: text}
patterns:
  - name: batch_operations
    operation: change
    operation_type: update
    update_data: {name: other}
    batch_size: 3
    undo: true
  - name: batch_operations
    operation: remove
    operation_type: delete
    batch_size: 3
    undo: true
  - name: batch_operations
    operation: add
    operation_type: insert
    insert_data: {name: ":new.name"}
    batch_size: 3
    undo: true
"""
MANY = (
    "CREATE DOMAIN level AS integer NOT NULL CHECK (VALUE > 0)",
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
    (
        "CREATE TABLE things (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT,"
        " list INTEGER[], at POINT, net INET, how mood DEFAULT 'bad', span INTERVAL, at_level level"
        " DEFAULT 1, plain JSON, found TSVECTOR, fixed CHAR(5), exact NUMERIC, wide INT4RANGE,"
        " bits BIT(3), number INTEGER GENERATED BY DEFAULT AS IDENTITY)"
    ),
    (
        "INSERT INTO things (name, list, at, net, how, span, at_level, plain, found, fixed, exact,"
        " wide, bits)"
        " SELECT 'n' || n, ARRAY[n, NULL], point(n, 1), '10.0.0.1', 'good', n * interval '1 day',"
        " n, '{\"a\":  1}', to_tsvector('some words'), 'x', 1.50, int4range(1, n + 1), B'101'"
        " FROM generate_series(1, 10) AS n"
    ),
    "INSERT INTO things (name) VALUES (NULL)",
)


@pytest.mark.filterwarnings("ignore:Did not recognize type")
@pytest.mark.parametrize("operation", ["change", "remove", "add"])
def test_types_nobody_has_a_word_for_come_back(on_postgresql: Open, operation: str):
    """With the numbers the database counts up itself."""
    project = on_postgresql(TYPES, [each.replace("%", "%%") for each in MANY])
    query = "SELECT CAST(t AS text) FROM things AS t ORDER BY id"
    before = accounts.query(project.database(), query)
    given = {"new": [{"name": f"new {n}"} for n in range(8)]} if operation == "add" else {}
    result = run(project, operation, given)
    assert accounts.query(project.database(), query) != before
    done = stock.undone(project, result.execution_id)
    assert (done.kept, done.refused) == (0, 0)
    assert accounts.query(project.database(), query) == before


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_a_change_of_nothing_but_how_a_value_is_written_is_seen(on_postgresql: Open):
    """1.50 became 1.5, `{"a":  1}` other JSON text: somebody wrote that, and it is kept."""
    project = on_postgresql(TYPES, [each.replace("%", "%%") for each in MANY])
    result = run(project, "add", {"new": [{"name": "one"}, {"name": "two"}, {"name": "three"}]})
    accounts.execute(
        project.database(),
        [
            "UPDATE things SET exact = 1.0 WHERE name IN ('one', 'two')",
            "UPDATE things SET exact = NULL WHERE name = 'one'",
        ],
    )
    done = stock.undone(project, result.execution_id)
    assert (done.restored, done.kept) == (2, 1)


# beside others that write

COUNTS = """
name: counts
key: [id]
fields: {id: integer, state: string(10), visits: integer}
patterns:
  - name: batch_operations
    operation: mark
    operation_type: update
    update_data: {state: marked}
    batch_size: 20
    chunk_rows: 100
    max_workers: 2
    undo: true
  - name: batch_operations
    operation: put
    operation_type: upsert
    upsert_data: {id: ":rows.id", state: put, visits: ":rows.visits"}
    batch_size: 20
    undo: true
"""
ROWS = 400
TABLE = (
    "CREATE TABLE counts (id INTEGER PRIMARY KEY, state VARCHAR(10), visits INTEGER DEFAULT 0)",
    f"INSERT INTO counts SELECT n, 'new', 0 FROM generate_series(1, {ROWS}) AS n",
)


def test_undone_beside_living_traffic_what_others_write_is_kept(on_postgresql: Open):
    """Others count in another column, all the while: no count is lost, and every state is back."""
    project = on_postgresql(COUNTS, list(TABLE))
    ended, visits = threading.Event(), 0
    chance = random.Random(7)

    def visit() -> None:
        nonlocal visits
        while not ended.is_set():
            with project.database().writing() as connection:
                rows = sorted(chance.sample(range(1, ROWS + 1), 5))
                for row in rows:
                    connection.execute(
                        text("UPDATE counts SET visits = visits + 1 WHERE id = :id"), {"id": row}
                    )
            visits += len(rows)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        result = run(project, "mark")
        done = stock.undone(project, result.execution_id)
    finally:
        ended.set()
        visitor.join()
    assert visits > 0
    assert (done.restored, done.kept, done.refused) == (ROWS, 0, 0)
    query = "SELECT DISTINCT state FROM counts"
    assert accounts.query(project.database(), query) == [("new",)]
    assert accounts.query(project.database(), "SELECT sum(visits) FROM counts") == [(visits,)]


def test_a_row_others_put_in_meanwhile_is_never_taken_for_ours(on_postgresql: Open):
    """It came between the images and the write: the batch stops, and is right when it is resumed:
    the row is theirs, and stays with their values.
    """
    project = on_postgresql(COUNTS, list(TABLE))
    rows = [{"id": n, "visits": 5} for n in range(ROWS - 50, ROWS + 50)]

    def put_in() -> None:
        number = ROWS + 45
        accounts.execute(project.database(), [f"INSERT INTO counts VALUES ({number}, 'theirs', 1)"])

    with happening(once_at(Point.KEEPING_IMAGES, 5, put_in)):
        result = run(project, "put", {"rows": rows})
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "changed_meanwhile")
    result = resume(project, result.execution_id)
    assert result.status is Status.COMPLETED
    done = stock.undone(project, result.execution_id)
    assert (done.restored, done.kept, done.refused) == (100, 0, 0)
    query = f"SELECT * FROM counts WHERE id > {ROWS} OR state <> 'new' OR visits <> 0"
    assert accounts.query(project.database(), query) == [(ROWS + 45, "theirs", 1)]


def test_a_row_that_stops_qualifying_or_begins_to_meanwhile_has_the_right_image(
    on_postgresql: Open,
):
    project = on_postgresql(
        COUNTS.replace("{state: marked}", '{state: marked}\n    where_condition: "visits = 0"'),
        [*TABLE, "UPDATE counts SET visits = 1 WHERE id = 15"],
    )

    def others() -> None:
        accounts.execute(project.database(), ["UPDATE counts SET visits = 0 WHERE id = 15"])

    with happening(once_at(Point.KEEPING_IMAGES, 1, others)):
        result = run(project, "mark", options=RunOptions(max_workers=1))
    assert result.counts.updated == ROWS - 1
    done = stock.undone(project, result.execution_id)
    assert done.restored == ROWS - 1
    query = "SELECT DISTINCT state FROM counts"
    assert accounts.query(project.database(), query) == [("new",)]
