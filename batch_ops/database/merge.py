"""What merging is: putting staged rows into a table where some of them may be already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.tables import Table
    from batch_ops.database.values import Key

ROW = "bo_row"
"""The stage's column that says which row came first."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of staged rows. `keys`: of the rows put in, where they were asked for."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    keys: tuple[Key, ...] = field(default=(), repr=False)

    def __add__(self, other: Merged) -> Merged:
        return Merged(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.skipped + other.skipped,
            self.keys + other.keys,
        )


@dataclass(frozen=True, slots=True)
class Merging:
    """What is to be merged.

    Attributes:
        stage: a table with the same columns and `ROW`.
        columns: those that are given.
        conflict: what makes two rows the same; empty: any unique constraint.
        mode: what becomes of a row that is there already.
        returning: key columns the database fills, to be told.
        counted: a number column that counts the changes of a row; None: nobody counts.
        fresh: those of the columns that are for new rows alone, unless all is replaced.
    """

    target: Table
    stage: Table
    columns: tuple[str, ...]
    conflict: tuple[str, ...]
    mode: OnConflict
    returning: tuple[str, ...] = ()
    counted: str | None = None
    fresh: frozenset[str] = frozenset()

    @property
    def set_columns(self) -> tuple[str, ...]:
        """What is set on a row that is there."""
        if self.mode is OnConflict.REPLACE:
            given = [c.name for c in self.target.columns if not c.generated]
        else:
            given = [name for name in self.columns if name not in self.fresh]
        fixed = {*self.conflict, *self.target.key}
        if self.counted not in self.columns:
            fixed.add(self.counted or "")
        return tuple(name for name in given if name not in fixed)


class Merger(Protocol):
    """Merges a stage into its target."""

    def drop_superseded(self, connection: Connection) -> int:
        """Of staged rows that are the same the last one is kept (with SKIP the first); how many
        others there were.
        """
        ...

    def merge(self, connection: Connection, low: int, high: int) -> Merged:
        """Put the staged rows with `low < ROW <= high` into the target."""
        ...
