"""Whatever happens to the server while an operation is under way: in the end rows, counters,
rejects and journal are those of an undisturbed run.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from batch_ops.engine import run
from batch_ops.faultpoints import Point
from batch_ops_tests.conftest import LEFT_OUT
from batch_ops_tests.support import crashing, small_disk, troubles
from batch_ops_tests.support.crash_facts import Seen
from batch_ops_tests.support.happenings import happening
from batch_ops_tests.support.troubles import OPERATIONS, Trouble, later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops_tests.integration.faults.conftest import Ground
    from batch_ops_tests.support.postgresql import PostgreSQL

    Make = Callable[[Ground, str, PostgreSQL], Trouble]


def restarted(ground: Ground, _table: str, server: PostgreSQL) -> Trouble:
    return Trouble(Point.AFTER_DATA, server.restart)


def crashed(ground: Ground, _table: str, _server: PostgreSQL) -> Trouble:
    """One of the server's processes is killed; it ends all the others and recovers."""
    return Trouble(Point.AFTER_DATA, lambda: os.kill(ground.sessions()[0], signal.SIGKILL))


def terminated(ground: Ground, _table: str, _server: PostgreSQL) -> Trouble:
    return Trouble(Point.BEFORE_COMMIT, ground.end_sessions)


def terminated_at_a_closer_look(ground: Ground, _table: str, _server: PostgreSQL) -> Trouble:
    """While it is found out which rows of a batch are refused, and why."""
    return Trouble(Point.ISOLATING, ground.end_sessions, number=1)


def no_room_for_us(ground: Ground, _table: str, _server: PostgreSQL) -> Trouble:
    """For a second nobody of the role is let in."""

    def do() -> None:
        ground.do(f"ALTER ROLE {ground.role} CONNECTION LIMIT 0")
        later(1.0, lambda: ground.do(f"ALTER ROLE {ground.role} CONNECTION LIMIT -1"))
        ground.end_sessions()

    return Trouble(Point.AFTER_DATA, do)


def read_only(ground: Ground, _table: str, _server: PostgreSQL) -> Trouble:
    """For a second all that is opened only reads, as it would be after a failover."""
    setting = f"ALTER DATABASE {ground.name} SET default_transaction_read_only = "

    def do() -> None:
        ground.do(setting + "on")
        later(1.0, lambda: ground.do(setting + "off"))
        ground.end_sessions()

    return Trouble(Point.AFTER_DATA, do)


