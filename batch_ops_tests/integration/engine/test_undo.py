"""An execution that kept images is undone: every row is as it was before, to the last bit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect

from batch_ops.engine import (
    cancel,
    rejects_of,
    result_of,
    retry,
    run,
    undo,
    undos_of,
)
from batch_ops.engine.purge import purge_before
from batch_ops.errors import (
    AlreadyCompletedError,
    ConfirmationError,
    DatabaseUnfitError,
    UsageError,
)
from batch_ops.results import Status, UndoPolicy
from batch_ops_tests.support import accounts, stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine import Project

QUICK = ("change", "remove", "add", "put", "copy", "in_steps", "issue")
KINDS = [
    pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
    for name in (*stock.OPERATIONS, "issue")
]


@pytest.fixture
def goods(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    """Makes a project with a stock of goods."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    made: list[Project] = []

    def project(**more: str) -> Project:
        made.append(stock.project(tmp_path, database_url, **more))
        return made[-1]

    yield project
    for each in made:
        each.dispose()


@pytest.mark.option("undo")
@pytest.mark.parametrize("operation", KINDS)
@pytest.mark.quick("sqlite", "postgresql-change", "postgresql-put")
def test_undone_every_table_is_as_before(goods: Callable[..., Project], operation: str):
    project = goods()
    before = stock.state(project)
    result = stock.done(project, operation)
    assert stock.state(project) != before
    tried = stock.undone(project, result.execution_id, dry_run=True)
    changed = result.counts.processed
    assert tried.number is None
    assert tried.restored == changed
    assert stock.state(project) != before
    done = stock.undone(project, result.execution_id)
    assert stock.state(project) == before
    assert (done.number, done.restored) == (1, changed)
    assert (done.as_before, done.kept, done.refused, done.left) == (0, 0, 0, ())


@pytest.mark.parametrize("operation", ["change", "move", "copy"])
@pytest.mark.quick("sqlite")
def test_an_atomic_operation_is_undone_like_others(goods: Callable[..., Project], operation: str):
    project = goods(more="atomic: true\n")
    before = stock.state(project)
    result = stock.done(project, operation)
    stock.undone(project, result.execution_id)
    assert stock.state(project) == before


def test_lanes_and_chunks_are_undone_alike(goods: Callable[..., Project]):
    project = goods(more="max_workers: 3\n")
    before = stock.state(project)
    for operation in ("change", "remove"):
        result = stock.done(project, operation)
        stock.undone(project, result.execution_id)
        assert stock.state(project) == before


# rows that somebody changed since

AGAIN = "INSERT INTO goods (id, name, code) VALUES (1, 'again', 'back')"
SINCE = {
    "ours": "UPDATE goods SET name = 'newer' WHERE id = 41",
    "other": "UPDATE goods SET ready = FALSE, code = 'theirs' WHERE id = 42",
    "gone": "DELETE FROM goods WHERE id = 43",
    "back": "UPDATE goods SET name = 'g45', price = NULL, seen_at = NULL WHERE id = 45",
}
"""What others do to rows that an update changed: to columns it wrote, to another one, to the row,
and what it did itself.
"""


def name_of(project: Project, number: int) -> str | None:
    found = accounts.query(project.database(), f"SELECT name FROM goods WHERE id = {number}")
    return found[0][0] if found else None


def changed_since(project: Project, operation: str, *statements: str) -> str:
    result = stock.done(project, operation)
    accounts.execute(project.database(), statements)
    return result.execution_id


