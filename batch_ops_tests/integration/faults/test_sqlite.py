"""Whatever happens to the file while an operation is under way: in the end rows, counters, rejects
and journal are those of an undisturbed run.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from batch_ops.faultpoints import Point
from batch_ops_tests.conftest import LEFT_OUT
from batch_ops_tests.support import crashing, small_disk, troubles
from batch_ops_tests.support.crash_facts import Seen
from batch_ops_tests.support.troubles import OPERATIONS, Trouble, later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine import Project

    Make = Callable[["Ground", str], Trouble]


@dataclass
class Ground:
    """A file with what `crashing` needs in it.

    Attributes:
        open: the driver's connections; what is set for them holds for new ones, too.
    """

    file: Path
    project: Project
    open: list[sqlite3.Connection] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        event.listen(self.project.database().engine, "connect", self._connected)

    def _connected(self, connection: sqlite3.Connection, _record: object) -> None:
        self.open.append(connection)
        for setting in self.settings:
            connection.execute(setting)

    def set(self, *settings: str) -> None:
        """What every connection is told, now and when it is opened."""
        self.settings = list(settings)
        for connection in self.open:
            for setting in settings:
                connection.execute(setting)

    def do(self, statement: str) -> None:
        """Somebody else's statement."""
        with closing(sqlite3.connect(self.file)) as other, other:
            other.execute(statement)


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Ground]]:
    """Makes one; again for another. folder: where its file is to be."""
    made: list[Ground] = []
    crashing.write_project(tmp_path / "files")

    def make(folder: Path = tmp_path) -> Ground:
        file = folder / f"{len(made)}.db"
        monkeypatch.setenv("BATCH_OPS_DATABASE_URL", f"sqlite:///{file}")
        project = troubles.project_of(tmp_path / "files", f"sqlite:///{file}")
        made.append(Ground(file, project))
        crashing.fill(project)
        return made[-1]

    yield make
    for each in made:
        each.project.dispose()


def locked(ground: Ground, _table: str) -> Trouble:
    """By another writer, for longer than a lock is waited for."""

    def do() -> None:
        rival = sqlite3.connect(ground.file, check_same_thread=False)
        rival.execute("BEGIN IMMEDIATE")
        later(1.0, rival.close)

    return Trouble(Point.AFTER_COMMIT, do, codes={"55P03"})


def read_only(ground: Ground, _table: str) -> Trouble:
    return Trouble(
        Point.AFTER_COMMIT,
        lambda: ground.set("PRAGMA query_only = ON"),
        lambda: ground.set("PRAGMA query_only = OFF"),
        "The database takes no changes: it is read-only (25006)",
    )


def table_gone(ground: Ground, table: str) -> Trouble:
    return Trouble(
        Point.AFTER_COMMIT,
        lambda: ground.do(f"ALTER TABLE {table} RENAME TO elsewhere"),
        lambda: ground.do(f"ALTER TABLE elsewhere RENAME TO {table}"),
        "A table is not there (42P01)",
    )


def column_gone(ground: Ground, table: str) -> Trouble:
    return Trouble(
        Point.AFTER_COMMIT,
        lambda: ground.do(f"ALTER TABLE {table} RENAME COLUMN kind TO sort"),
        lambda: ground.do(f"ALTER TABLE {table} RENAME COLUMN sort TO kind"),
        "A column is not there (42703)",
    )


def cases() -> Iterator[pytest.ParameterSet]:
    """Each trouble with each operation; quick: each of them once."""
    for number, make in enumerate((locked, read_only, table_gone, column_gone)):
        for place, operation in enumerate(OPERATIONS):
            marks = () if place == number else (pytest.mark.slow,)
            yield pytest.param(make, operation, marks=marks, id=f"{make.__name__}-{operation}")


@pytest.mark.parametrize(("make", "operation"), list(cases()))
def test_after_trouble_all_is_as_if_there_had_been_none(
    make: Make, operation: str, ground: Callable[..., Ground]
) -> None:
    wanted = troubles.undisturbed("sqlite", operation, lambda: ground().project)
    here = ground()
    trouble = make(here, OPERATIONS[operation])
    result = trouble.meet(here.project, operation)
    assert result.status.finished, result.to_dict()
    assert Seen(here.project).facts(same_sizes=False) == wanted
    if trouble.mend is None and operation != "all_or_nothing":
        assert {each.code for each in trouble.tried_again} >= trouble.codes


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(operation, marks=() if operation == "upsert_rows" else (pytest.mark.slow,))
        for operation in OPERATIONS
    ],
)
def test_on_a_full_disk_it_stops_and_goes_on_when_there_is_room(
    operation: str, ground: Callable[..., Ground], tmp_path: Path
) -> None:
    wanted = troubles.undisturbed("sqlite", operation, lambda: ground().project)
    with small_disk.small_disk(tmp_path / "disk", 3) as disk:
        if disk is None:
            pytest.skip(f"{LEFT_OUT}nobody may mount a small disk here")
        here = ground(disk)
        trouble = Trouble(
            Point.AFTER_COMMIT,
            lambda: small_disk.fill(disk),
            lambda: small_disk.make_room(disk),
            "The disk of the database is full (53100)",
            number=2,
        )
        result = trouble.meet(here.project, operation)
        assert result.status.finished, result.to_dict()
        assert Seen(here.project).facts(same_sizes=False) == wanted
        here.project.dispose()


def test_a_file_that_may_not_grow_stops_it(ground: Callable[..., Ground]) -> None:
    """By SQLite's own quota."""
    wanted = troubles.undisturbed("sqlite", "import_file", lambda: ground().project)
    here = ground()

    fat = (
        "CREATE TRIGGER fat AFTER INSERT ON arrivals"
        " BEGIN INSERT INTO ballast VALUES (randomblob(5000)); END"
    )

    def do() -> None:
        here.do("CREATE TABLE ballast (bytes BLOB)")
        here.do(fat)
        ((pages,),) = here.open[0].execute("PRAGMA page_count")
        here.set(f"PRAGMA max_page_count = {pages}")

    def mend() -> None:
        here.set("PRAGMA max_page_count = 1000000")
        here.do("DROP TRIGGER fat")
        here.do("DROP TABLE ballast")

    says = "The disk of the database is full (53100)"
    trouble = Trouble(Point.AFTER_COMMIT, do, mend, says, number=2)
    assert trouble.meet(here.project, "import_file").status.finished
    assert Seen(here.project).facts(same_sizes=False) == wanted
