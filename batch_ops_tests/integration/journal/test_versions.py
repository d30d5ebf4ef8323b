"""A journal of an earlier version is told as such, upgraded, and goes on where it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import inspect

from batch_ops.cli.app import execute
from batch_ops.engine import Project, newest_unfinished, rejects_of, result_of, resume, run
from batch_ops.errors import AlreadyCompletedError, DatabaseUnfitError, UnfinishedExecutionError
from batch_ops.journal import Journal, upgrade
from batch_ops.journal.tables import VERSION
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts, old_journals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OLDER = [version for version in old_journals.versions() if version < VERSION]


NEEDING = (
    *(["status"], ["errors"], ["resume", "--no-dagster"], ["run", "sweep", "--no-dagster"]),
    *(["pause", "abc"], ["cancel", "abc"], ["purge", "--older-than", "1d"]),
)
"""What reads or writes the journal."""


@pytest.fixture
def old(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int], Project]]:
    """Opens a project on a database as a version left it."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    monkeypatch.setenv("BATCH_OPS_DEFS", str(tmp_path / "defs"))
    monkeypatch.chdir(tmp_path)
    made: list[Project] = []

    def opened(version: int) -> Project:
        old_journals.load(version, database_url)
        old_journals.write_project(tmp_path)
        (tmp_path / "dagster.yaml").touch()
        made.append(old_journals.open_project(tmp_path, database_url))
        return made[-1]

    yield opened
    for project in made:
        project.dispose()


def test_each_earlier_version_has_its_stored_scripts():
    assert list(range(1, VERSION)) == OLDER


@pytest.mark.parametrize("version", OLDER)
def test_an_upgraded_journal_has_the_tables_of_a_new_one(
    old: Callable[[int], Project], version: int
):
    project = old(version)
    assert project.journal().bring_up_to_date() == version
    assert project.journal().bring_up_to_date() == VERSION
    assert shape(project.journal()) == shape_of_new(project.journal())


@pytest.mark.parametrize("version", OLDER)
def test_the_script_of_the_upgrade_does_the_same(
    old: Callable[[int], Project], version: int, capsys
):
    project = old(version)
    assert execute(["init", "--journal", "--sql", "--from-version", str(version)]) == 0
    script = capsys.readouterr().out.rstrip(";\n").split(";\n")
    assert project.journal().version() == version
    accounts.execute(project.database(), script)
    assert shape(project.journal()) == shape_of_new(project.journal())
    assert project.journal().exists()


def shape(journal: Journal) -> dict[str, Any]:
    """What can be seen of the journal's tables: columns with types, keys, indexes."""
    with journal.database.reading() as connection:
        looker = inspect(connection)
        return {
            name: {
                "columns": {
                    column["name"]: (str(column["type"]), column["nullable"])
                    for column in looker.get_columns(name)
                },
                "key": looker.get_pk_constraint(name)["constrained_columns"],
                "indexes": sorted(str(index["column_names"]) for index in looker.get_indexes(name)),
            }
            for name in sorted(journal.tables.metadata.tables)
        }


def shape_of_new(journal: Journal) -> dict[str, Any]:
    """The same of a new journal in its place."""
    names = reversed(journal.tables.metadata.sorted_tables)
    accounts.execute(journal.database, [f"DROP TABLE {table.name}" for table in names])
    journal.ensure()
    return shape(journal)


# what is refused, and what is not


def test_an_older_journal_is_refused_by_what_needs_it_and_the_upgrade_named(
    old: Callable[[int], Project], capsys
):
    project = old(1)
    before = accounts.query(project.database(), "SELECT * FROM batch_operations ORDER BY 1")
    for command in NEEDING:
        capsys.readouterr()
        assert execute(command) == 3, command
        told = capsys.readouterr().err
        assert "has version 1, of an earlier batch_ops" in told
        assert "batch-ops init --journal" in told
    assert accounts.query(project.database(), "SELECT * FROM batch_operations ORDER BY 1") == before


