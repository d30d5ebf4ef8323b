"""What makes a record and a row of the table the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import DatabaseUnfitError, SourceError
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from batch_ops.database import Table
    from batch_ops.sources import Source
    from batch_ops.spec.model import Step


def conflict_of(step: Step, table: Table) -> tuple[str, ...]:
    """The columns by which they are compared; none where any unique constraint will do."""
    if step.conflict_target or step.on_conflict in (OnConflict.ERROR, OnConflict.SKIP):
        return step.conflict_target
    return table.key


def refuse_conflict(step: Step, table: Table) -> None:
    """Two records are the same only by what the database keeps unique.

    Raises:
        DatabaseUnfitError: it keeps these columns not so.
    """
    wanted = conflict_of(step, table)
    if step.merges and wanted and set(wanted) not in [set(group) for group in table.unique]:
        known = "; ".join(", ".join(group) for group in table.unique) or "none"
        raise DatabaseUnfitError(
            f"Nothing keeps {', '.join(wanted)} of {table.full_name!r} unique, and step"
            f" {step.name!r} goes by it.",
            todo=f"Add a unique constraint, or name one that is there as conflict_target: {known}.",
            location=step.location,
        )


def refuse_unmatched(step: Step, table: Table, source: Source) -> None:
    """Records must tell which rows they mean.

    Raises:
        SourceError: they lack one of these columns.
    """
    missing = sorted({*conflict_of(step, table)}.difference(source.layout.targets))
    if missing:
        raise SourceError(
            f"The records of step {step.name!r} have no {', '.join(missing)}, which tells which row"
            " each of them means.",
            todo="Give them the field, or name other columns as conflict_target.",
            location=step.location,
        )
