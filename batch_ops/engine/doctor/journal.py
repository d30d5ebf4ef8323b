"""The journal: there or not, its version, how much of it is older than it is to be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import inspect

from batch_ops.engine.doctor.findings import Finding, of_error, sound, warning
from batch_ops.errors import BatchOpsError
from batch_ops.journal import executions, purge
from batch_ops.journal.images import IMAGES_PREFIX
from batch_ops.journal.outputs import OUTPUT_PREFIX
from batch_ops.journal.tables import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.engine.project import Project
    from batch_ops.journal import Journal

_OURS = (OUTPUT_PREFIX, IMAGES_PREFIX)


def look(project: Project, name: str | None) -> Iterator[Finding]:
    """Version, age, and tables that nobody knows."""
    journal = project.journal(name)
    try:
        there = journal.exists()
    except BatchOpsError as error:
        yield of_error("journal", error)
        return
    if not there:
        yield sound("journal", "There is none yet: the first execution makes it.")
        return
    yield sound("journal", f"It has version {VERSION}.")
    yield from _old(project, journal)
    yield from _left_behind(journal)


def _old(project: Project, journal: Journal) -> Iterator[Finding]:
    retention = project.place.retention
    if retention is None:
        return
    moment = datetime.now(UTC) - retention
    with journal.database.looking() as connection:
        old = [e for e in purge.ended(journal, connection) if e.at < moment and not e.purged]
    if old:
        what = f"{len(old):,} executions ended before {moment:%Y-%m-%d}: longer ago than is kept."
        yield warning("retention", what, "Forget them: batch-ops purge")


def _left_behind(journal: Journal) -> Iterator[Finding]:
    """Tables with steps' rows, or images of rows, whose execution nobody knows."""
    with journal.database.looking() as connection:
        names = inspect(connection).get_table_names(schema=journal.tables.schema)
        made = [each for each in names if each.startswith(_OURS)]
        known = executions.short_ids(journal, connection) if made else set()
    lost = [each for each in made if _execution_of(each) not in known]
    if lost:
        what = f"Tables of executions the journal does not know: {', '.join(sorted(lost)[:5])}."
        yield warning("outputs", what, "Drop them, if no other journal is in this schema.")


def _execution_of(table: str) -> str:
    own = next(each for each in _OURS if table.startswith(each))
    return table.removeprefix(own)[:8]
