"""Who waits for whose lock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batch_ops.database.looks import in_one_line, without_literals
from batch_ops.engine.doctor.findings import Finding, sound, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.database.looks import Blocked, Session
    from batch_ops.engine.project import Project


def look(project: Project, name: str | None) -> Iterator[Finding]:
    """Each session that waits, and whom for; without values where columns are hidden."""
    database = project.database(name)
    entities = project.catalog.entities.values()
    hides = any(each.hidden for each in entities if each.connection == name)
    with database.looking() as connection:
        found = database.dialect.looks().blocked(connection)
    for each in found or ():
        yield _told(each, hides=hides)
    if found is not None and not found:
        yield sound("locks", "No session waits for another one's lock.")


def _told(found: Blocked, *, hides: bool) -> Finding:
    waits, holds = found.waits, found.holds
    state = f", {holds.state}" if holds.state else ""
    what = (
        f"{_who(waits)} waits{_since(waits)} for {_who(holds)}{state}{_since(holds)}."
        f" Waits: {_query(waits, hides=hides)} Holds: {_query(holds, hides=hides)}"
    )
    todo = "A session that is idle in its transaction holds its locks until it ends it."
    return warning("locks", what, todo if "idle in transaction" in holds.state else "")


def _who(session: Session) -> str:
    return f"{session.pid} ({session.application})" if session.application else f"{session.pid}"


def _since(session: Session) -> str:
    if session.since is None:
        return ""
    return f" since {max((datetime.now(UTC) - session.since).total_seconds(), 0):,.0f} s"


def _query(session: Session, *, hides: bool) -> str:
    shown = without_literals(session.query) if hides else session.query
    return in_one_line(shown) or "?"