@pytest.mark.parametrize("policy", list(UndoPolicy))
@pytest.mark.quick("postgresql")
def test_rows_updated_since_follow_the_policy(goods: Callable[..., Project], policy: UndoPolicy):
    """A column nobody of us wrote keeps its newer value, unless whole rows are overwritten."""
    project = goods()
    before = accounts.query(project.database(), "SELECT id, name, price FROM goods ORDER BY id")
    execution = changed_since(project, "change", *SINCE.values())
    tried = stock.undone(project, execution, policy, dry_run=True)
    done = stock.undone(project, execution, policy)
    told = (done.restored, done.as_before, done.kept, done.refused)
    assert (tried.restored, tried.as_before, tried.kept, tried.refused) == told
    after = dict(accounts.query(project.database(), "SELECT id, name FROM goods"))
    names = {number: name for number, name, _ in before}
    theirs = accounts.query(project.database(), "SELECT code, ready FROM goods WHERE id = 42")
    if policy is UndoPolicy.KEEP_NEWER:
        assert told == (45, 1, 2, 0)
        assert after == {n: name for n, name in names.items() if n != 43} | {41: "newer"}
        assert [(row.key, row.why) for row in done.left] == [
            ({"id": 41}, "kept"),
            ({"id": 43}, "kept"),
        ]
        assert theirs[0][0] == "theirs"
    elif policy is UndoPolicy.RESTORE_WINS:
        assert told == (46, 1, 1, 0)
        assert after == {n: name for n, name in names.items() if n != 43}
        assert theirs[0][0] == "theirs"
    else:
        assert told == (47, 1, 0, 0)
        assert after == names
        assert theirs == [(None, True)]


@pytest.mark.parametrize("policy", list(UndoPolicy))
@pytest.mark.quick("sqlite")
def test_rows_that_were_deleted_and_are_there_again(
    goods: Callable[..., Project], policy: UndoPolicy
):
    project = goods()
    before = stock.state(project)
    execution = changed_since(project, "remove", AGAIN)
    done = stock.undone(project, execution, policy)
    if policy is UndoPolicy.KEEP_NEWER:
        assert (done.restored, done.kept) == (25, 1)
        assert name_of(project, 1) == "again"
        assert [row.key for row in done.left] == [{"id": 1}]
    else:
        assert (done.restored, done.kept) == (26, 0)
        assert stock.state(project) == before


@pytest.mark.parametrize("policy", list(UndoPolicy))
@pytest.mark.quick("sqlite")
def test_rows_that_were_created_and_changed_since(
    goods: Callable[..., Project], policy: UndoPolicy
):
    """One that is gone already is as before; one that somebody changed is theirs now."""
    project = goods()
    before = stock.state(project)
    since = "UPDATE goods SET ready = TRUE WHERE id = 70", "DELETE FROM goods WHERE id = 71"
    execution = changed_since(project, "add", *since)
    done = stock.undone(project, execution, policy)
    kept = int(policy is UndoPolicy.KEEP_NEWER)
    assert (done.restored, done.as_before, done.kept) == (28 - kept, 1, kept)
    assert (stock.state(project) == before) is not bool(kept)
    assert (name_of(project, 70) == "new 70") is bool(kept)


def test_rows_that_were_left_alone_can_be_put_back_by_another_undo(
    goods: Callable[..., Project],
):
    """A row somebody makes under a key that was undone before is none of ours."""
    project = goods()
    execution = changed_since(project, "add", "UPDATE goods SET ready = TRUE WHERE id = 70")
    assert stock.undone(project, execution).kept == 1
    accounts.execute(project.database(), ["INSERT INTO goods (id, name) VALUES (72, 'theirs')"])
    again = stock.undone(project, execution)
    assert (again.number, again.restored, again.kept) == (2, 0, 1)
    last = stock.undone(project, execution, UndoPolicy.RESTORE_WINS)
    assert (last.number, last.restored, last.kept, last.left) == (3, 1, 0, ())
    assert name_of(project, 70) is None
    assert name_of(project, 72) == "theirs"
    policies = [(row.policy, row.kept) for row in undos_of(project, execution)]
    assert policies == [("keep_newer", 1), ("keep_newer", 1), ("restore_wins", 0)]


def test_a_row_the_database_refuses_is_left_and_its_neighbours_are_put_back(
    goods: Callable[..., Project],
):
    """A created row that others refer to by now; when they are gone, it goes, too."""
    project = goods()
    before = stock.state(project)
    execution = changed_since(project, "add", "INSERT INTO bookings VALUES (99, 75)")
    tried = stock.undone(project, execution, dry_run=True)
    done = stock.undone(project, execution)
    assert (done.restored, done.refused) == (tried.restored, tried.refused) == (28, 1)
    assert [(row.key, row.why) for row in done.left] == [({"id": 75}, "refused")]
    assert name_of(project, 75) == "new 75"
    accounts.execute(project.database(), ["DELETE FROM bookings WHERE number = 99"])
    assert stock.undone(project, execution).restored == 1
    assert stock.state(project) == before


