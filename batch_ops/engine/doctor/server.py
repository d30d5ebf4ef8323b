"""The server: reached, its version, its clock, what the role may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from batch_ops.database.types import UtcDateTime
from batch_ops.engine.doctor.findings import Finding, of_error, problem, sound, warning
from batch_ops.errors import BatchOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from batch_ops.database import Database
    from batch_ops.database.looks import Looks
    from batch_ops.engine.project import Project

APART = timedelta(seconds=2)
"""Clocks that differ by more are told: moments of the journal are this machine's, those of SQL the
database's.
"""


def reached(database: Database) -> Iterator[Finding]:
    """Whether the database is there and answers."""
    if not database.exists():
        todo = (
            "Set BATCH_OPS_DATABASE_URL to the one you mean; otherwise the first import makes it."
        )
        yield warning("connection", "The database is not there yet.", todo)
        return
    try:
        with database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except BatchOpsError as error:
        yield of_error("connection", error)
        return
    yield sound("connection", "It answers.")


def look(project: Project, name: str | None) -> Iterator[Finding]:
    """Version, clock, whether it can be written to, whether tables may be made."""
    database = project.database(name)
    looks = database.dialect.looks()
    with database.looking() as connection:
        yield _version(looks, connection)
        yield _clock(connection)
        yield _writable(looks, connection)
        schema = project.journal(name).tables.schema
        if not looks.may_make_tables(connection, schema):
            what = "The role may not make tables: neither the journal's nor those of steps' rows."
            todo = f"GRANT CREATE ON SCHEMA {schema or '…'} and TEMP on the database to it."
            yield problem("rights", what, todo)


def _version(looks: Looks, connection: Connection) -> Finding:
    product, found, oldest = looks.version(connection)
    told = f"{product} {'.'.join(map(str, found))}"
    if found < oldest:
        least = ".".join(map(str, oldest))
        return problem("version", f"{told} is older than {least}.", f"Use {product} {least}.")
    return sound("version", f"{told}.")


def _clock(connection: Connection) -> Finding:
    before = datetime.now(UTC)
    there = connection.execute(select(func.current_timestamp(type_=UtcDateTime()))).scalar_one()
    after = datetime.now(UTC)
    early, late = before - there, there - after
    apart = max(early, late, timedelta())
    if apart <= APART:
        return sound("clock", "Its clock is this machine's.")
    seconds, word = apart.total_seconds(), "behind" if early > late else "ahead of"
    what = f"Its clock is {seconds:,.0f} s {word} this machine's."
    return warning("clock", what, "Let both be set by the same time server.")


def _writable(looks: Looks, connection: Connection) -> Finding:
    if looks.read_only(connection):
        what = "It cannot be written to: it is a standby, or set to read only."
        return problem("rights", what, "Name the primary, or let the role and file be writable.")
    return sound("rights", "It can be written to.")
