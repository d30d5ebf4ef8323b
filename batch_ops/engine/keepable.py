"""Of which tables images can be kept, so that whoever undoes puts back all that was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect

from batch_ops.database.images import OWN
from batch_ops.errors import DatabaseUnfitError

if TYPE_CHECKING:
    from batch_ops.database import Database, Table
    from batch_ops.spec.model import Step


def refuse_unkept(database: Database, step: Step, table: Table) -> None:
    """Refuse a table of whose rows images would not tell all that a step changes.

    Raises:
        DatabaseUnfitError: the database keeps no images; the table has no key that tells its rows
            apart; others have a word when its rows are written; a foreign key changes other rows.
    """
    if not step.kind.writes:
        return
    if not database.dialect.keeps_images:
        raise _unfit(step, f"Images of rows are not kept on {database.dialect.name} yet")
    if not table.key or set(table.key) not in [set(group) for group in table.unique]:
        raise _unfit(
            step,
            f"Nothing tells the rows of {table.full_name!r} apart",
            "Give the table a primary key",
        )
    taken = sorted({*OWN}.intersection(table.column_names))
    if taken:
        what = f"The table {table.full_name!r} has a column {taken[0]}, as tables of images have"
        raise _unfit(step, what, "Rename the column")
    if database.exists():
        _refuse_others(database, step, table)


def _refuse_others(database: Database, step: Step, table: Table) -> None:
    dialect = database.dialect
    with database.reading() as connection:
        if not inspect(connection).has_table(table.name, schema=table.schema):
            return
        if dialect.has_triggers(connection, table):
            raise _unfit(
                step,
                f"The table {table.full_name!r} has triggers, rules, policies or partitions, and"
                " what they do has no images",
            )
        acting = dialect.acting_references(connection, table)
    if acting:
        raise _unfit(
            step,
            f"Foreign keys of {', '.join(acting)} change rows when rows of {table.full_name!r} go"
            " or change (ON DELETE, ON UPDATE), and that has no images",
            "Let them say NO ACTION, and change those rows in steps of the operation",
        )


def _unfit(step: Step, what: str, todo: str = "") -> DatabaseUnfitError:
    lead = f"{todo}, or take" if todo else "Take"
    return DatabaseUnfitError(
        f"{what}; step {step.name!r} could not be undone.",
        todo=f"{lead} `undo` away.",
        location=step.location,
    )