def test_rows_of_one_key_in_several_batches_go_back_to_the_first(goods: Callable[..., Project]):
    project = goods()
    before = stock.state(project)
    many = [{"id": n % 5 + 800, "name": f"v{n}", "price": n, "code": None} for n in range(40)]
    many += [{"id": n % 3 + 1, "name": f"w{n}", "price": n, "code": f"c{n % 3}"} for n in range(40)]
    result = run(project, "take", {"rows": many})
    done = stock.undone(project, result.execution_id)
    assert stock.state(project) == before
    assert (done.kept, done.refused) == (0, 0)


# what is refused, and what is not done twice


def test_undone_twice_nothing_is_done_and_it_is_said(goods: Callable[..., Project]):
    project = goods()
    execution = stock.done(project, "change").execution_id
    stock.undone(project, execution)
    accounts.execute(project.database(), ["UPDATE goods SET name = 'later'"])
    before = stock.state(project)
    again = stock.undone(project, execution)
    assert (again.number, again.restored) == (None, 0)
    assert stock.state(project) == before
    assert result_of(project, execution).undone_at is not None
    assert [row.number for row in undos_of(project, execution)] == [1]


def test_without_a_yes_nothing_is_undone(goods: Callable[..., Project]):
    project = goods()
    execution = stock.done(project, "change").execution_id
    before = stock.state(project)
    with pytest.raises(ConfirmationError, match="requires a confirmation"):
        undo(project, execution)
    assert stock.state(project) == before
    assert undos_of(project, execution) == []


def test_what_kept_no_images_cannot_be_undone(goods: Callable[..., Project]):
    project = goods(undo=False)
    execution = stock.done(project, "change").execution_id
    with pytest.raises(UsageError, match="kept no images"):
        stock.undone(project, execution)
    tables = inspect(project.database().engine).get_table_names()
    assert not [name for name in tables if name.startswith("batch_images_")]


def test_what_has_not_ended_is_ended_first(goods: Callable[..., Project]):
    """Cancelled, what was written of it is undone."""
    project = goods(more="error_handling: stop_on_error\n")
    before = stock.state(project)
    result = stock.done(project, "in_steps")
    assert result.status is Status.STOPPED
    execution = result.execution_id
    with pytest.raises(UsageError, match=r"has not ended: it is stopped.\n(.*\n)?Finish it"):
        stock.undone(project, execution)
    cancel(project, execution)
    assert stock.state(project) != before
    stock.undone(project, execution)
    assert stock.state(project) == before


UNKEPT = {
    "trigger": ["CREATE TRIGGER"],
    "cascade": [
        (
            "CREATE TABLE notes (number INTEGER PRIMARY KEY,"
            " good INTEGER REFERENCES goods (id) ON DELETE CASCADE)"
        )
    ],
    "nulls": [
        (
            "CREATE TABLE notes (number INTEGER PRIMARY KEY,"
            " good INTEGER REFERENCES goods (id) ON DELETE SET NULL)"
        )
    ],
    "codes": [
        (
            "CREATE TABLE notes (number INTEGER PRIMARY KEY,"
            " good VARCHAR(10) REFERENCES goods (code) ON UPDATE CASCADE)"
        )
    ],
}
TRIGGERS = {
    True: [
        "CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER twice BEFORE UPDATE ON goods FOR EACH ROW EXECUTE FUNCTION twice()",
    ],
    False: ["CREATE TRIGGER twice AFTER UPDATE ON goods BEGIN SELECT 1; END"],
}


@pytest.mark.parametrize("what", UNKEPT)
@pytest.mark.quick("sqlite", "cascade")
def test_a_table_whose_images_would_not_tell_all_is_refused(
    goods: Callable[..., Project], what: str
):
    """Before the first row, and by an undo where it became so since; nothing is written."""
    project = goods()
    execution = stock.done(project, "add").execution_id
    typed = project.database().dialect.capabilities.typed
    accounts.execute(project.database(), TRIGGERS[typed] if what == "trigger" else UNKEPT[what])
    before = stock.state(project)
    word = "has triggers" if what == "trigger" else "Foreign keys of notes change rows"
    with pytest.raises(DatabaseUnfitError, match=word):
        stock.done(project, "change")
    with pytest.raises(DatabaseUnfitError, match=word):
        stock.undone(project, execution)
    assert stock.state(project) == before


