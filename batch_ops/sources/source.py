"""What every source of rows can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from batch_ops.database.load import InputBatch, Layout, Position
    from batch_ops.spec.model import FieldType

    Fields = tuple[tuple[str, FieldType | None], ...]

MAX_RANGES = 200
"""A step has no more chunks than this: ranges grow instead."""


@dataclass(frozen=True, slots=True)
class Range:
    """Consecutive records: from a record's begin to a record's end."""

    start: Position
    end: Position

    @property
    def rows(self) -> int:
        """How many records it holds."""
        return self.end.row - self.start.row


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source as one pass over it found it.

    Attributes:
        digest: SHA-256 (hex) of the file's bytes as they lie on disk; of in-memory rows, of their
            canonical JSON.
        size: bytes that were digested.
        rows: data records, those to be refused included; blank lines are none.
        ranges: all records in order, at most `MAX_RANGES` ranges; none for a source without rows.
    """

    digest: str
    size: int
    rows: int
    ranges: tuple[Range, ...]


class Source(Protocol):
    """Rows for one table, from somewhere."""

    @property
    def name(self) -> str:
        """For messages: the path, or "rows"."""
        ...

    @property
    def layout(self) -> Layout:
        """How the fields of a record lie."""
        ...

    @property
    def fields(self) -> Fields:
        """The fields of its records: name and, where it is known, type."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before the records are loaded; for the plan."""
        ...

    def scan(self, chunk_rows: int) -> SourcePlan:
        """One streaming pass: digest, rows, and ranges of `chunk_rows` records (more when there
        would be over `MAX_RANGES`).

        Raises:
            SourceError: an unclosed quote, a record over 64 MB, a damaged archive.
        """
        ...

    def digest(self) -> str:
        """The digest of `scan`, without looking into the records."""
        ...

    def batches(
        self, start: Position, end: Position, batch_size: int, stops: Sequence[Position] = ()
    ) -> AbstractContextManager[Iterator[InputBatch]]:
        """The records between two positions as screened batches of `batch_size` records.

        A batch also ends at each of `stops` (ascending; ends of ranges) that lies between them, so
        that one reader can run on over the ends of chunks.

        The next batches are read and screened in a thread while the caller works on this one;
        leaving the context stops the thread. Errors of the thread are raised in the caller.
        """
        ...
