"""Forgetting executions that ended long ago, and none that is needed still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.engine.reach import journals
from batch_ops.engine.reading import operation_of
from batch_ops.journal import executions, ownership, purge, undos
from batch_ops.journal.purge import Kept
from batch_ops.results import DONE, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow, Journal
    from batch_ops.journal.purge import EndedRow


@dataclass(frozen=True, slots=True)
class Forgotten:
    """An execution that was purged, or would be.

    remembered: it is the newest that completed an import, or an operation that is done once: its
    own row stays, so that the same is still refused.
    """

    execution_id: str
    operation: str
    status: Status
    ended_at: datetime
    remembered: bool


@dataclass(frozen=True, slots=True)
class Purge:
    """What was purged from one journal, or would be: its executions, rows and tables."""

    database: str
    executions: tuple[Forgotten, ...]
    kept: Kept

    def to_dict(self) -> dict[str, Any]:
        """One JSON-safe object with stable keys."""
        return {
            "database": self.database,
            "executions": [
                {
                    "execution_id": each.execution_id,
                    "operation": each.operation,
                    "status": str(each.status),
                    "ended_at": each.ended_at.isoformat(),
                    "remembered": each.remembered,
                }
                for each in self.executions
            ],
            "rows": self.kept.rows,
            "output_tables": list(self.kept.outputs),
        }


def purge_before(project: Project, moment: datetime, *, dry_run: bool = False) -> list[Purge]:
    """Purge what ended before a moment from the journals of a project. What has not ended stays,
    however old it is.

    dry_run: only find out what would be purged.

    Raises:
        DatabaseUnfitError: a journal is of another version.
    """
    return [_of_journal(project, journal, moment, dry_run) for journal in journals(project)]


def _of_journal(project: Project, journal: Journal, moment: datetime, dry_run: bool) -> Purge:
    with journal.database.reading() as connection:
        found = list(_chosen(purge.ended(journal, connection), moment))
    told: list[Forgotten] = []
    kept = Kept()
    for ended, newest in found:
        opened = journal.database.reading() if dry_run else journal.database.locked()
        with opened as connection:
            row = executions.get(journal, connection, ended.id)
            if row is None or not _is_over(journal, connection, row):
                continue
            remembered = newest and (ended.of_source or _is_once(project, row))
            if remembered and ended.purged:
                continue
            remove = purge.purgeable if dry_run else purge.purge
            kept += remove(_own(journal, row), connection, row, remembered=remembered)
        told.append(Forgotten(row.id, row.operation, row.status, ended.at, remembered))
    return Purge(journal.database.name, tuple(told), kept)


def _chosen(newest_first: Iterable[EndedRow], moment: datetime) -> Iterator[tuple[EndedRow, bool]]:
    """What is old enough, oldest first, and whether it is the newest that completed the same."""
    found: list[tuple[EndedRow, bool]] = []
    completed: set[str] = set()
    for row in newest_first:
        newest = row.status in DONE and not row.undone and row.identity not in completed
        if newest:
            completed.add(row.identity)
        if row.at < moment:
            found.append((row, newest))
    yield from reversed(found)


def _is_once(project: Project, row: ExecutionRow) -> bool:
    """Whether the same is refused once this was completed: as declared then, or today."""
    if operation_of(row).once:
        return True
    today = {operation.name: operation.once for operation in project.catalog.operations}
    return today.get(row.operation, False)


def _is_over(journal: Journal, connection: Connection, row: ExecutionRow) -> bool:
    """Whether it has not been taken up again since it was found, and no undo of it broke off."""
    undone = undos.broken_off(journal, connection, row.id) is None
    return row.status.finished and undone and not ownership.living(journal, connection, row.id)


def _own(journal: Journal, row: ExecutionRow) -> Journal:
    telling = operation_of(row).telling
    return journal.named(telling.log_table, telling.metrics_table)