def test_a_table_whose_rows_nothing_tells_apart_is_refused(goods: Callable[..., Project]):
    project = goods()
    accounts.execute(
        project.database(),
        ["DROP TABLE bookings", "CREATE TABLE bookings (number INTEGER NOT NULL, good INTEGER)"],
    )
    with pytest.raises(DatabaseUnfitError, match="Nothing tells the rows of 'bookings' apart"):
        stock.done(project, "move")


def test_rejects_of_what_is_to_be_undone_are_not_retried(goods: Callable[..., Project]):
    project = goods()
    execution = stock.done(project, "add").execution_id
    with pytest.raises(UsageError, match="no images are kept"):
        retry(project, execution)


# what else knows of it


def test_an_import_that_was_undone_can_be_done_again(goods: Callable[..., Project]):
    """The same source is refused as long as what it brought is there."""
    project = goods()
    execution = stock.done(project, "add").execution_id
    after = stock.state(project)
    with pytest.raises(AlreadyCompletedError):
        stock.done(project, "add")
    stock.undone(project, execution)
    again = stock.done(project, "add")
    assert stock.state(project) == after
    with pytest.raises(AlreadyCompletedError):
        stock.done(project, "add")
    stock.undone(project, again.execution_id)


def test_rejects_stay_as_they_are(goods: Callable[..., Project]):
    project = goods()
    result = stock.done(project, "add")
    before = list(rejects_of(project, result.execution_id))
    assert before
    stock.undone(project, result.execution_id)
    assert list(rejects_of(project, result.execution_id)) == before
    assert result_of(project, result.execution_id).counts == result.counts


@pytest.mark.quick("sqlite")
def test_purged_images_are_gone_with_their_execution(goods: Callable[..., Project]):
    """And what was undone is not remembered as an import that was done."""
    project = goods()
    first = stock.done(project, "add").execution_id
    stock.undone(project, first)
    second = stock.done(project, "add").execution_id
    later = datetime.now(UTC) + timedelta(days=1)
    found = purge_before(project, later)
    assert [each.remembered for each in found[0].executions] == [False, True]
    tables = inspect(project.database().engine).get_table_names()
    assert not [name for name in tables if name.startswith("batch_images_")]
    assert accounts.query(project.database(), "SELECT count(*) FROM batch_images") == [(0,)]
    assert accounts.query(project.database(), "SELECT count(*) FROM batch_undos") == [(0,)]
    with pytest.raises(UsageError, match="images were purged"):
        stock.undone(project, second)


def test_hidden_values_are_in_the_images_and_nowhere_else(goods: Callable[..., Project]):
    """A hidden key is not told; what is left alone is counted all the same."""
    project = goods(head="hidden: [id, name]\n")
    before = stock.state(project)
    execution = changed_since(project, "change", "UPDATE goods SET name = 'sesame' WHERE id = 41")
    done = stock.undone(project, execution)
    assert [row.key for row in done.left] == [{}]
    assert "sesame" not in str(done.to_dict())
    stock.undone(project, execution, UndoPolicy.FULL_OVERWRITE)
    assert stock.state(project) == before


def test_a_column_that_is_gone_is_named(goods: Callable[..., Project]):
    project = goods()
    execution = stock.done(project, "change").execution_id
    accounts.execute(project.database(), ["ALTER TABLE goods DROP COLUMN shelf"])
    before = stock.state(project)
    with pytest.raises(DatabaseUnfitError, match="no column shelf any more"):
        stock.undone(project, execution)
    assert stock.state(project) == before


def test_a_column_that_is_new_keeps_what_it_has(goods: Callable[..., Project]):
    project = goods()
    execution = stock.done(project, "remove").execution_id
    accounts.execute(project.database(), ["ALTER TABLE goods ADD COLUMN extra INTEGER DEFAULT 7"])
    done = stock.undone(project, execution)
    assert done.restored == 26
    query = "SELECT count(*), min(extra), max(extra) FROM goods"
    assert accounts.query(project.database(), query) == [(60, 7, 7)]
