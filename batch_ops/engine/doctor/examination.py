"""One database and what a project does in it, from the connection up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import first_line
from batch_ops.engine.doctor import executions, journal, server, sessions, tables
from batch_ops.engine.doctor.findings import Finding, Section, of_error, warning
from batch_ops.errors import BatchOpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.engine.project import Project

LOOKS: tuple[tuple[str, Callable[[Project, str | None], Iterator[Finding]]], ...] = (
    ("server", server.look),
    ("journal", journal.look),
    ("tables", tables.look),
    ("executions", executions.look),
    ("sessions", sessions.look),
)
"""By the name of what cannot be told when its look fails."""


def examine_database(project: Project, connection: str | None) -> Section:
    """Examine the database of a connection (None: the default one). Nothing is made or written."""
    try:
        database = project.database(connection)
    except BatchOpsError as error:
        return Section(connection or "default", [of_error("connection", error)])
    section = Section(_name(database.name, connection))
    found = list(_kept("connection", server.reached(database)))
    section.findings += found
    if any(finding.check == "connection" and finding.level != "ok" for finding in found):
        return section
    for check, look in LOOKS:
        section.findings += _kept(check, look(project, connection))
    return section


def _name(database: str, connection: str | None) -> str:
    return f"{connection}: {database}" if connection else database


def _kept(check: str, found: Iterator[Finding]) -> Iterator[Finding]:
    """What is found; what keeps the rest from being looked at is told in its place."""
    try:
        yield from found
    except BatchOpsError as error:
        yield of_error(check, error)
    except DBAPIError as error:
        what = f"The database did not tell all of it: {first_line(error)}"
        yield warning(check, what, "What this role may not see is not told here.")