def test_what_does_not_need_the_journal_does_not_mind_an_older_one(
    old: Callable[[int], Project],
):
    project = old(1)
    for command in (["list"], ["check"], ["plan", "sweep"], ["init", "--journal", "--sql"]):
        assert execute(command) == 0, command
    assert project.journal().version() == 1


def test_a_newer_journal_is_refused_and_left_as_it_is(old: Callable[[int], Project], capsys):
    project = old(1)
    newer = VERSION + 1
    accounts.execute(project.database(), [f"UPDATE batch_journal SET version = {newer}"])
    for command in (*NEEDING, ["init", "--journal"]):
        capsys.readouterr()
        assert execute(command) == 3, command
        told = f"has version {newer}; this batch_ops is older and knows version {VERSION}"
        assert told in capsys.readouterr().err
    assert project.journal().version() == newer


def test_an_upgrade_that_fails_leaves_all_as_it_was(
    old: Callable[[int], Project], monkeypatch: pytest.MonkeyPatch
):
    """The first change is taken back with the second one, which the database refuses."""
    project = old(1)
    before = shape_of_what_is_there(project.journal())
    broken = (*upgrade.CHANGES[2], upgrade.NewColumn("not_there", "a", upgrade.UtcDateTime()))
    monkeypatch.setitem(upgrade.CHANGES, 2, broken)
    monkeypatch.setattr(upgrade, "_known", lambda *_: set())
    with pytest.raises(DatabaseUnfitError, match="cannot be upgraded"):
        project.journal().bring_up_to_date()
    assert project.journal().version() == 1
    assert shape_of_what_is_there(project.journal()) == before


def shape_of_what_is_there(journal: Journal) -> set[tuple[str, str]]:
    """Each column of each table."""
    with journal.database.reading() as connection:
        looker = inspect(connection)
        return {
            (table, column["name"])
            for table in looker.get_table_names()
            for column in looker.get_columns(table)
        }


@pytest.mark.quick("postgresql")
def test_two_who_upgrade_at_once_do_it_once(old: Callable[[int], Project], fork_server):
    """The second one waits for the first one's lock, and finds nothing left to do."""
    project = old(1)
    url = project.database().url.render_as_string(hide_password=False)
    children = [fork_server.run(old_journals.child_upgrade, url) for _ in range(4)]
    assert [child.wait() for child in children] == [0] * 4, [each.output for each in children]
    assert project.journal().exists()


# going on


def test_an_unfinished_execution_of_an_older_journal_is_resumed_to_the_right_end(
    old: Callable[[int], Project],
):
    project = old(1)
    assert execute(["init", "--journal"]) == 0
    unfinished = newest_unfinished(project)
    assert unfinished is not None
    result = resume(project, unfinished)
    rows = old_journals.ROWS
    assert result.status is Status.COMPLETED_WITH_ERRORS
    assert [(step.name, step.counts) for step in result.steps] == [
        ("validate", Counts(total=rows, selected=rows)),
        ("update", Counts(total=rows, updated=rows - 1, failed=1)),
        ("cleanup", Counts(total=49, deleted=49)),
    ]
    (reject,) = rejects_of(project, unfinished)
    assert (reject.key, reject.code) == ({"region": "s", "number": 7}, "23514")
    left = "SELECT status, COUNT(*), MIN(balance) FROM accounts GROUP BY status ORDER BY status"
    assert accounts.query(project.database(), left) == [("open", 1, 7), ("swept", 70, 50)]


def test_what_an_older_journal_knows_is_still_refused_and_still_told(
    old: Callable[[int], Project],
):
    """The same file is not imported again, the same operation is to be resumed, not run anew."""
    project = old(1)
    project.journal().bring_up_to_date()
    with pytest.raises(AlreadyCompletedError) as completed:
        run(project, "import_numbers")
    with pytest.raises(UnfinishedExecutionError):
        run(project, "sweep")
    told = result_of(project, str(completed.value.execution_id))
    assert told.counts == Counts(total=40, created=38, invalid=2)
