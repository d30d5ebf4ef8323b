"""Batches whose rows have images, and the tables that keep them: one per step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, or_, select, update

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal

IMAGES_PREFIX = "batch_images_"
_AT_ONCE = 200
"""Batches that are looked up together."""


def images_name(short_id: str, number: int) -> str:
    """The name of the table with the images of an execution's step."""
    return f"{images_of(short_id)}{number}"


def images_of(short_id: str) -> str:
    """What the names of an execution's tables of images begin with."""
    return f"{IMAGES_PREFIX}{short_id}_"


def add(journal: Journal, connection: Connection, execution_id: str, step: str) -> int:
    """Enter a batch, before its first row is changed; its number."""
    statement = insert(journal.tables.images)
    done = connection.execute(statement, {"operation_id": execution_id, "step": step})
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def to_undo(
    journal: Journal, connection: Connection, execution_id: str, step: str, undo: int
) -> list[int]:
    """The last batches, last first, that an undo has to take up: it did not yet, and no earlier
    one put all of their rows back.
    """
    table = journal.tables.images
    open_ = or_(table.c.undo.is_(None), (table.c.undo != undo) & (table.c.rows_left > 0))
    query = (
        select(table.c.image)
        .where(table.c.operation_id == execution_id, table.c.step == step, open_)
        .order_by(table.c.image.desc())
        .limit(_AT_ONCE)
    )
    return [int(image) for image in connection.execute(query).scalars()]


def any_to_undo(journal: Journal, connection: Connection, execution_id: str) -> bool:
    """Whether rows of an execution can still be put back."""
    table = journal.tables.images
    open_ = or_(table.c.undo.is_(None), table.c.rows_left > 0)
    query = select(table.c.image).where(table.c.operation_id == execution_id, open_).limit(1)
    return connection.execute(query).first() is not None


def taken_up(
    journal: Journal, connection: Connection, image: int, undo: int, rows_left: int
) -> None:
    """An undo took a batch up, and left so many of its rows alone."""
    table = journal.tables.images
    connection.execute(
        update(table).where(table.c.image == bindparam("of_image")),
        {"of_image": image, "undo": undo, "rows_left": rows_left},
    )