def locked(ground: Ground, table: str, _server: PostgreSQL) -> Trouble:
    """For a second, which is longer than a lock is waited for."""

    def hold() -> None:
        with ground.admin.connect() as rival:
            rival.execute(text(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE"))
            held.set()
            time.sleep(1.0)
            rival.execute(text("ROLLBACK"))

    held = threading.Event()

    def do() -> None:
        threading.Thread(target=hold).start()
        held.wait(10)

    return Trouble(Point.AFTER_COMMIT, do, codes={"55P03"})


def deadlocked(ground: Ground, table: str, _server: PostgreSQL) -> Trouble:
    """A rival has the journal and waits for what we hold; the server ends us, not it."""
    ground.do(f"ALTER ROLE {ground.role} SET deadlock_timeout = '50ms'")
    ground.project.dispose()  # of sessions that know nothing of it

    def hold() -> None:
        with ground.admin.connect() as rival:
            rival.execute(text("BEGIN; SET LOCAL deadlock_timeout = '30s'"))
            rival.execute(text("LOCK TABLE batch_chunks IN EXCLUSIVE MODE"))
            held.set()
            rival.execute(text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
            rival.execute(text("ROLLBACK"))

    held = threading.Event()

    def do() -> None:
        threading.Thread(target=hold).start()
        held.wait(10)
        time.sleep(0.1)  # until it waits

    return Trouble(Point.AFTER_DATA, do, codes={"40P01"})


def revoked(ground: Ground, table: str, _server: PostgreSQL) -> Trouble:
    return Trouble(
        Point.AFTER_COMMIT,
        lambda: ground.do(f"REVOKE ALL ON {table} FROM {ground.role}"),
        lambda: ground.do(f"GRANT ALL ON {table} TO {ground.role}"),
        "The user may not do that in the database (42501)",
    )


def table_gone(ground: Ground, table: str, _server: PostgreSQL) -> Trouble:
    return Trouble(
        Point.AFTER_COMMIT,
        lambda: ground.do(f"ALTER TABLE {table} RENAME TO elsewhere"),
        lambda: ground.do(f"ALTER TABLE elsewhere RENAME TO {table}"),
        "A table is not there (42P01)",
    )


def column_gone(ground: Ground, table: str, _server: PostgreSQL) -> Trouble:
    return Trouble(
        Point.AFTER_COMMIT,
        lambda: ground.do(f"ALTER TABLE {table} RENAME COLUMN kind TO sort"),
        lambda: ground.do(f"ALTER TABLE {table} RENAME COLUMN sort TO kind"),
        "A column is not there (42703)",
    )


def type_changed(ground: Ground, table: str, _server: PostgreSQL) -> Trouble:
    """A number becomes a text, and cannot be reckoned with any more."""
    change = f"ALTER TABLE {table} DROP CONSTRAINT {table}_amount_check, ALTER COLUMN amount TYPE "
    back = f"ALTER TABLE {table} ALTER COLUMN amount TYPE integer USING amount::integer, ADD"
    return Trouble(
        Point.AFTER_COMMIT,
        lambda: ground.do(f"{change} text"),
        lambda: ground.do(f"{back} CONSTRAINT {table}_amount_check CHECK (amount >= 0)"),
        "The database does not understand the statement (42",
    )


PASSING = (restarted, crashed, terminated, no_room_for_us, read_only, locked, deadlocked)
CLOSER = (terminated_at_a_closer_look,)
LASTING = (revoked, table_gone, column_gone)


def cases() -> Iterator[pytest.ParameterSet]:
    """Each trouble with each operation; quick: each of them once."""
    for number, make in enumerate((*PASSING, *LASTING, *CLOSER)):
        for place, operation in enumerate(OPERATIONS):
            quick = place == number % len(OPERATIONS)
            marks = () if quick else (pytest.mark.slow,)
            yield pytest.param(make, operation, marks=marks, id=f"{make.__name__}-{operation}")
    yield pytest.param(type_changed, "change", id="type_changed-change")


@pytest.mark.parametrize(("make", "operation"), list(cases()))
@pytest.mark.quick("crashed", "locked", "terminated", "revoked")
def test_after_trouble_all_is_as_if_there_had_been_none(
    make: Make,
    operation: str,
    ground: Callable[..., Ground],
    postgresql_server: PostgreSQL,
) -> None:
    wanted = troubles.undisturbed("postgresql", operation, lambda: ground().project)
    here = ground()
    trouble = make(here, OPERATIONS[operation], postgresql_server)
    result = trouble.meet(here.project, operation)
    assert result.status.finished, result.to_dict()
    assert Seen(here.project).facts(same_sizes=False) == wanted
    if trouble.mend is None and operation != "all_or_nothing":
        met = {event.code for event in trouble.tried_again}
        assert met >= trouble.codes, f"it met {met or 'no trouble'}"
        assert met


@pytest.fixture
def full(postgresql_server: PostgreSQL) -> Iterator[Path]:
    """A small disk the server may write to."""
    folder = postgresql_server.folder / "disk"
    with small_disk.small_disk(folder, 6, owner=postgresql_server.owner) as disk:
        if disk is None:
            pytest.skip(f"{LEFT_OUT}nobody may mount a small disk here")
        (disk / "data").mkdir()
        shutil.chown(disk / "data", postgresql_server.owner)
        yield disk


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(operation, marks=() if operation == "change" else (pytest.mark.slow,))
        for operation in OPERATIONS
    ],
)
def test_on_a_full_disk_it_stops_and_goes_on_when_there_is_room(
    operation: str, ground: Callable[..., Ground], full: Path, postgresql_server: PostgreSQL
) -> None:
    wanted = troubles.undisturbed("postgresql", operation, lambda: ground().project)
    with postgresql_server.tablespace(full / "data") as name, ground_on(ground, name) as here:

        def do() -> None:
            here.do("ALTER TABLE batch_operation_logs SET (fillfactor = 10)")
            small_disk.fill(full)

        trouble = Trouble(
            Point.AFTER_COMMIT,
            do,
            lambda: small_disk.make_room(full),
            "The disk of the database is full (53100)",
            number=2,
        )
        result = trouble.meet(here.project, operation)
        assert result.status.finished, result.to_dict()
        assert Seen(here.project).facts(same_sizes=False) == wanted


@contextmanager
def ground_on(make: Callable[..., Ground], tablespace: str) -> Iterator[Ground]:
    """It leaves before the tablespace does."""
    here = make(tablespace=tablespace)
    try:
        yield here
    finally:
        here.leave()


@pytest.fixture
def forgetful(postgresql_server: PostgreSQL) -> Iterator[PostgreSQL]:
    """A server whose last ten seconds of commits that need not wait are not on the disk."""
    admin = create_engine(postgresql_server.url(), isolation_level="AUTOCOMMIT")

    def do(statement: str) -> None:
        with admin.connect() as connection:
            connection.execute(text(statement))
            connection.execute(text("SELECT pg_reload_conf()"))
        admin.dispose()

    do("ALTER SYSTEM SET wal_writer_delay = '10s'")
    yield postgresql_server
    do("ALTER SYSTEM RESET wal_writer_delay")


@pytest.mark.parametrize("operation", ["change", "remove"])
def test_what_a_crash_takes_from_a_lane_that_has_ended_is_done_again(
    operation: str, ground: Callable[..., Ground], forgetful: PostgreSQL
) -> None:
    """Of its chunk the server remembers that the lane has it, and the first of its batches."""
    wanted = troubles.undisturbed("postgresql", operation, lambda: ground().project)
    here, flushed, crashed = ground(), threading.Event(), threading.Event()

    def crash_behind_the_other(point: Point) -> None:
        lane = threading.current_thread().name
        if (lane, point) == ("lane-1", Point.AFTER_COMMIT) and not flushed.is_set():
            here.do("SELECT pg_logical_emit_message(true, 'tests', 'waits for the disk')")
            flushed.set()
        if (lane, point) == ("lane-2", Point.BEFORE_COMMIT) and not crashed.is_set():
            crashed.set()
            [other] = [each for each in threading.enumerate() if each.name == "lane-1"]
            other.join(20)
            assert not other.is_alive()
            forgetful.restart()

    with happening(crash_behind_the_other):
        result = run(here.project, operation, crashing.CASES[operation].parameters)
    assert flushed.is_set()
    assert crashed.is_set()
    assert result.status.finished, result.to_dict()
    assert Seen(here.project).facts(same_sizes=False) == wanted
