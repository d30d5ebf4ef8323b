"""What goes from preparing to writing and back: parts of a batch, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from batch_ops.bulk.failures import RowError


@dataclass(slots=True)
class Part:
    """Rows of a batch that are written by the same statement.

    Attributes:
        names: their columns.
        data: per column the values, as the database takes them.
        places: of each row its place in the input.
        records: the rows before they were adapted, where somebody wants to judge them.
        cascade: whether what refers to them is deleted, too.
        defaulted: columns nobody has given: they are for new rows alone.
    """

    names: tuple[str, ...]
    data: Sequence[Sequence[Any]]
    places: Sequence[int]
    records: Sequence[Mapping[str, Any]] = ()
    cascade: bool = False
    defaulted: frozenset[str] = frozenset()

    def without(self, rows: Collection[int]) -> Part:
        """The part without some of its rows."""
        if not rows:
            return self
        return self.only([row for row in range(len(self.places)) if row not in rows])

    def only(self, rows: Sequence[int]) -> Part:
        """Some rows of the part."""
        data = [[column[row] for row in rows] for column in self.data]
        places = [self.places[row] for row in rows]
        records = [self.records[row] for row in rows] if self.records else ()
        return Part(self.names, data, places, records, self.cascade, self.defaulted)


class Failure(NamedTuple):
    """A row that was refused: its place in the input, why, and by whom ("invalid": the schema)."""

    place: int
    errors: tuple[RowError, ...]
    outcome: str = "failed"


@dataclass(slots=True)
class Prepared:
    """A batch before it is written.

    Attributes:
        total: its rows.
        parts: what is to be written.
        failures: rows that are refused already.
        skipped: rows that a later one of the same key supersedes.
        later: rows that may repeat a key of a batch under way: their places.
    """

    total: int
    parts: list[Part] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0
    later: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Written:
    """What became of a batch."""

    counts: Counts = Counts()
    failures: list[Failure] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    updated: list[dict[str, Any]] = field(default_factory=list)
    unchanged: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[dict[str, Any]] = field(default_factory=list)
    cascaded: dict[str, int] = field(default_factory=dict)

    def add(self, other: Written) -> None:
        """Take another part's outcome in."""
        self.counts = self.counts + other.counts
        for name in ("failures", "missing", "created", "updated", "unchanged", "deleted"):
            getattr(self, name).extend(getattr(other, name))
        for table, rows in other.cascaded.items():
            self.cascaded[table] = self.cascaded.get(table, 0) + rows
