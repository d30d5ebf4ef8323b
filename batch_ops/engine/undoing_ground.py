"""An execution as an undo sees it, and this process as the one that works on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import inspect

from batch_ops.database.images import OWN, kept_columns
from batch_ops.database.restoring import left_rows
from batch_ops.database.values import plain
from batch_ops.engine.examine import fitting
from batch_ops.engine.execution import Execution
from batch_ops.engine.imaging import images_of
from batch_ops.engine.keepable import refuse_unkept
from batch_ops.engine.opening import beat
from batch_ops.engine.reading import find, hidden_columns
from batch_ops.engine.retrying_ground import take_alone
from batch_ops.errors import DatabaseUnfitError, UsageError
from batch_ops.events import silent
from batch_ops.journal.images import images_name
from batch_ops.results import LeftAlone
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from batch_ops.database.images import Images
    from batch_ops.engine.options import Launch, RunOptions
    from batch_ops.engine.project import Project
    from batch_ops.journal import ExecutionRow
    from batch_ops.spec.model import Operation, Step

MOST_LEFT = 100
"""Rows that were left alone which a result holds; the tables of images have all of them."""


class Undo(Execution):
    """An execution that is undone."""

    verb = "undo"


def look(project: Project, execution_id: str, options: RunOptions, launch: Launch) -> Undo:
    """The execution, if it can be undone; takes nothing.

    Raises:
        UnknownNameError: there is none of that id.
        UsageError: it has not ended, or has no images.
    """
    journal, row = find(project, execution_id)
    catalog = Catalog.from_texts(row.declaration)
    operation = catalog.operation(row.operation)
    _refuse(row, operation)
    journal = journal.named(operation.telling.log_table, operation.telling.metrics_table)
    return Undo(project, journal, catalog, row, options, launch, silent)


def _refuse(row: ExecutionRow, operation: Operation) -> None:
    name = f"Execution {row.short_id} of {row.operation}"
    if not operation.undo:
        raise UsageError(
            f"{name} kept no images of the rows it changed: it did not say `undo: true`.",
            todo="Write `undo: true` in the operation before it is run the next time.",
            execution_id=row.id,
        )
    if row.purged_at is not None:
        raise UsageError(
            f"{name} cannot be undone: its images were purged on {row.purged_at:%Y-%m-%d}.",
            execution_id=row.id,
        )
    if not row.status.finished:
        raise UsageError(
            f"{name} has not ended: it is {row.status}.",
            todo=f"Finish it: batch-ops resume {row.short_id}. Or end it as it is: batch-ops cancel"
            f" {row.short_id}. Then undo it.",
            execution_id=row.id,
        )


def open_undo(seen: Undo) -> Undo:
    """Take the execution, which nobody works on.

    Raises:
        OwnershipError: somebody works on it, or another execution holds a table.
        UsageError: it was taken up again a moment ago.
    """
    with fitting(seen.journal):
        seen.journal.ensure()
        take_alone(seen)
    beat(seen)
    return seen


def images_there(execution: Undo, step: Step) -> Images:
    """The images of a step, as far as its table has their columns.

    Raises:
        DatabaseUnfitError: the images are gone, a column is, or the table has triggers or acting
            foreign keys now.
    """
    target = execution.table(step)
    images = images_of(execution, step, target)
    with execution.database.reading() as connection:
        looker, table = inspect(connection), images.table
        if not looker.has_table(table.name, schema=table.schema):
            raise _gone(execution, f"The table {table.full_name!r} with its images is gone.")
        columns = [str(each["name"]) for each in looker.get_columns(table.name, table.schema)]
    kept = [name for name in columns if name not in OWN]
    missing = sorted(set(kept) - set(kept_columns(target)))
    if missing:
        raise _gone(
            execution,
            f"The table {target.full_name!r} has no column {', '.join(missing)} any more, whose"
            " values were kept.",
        )
    refuse_unkept(execution.database, step, target)
    known = tuple(column for column in target.columns if column.name in kept)
    return replace(images, target=replace(target, columns=known))


def _gone(execution: Undo, what: str) -> DatabaseUnfitError:
    return DatabaseUnfitError(
        what,
        state="What was put back before stays so.",
        todo="Bring it back, and undo again.",
        execution_id=execution.id,
    )


def left_alone(execution: Undo) -> tuple[LeftAlone, ...]:
    """The first rows that were left alone, without hidden columns."""
    hidden, found = hidden_columns(execution.row), list[LeftAlone]()
    for step in reversed(execution.operation.steps):
        name = images_name(execution.row.short_id, execution.operation.number_of(step))
        with execution.database.reading() as connection:
            if not inspect(connection).has_table(name, schema=execution.journal.tables.schema):
                continue
            images = images_of(execution, step, execution.table(step))
            rows = left_rows(connection, images, MOST_LEFT - len(found))
        for state, key in rows:
            named = dict(zip(images.target.key, map(plain, key), strict=True))
            shown = {column: value for column, value in named.items() if column not in hidden}
            found.append(LeftAlone(step.name, shown, state.name.lower()))
    return tuple(found)
