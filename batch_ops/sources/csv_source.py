"""Records in a CSV file, or in memory in the same form."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from batch_ops.database.load import InputBatch, Layout, Position
from batch_ops.errors import SourceError
from batch_ops.sources.cut import Marks, split_fields
from batch_ops.sources.prefetch import ahead
from batch_ops.sources.reader import groups, pieces
from batch_ops.sources.screened import screened
from batch_ops.sources.source import MAX_RANGES, Range, SourcePlan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from batch_ops.sources.files import Bytes
    from batch_ops.sources.records import Form
    from batch_ops.sources.screen import Screens
    from batch_ops.spec.model import FieldType

BOM = b"\xef\xbb\xbf"


class Store(Protocol):
    """Where the bytes lie."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    def open(self, offset: int) -> AbstractContextManager[Bytes]:
        """The UTF-8 stream from an offset on."""
        ...

    def digest(self) -> tuple[str, int]:
        """SHA-256 (hex) of what it was made from, and its size in bytes."""
        ...


@dataclass(frozen=True, slots=True)
class CsvRows:
    """A source whose records are CSV.

    Attributes:
        screens: judge its records.
        first: where the first data record begins (behind a byte order mark and the header).
        notes: what a person should know before the records are loaded.
        kinds: of each field what all of its values are, where that is known.
    """

    store: Store
    form: Form
    screens: Screens
    first: Position
    notes: tuple[str, ...] = ()
    kinds: tuple[FieldType | None, ...] = ()

    @property
    def fields(self) -> tuple[tuple[str, FieldType | None], ...]:
        """The fields of its records: name and, where it is known, type."""
        names = self.form.names
        return tuple(zip(names, self.kinds or (None,) * len(names), strict=True))

    @property
    def name(self) -> str:
        """For messages."""
        return self.store.name

    @property
    def layout(self) -> Layout:
        """How the fields of a record lie."""
        return self.form.layout

    def digest(self) -> str:
        """SHA-256 of what the source was made from."""
        return self.store.digest()[0]

    def scan(self, chunk_rows: int) -> SourcePlan:
        """One pass: digest, rows, ranges."""
        digest, size = self.store.digest()
        marks = [self.first]
        end = self.first
        with self.store.open(self.first.offset) as stream:
            for group in groups(pieces(stream, self.first, self.form.shape.marks), chunk_rows):
                end = group.end
                marks.append(end)
        return SourcePlan(digest, size, end.row - self.first.row, _ranges(marks))

    def batches(
        self, start: Position, end: Position, batch_size: int, stops: Sequence[Position] = ()
    ) -> AbstractContextManager[Iterator[InputBatch]]:
        """The records between two positions, screened ahead in a thread."""
        return ahead(lambda: self._screened(start, end, batch_size, stops))

    @contextmanager
    def _screened(
        self, start: Position, end: Position, batch_size: int, stops: Sequence[Position]
    ) -> Iterator[Iterator[InputBatch]]:
        rows = [stop.row for stop in stops]
        with (
            self.screens.one() as screen,
            self.store.open(start.offset) as stream,
        ):
            found = pieces(stream, start, self.form.shape.marks, until=end.offset)
            yield screened(groups(found, batch_size, rows), self.form, screen)


def _ranges(marks: list[Position]) -> tuple[Range, ...]:
    """Ranges between the marks; neighbours are joined where there are too many."""
    several = -(-(len(marks) - 1) // MAX_RANGES) or 1
    kept = marks[:-1:several] + marks[-1:]
    return tuple(Range(a, b) for a, b in itertools.pairwise(kept) if a.row < b.row)


def read_header(store: Store, marks: Marks, encoding: str) -> tuple[list[str], Position]:
    """The names in the header line, and where the first record after it begins.

    Raises:
        SourceError: the source is empty, or the header is not in the encoding.
    """
    first = after_bom(store)
    with store.open(first.offset) as stream:
        header = next(pieces(stream, first, marks, block=1 << 16), None)
    if header is None:
        todo = "A CSV file begins with the names of its columns, or says csv_has_header: false."
        raise SourceError(f"The source {store.name} is empty.", todo=todo)
    record = header.data[header.starts[0] : header.ends[0]].rstrip(b"\r\n")
    try:
        names = [field.decode() for field in split_fields(record, marks)]
    except UnicodeDecodeError as error:
        what = f"The header of {store.name} is not in the encoding {encoding}."
        todo = "Set csv_encoding to the one it was written in."
        raise SourceError(what, todo=todo) from error
    return names, Position(header.start.offset + int(header.ends[0]), 1)


def after_bom(store: Store) -> Position:
    """Where the text begins."""
    with store.open(0) as stream:
        return Position(len(BOM) if stream.read(len(BOM)) == BOM else 0, 1)


def fields_of_first(store: Store, marks: Marks, first: Position) -> int | None:
    """How many fields the first record has; None where there is none."""
    with store.open(first.offset) as stream:
        group = next(pieces(stream, first, marks, block=1 << 16), None)
    if group is None:
        return None
    record = group.data[group.starts[0] : group.ends[0]].rstrip(b"\r\n")
    return len(split_fields(record, marks))
