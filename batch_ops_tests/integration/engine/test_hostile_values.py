"""Values of parameters are bound: whatever they are, the statement stays the same and exactly the
rows that hold them change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text

from batch_ops.engine import history, run
from batch_ops.errors import ParameterError
from batch_ops.results import Status
from batch_ops_tests.support import accounts, hostile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.engine import Project

NOTES = """
name: notes
key: id
fields: {id: integer, name: text, mark: text}
patterns:
  - name: batch_operations
    operation: mark_one
    operation_type: update
    update_data: {mark: :mark}
    where_condition: "name = :name"
    preconditions: ["COUNT(*) FILTER (WHERE name = :name) = 1"]
  - name: batch_operations
    operation: mark_many
    operation_type: update
    update_data: {mark: {sql: "'<' || :mark || '>'"}}
    where_condition: "name = ANY(:names)"
  - name: batch_operations
    operation: remove_one
    operation_type: delete
    where_condition: "name = :name"
  - name: batch_operations
    operation: add
    data_source: :rows
"""
VALUES = tuple(dict.fromkeys(hostile.VALUES))
DATA = re.compile(r"^\s*(UPDATE|DELETE FROM|WITH|INSERT INTO)[^;]*\bnotes\b", re.IGNORECASE)


class Notes:
    """A table of notes, one for each hostile value, and another one that nobody may touch."""

    def __init__(self, project: Project) -> None:
        self.project, self.database = project, project.database()
        self.statements: set[str] = set()
        accounts.execute(
            self.database,
            [
                "CREATE TABLE notes (id INTEGER PRIMARY KEY, name TEXT, mark TEXT)",
                "CREATE TABLE victims (id INTEGER PRIMARY KEY)",
                "INSERT INTO victims VALUES (1), (2), (3)",
            ],
        )
        with self.database.writing() as connection:
            insert = text("INSERT INTO notes VALUES (:id, :name, NULL)")
            rows = [{"id": n, "name": value} for n, value in enumerate(VALUES)]
            connection.execute(insert, [*rows, {"id": 1000, "name": "other"}])
        event.listen(self.database.engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if DATA.match(statement):
            self.statements.add(statement)

    def rows(self) -> dict[int, tuple[str, str | None]]:
        found = accounts.query(self.database, "SELECT id, name, mark FROM notes")
        return {number: (name, mark) for number, name, mark in found}

    def victims(self) -> int:
        return accounts.query(self.database, "SELECT count(*) FROM victims")[0][0]


@pytest.fixture
def notes(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    project = accounts.project(tmp_path, database_url, NOTES)
    yield Notes(project)
    project.dispose()


@pytest.mark.quick("sqlite")
def test_an_update_by_any_value_changes_its_row_alone_with_the_same_statement(notes: Notes) -> None:
    before, begun = notes.rows(), None
    for number, value in enumerate(VALUES):
        result = run(notes.project, "mark_one", {"name": value, "mark": value})
        assert (result.status, result.counts.updated) == (Status.COMPLETED, 1), repr(value)
        before[number] = (value, value)
        begun = begun or set(notes.statements)
        assert notes.statements == begun, repr(value)
    assert notes.rows() == before
    assert notes.victims() == 3
    assert len(begun or ()) >= 1


@pytest.mark.quick("sqlite")
def test_a_delete_by_any_value_removes_its_row_alone_with_the_same_statement(notes: Notes) -> None:
    before, begun = notes.rows(), None
    for number, value in enumerate(VALUES):
        result = run(notes.project, "remove_one", {"name": value})
        assert (result.status, result.counts.deleted) == (Status.COMPLETED, 1), repr(value)
        del before[number]
        begun = begun or set(notes.statements)
        assert notes.statements == begun, repr(value)
    assert notes.rows() == before == {1000: ("other", None)}
    assert notes.victims() == 3


def test_a_list_of_all_values_changes_their_rows_alone(notes: Notes) -> None:
    half = VALUES[::2]
    result = run(notes.project, "mark_many", {"names": list(half), "mark": VALUES[6]})
    assert (result.status, result.counts.updated) == (Status.COMPLETED, len(half))
    for name, mark in notes.rows().values():
        assert mark == (f"<{VALUES[6]}>" if name in half else None), name
    assert notes.victims() == 3


def test_records_of_all_values_are_put_in_as_they_are(notes: Notes) -> None:
    kept = [value for value in VALUES if value != "\\N"]  # which is told apart, row by row
    rows = [{"id": 2000 + n, "name": value, "mark": value} for n, value in enumerate(kept)]
    result = run(notes.project, "add", {"rows": rows})
    assert (result.status, result.counts.created) == (Status.COMPLETED, len(rows))
    found = notes.rows()
    assert [found[row["id"]] for row in rows] == [(value, value) for value in kept]
    assert notes.victims() == 3


@pytest.mark.parametrize("value", ["a\x00b", "\x00", "\ud800"])
@pytest.mark.parametrize("given", ["name", "mark", "names"])
def test_a_text_that_a_database_cannot_keep_is_refused(
    notes: Notes, given: str, value: str
) -> None:
    """At NUL some databases end a text: the row of the empty name would change."""
    operation = "mark_many" if given == "names" else "mark_one"
    values = {"name": "'", "mark": "x"} if given != "names" else {"names": [], "mark": "x"}
    values[given] = ["'", value] if given == "names" else value
    before = notes.rows()
    with pytest.raises(ParameterError, match=f"parameter '{given}' holds"):
        run(notes.project, operation, values)
    assert notes.rows() == before
    assert history(notes.project) == []


def test_a_record_with_nul_costs_itself_alone(notes: Notes) -> None:
    rows = [{"id": 2000 + n, "name": name} for n, name in enumerate(["a", "b\x00c", "d"])]
    result = run(notes.project, "add", {"rows": rows})
    assert (result.counts.created, result.counts.rejects) == (2, 1)
    assert {2000, 2002} <= set(notes.rows())
    assert 2001 not in notes.rows()


def test_a_record_that_is_no_unicode_is_refused(notes: Notes) -> None:
    with pytest.raises(ParameterError, match="parameter 'rows' holds half a sign"):
        run(notes.project, "add", {"rows": [{"id": 2000, "name": "\ud800"}]})
    assert history(notes.project) == []
