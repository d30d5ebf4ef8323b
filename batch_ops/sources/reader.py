"""Reading a stream record by record: pieces as they come, and groups of a wanted size."""

from __future__ import annotations

import collections
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batch_ops.database.load import Position
from batch_ops.errors import SourceError
from batch_ops.sources.cut import Cut, Marks, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from batch_ops.sources.files import Bytes

BLOCK = 1 << 19
MAX_RECORD = 64 << 20
"""Bytes of the largest record: what is larger is an unclosed quote, not a record."""


@dataclass(frozen=True, slots=True)
class Group:
    """Consecutive complete records.

    Attributes:
        data: their bytes, and those of blank lines between them, from `start` on.
        starts, ends, irregular: per record, as in `Cut`.
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    irregular: NDArray[np.bool_]
    start: Position
    end: Position

    @property
    def crc(self) -> int:
        """CRC-32 of the bytes as they stand in the stream."""
        return zlib.crc32(memoryview(self.data)[: self.end.offset - self.start.offset])

    def part(self, begin: int, end: int) -> Group:
        """The records from ordinal `begin` (0 or a record's) to before `end`."""
        low = int(self.ends[begin - 1]) if begin else 0
        high = int(self.ends[end - 1])
        offset, row = self.start.offset, self.start.row
        return Group(
            self.data[low:high],
            self.starts[begin:end] - low,
            self.ends[begin:end] - low,
            self.irregular[begin:end],
            Position(offset + low, row + begin),
            Position(min(offset + high, self.end.offset), row + end),
        )


def pieces(
    stream: Bytes, start: Position, marks: Marks, *, until: int | None = None, block: int = BLOCK
) -> Iterator[Group]:
    """The records of a stream that stands at `start`, up to the offset `until` (None: its end).

    Raises:
        SourceError: a quote is never closed, or a record is too large.
    """
    rest, at, wanted = b"", start, block
    while True:
        left = wanted if until is None else min(wanted, until - at.offset - len(rest))
        new = stream.read(left) if left else b""
        size = len(rest) + len(new)
        data = rest + new if new or rest.endswith(b"\n") or not rest else rest + b"\n"
        found = cut(data, marks)
        high = int(found.ends[-1]) if found.ends.size else 0
        if high > MAX_RECORD:
            _judge_sizes(found, at.row)
        if high:
            end = Position(at.offset + min(high, size), at.row + found.ends.size)
            yield Group(data[:high], found.starts, found.ends, found.irregular, at, end)
            at = end
        rest = data[high:]
        if not new:
            break
        wanted = block if high else max(wanted, len(rest))
        if len(rest) > MAX_RECORD:
            raise _too_large(at.row)
    if rest.strip(b"\r\n"):
        raise _unclosed(at.row)


def _judge_sizes(found: Cut, row: int) -> None:
    large = np.flatnonzero(found.ends - found.starts > MAX_RECORD)
    if large.size:
        raise _too_large(row + int(large[0]))


def _too_large(row: int) -> SourceError:
    what = f"Data row {row} is larger than {MAX_RECORD >> 20} MB: is a quote in it not closed?"
    return SourceError(what, todo="Close the quote, or set csv_quote to the right character.")


def _unclosed(row: int) -> SourceError:
    what = f"A quote that is opened in data row {row} is never closed: the file may be cut off."
    todo = "Fetch the file again, close the quote, or set csv_quote to the right character."
    return SourceError(what, todo=todo)


def groups(found: Iterator[Group], size: int, stops: Sequence[int] = ()) -> Iterator[Group]:
    """The same records in groups of `size`; the last one has what is left.

    stops: numbers of rows before which a group ends in any case, ascending; those outside of what
    is found are passed over.
    """
    waiting: list[Group] = []
    ahead = collections.deque(stops)
    end_row: int | None = None
    for piece in found:
        begin, row = 0, piece.start.row
        while begin < piece.ends.size:
            if end_row is None:
                end_row = _end_row(row + begin, size, ahead)
            end = min(end_row - row, piece.ends.size)
            waiting.append(piece.part(begin, end))
            begin = end
            if row + end == end_row:
                yield joined(waiting)
                waiting, end_row = [], None
    if waiting:
        yield joined(waiting)


def _end_row(row: int, size: int, stops: collections.deque[int]) -> int:
    """Before which row a group ends that begins there."""
    while stops and stops[0] <= row:
        stops.popleft()
    return min(row + size, stops[0]) if stops else row + size


def joined(parts: list[Group]) -> Group:
    """Consecutive groups as one."""
    if len(parts) == 1:
        return parts[0]
    base = parts[0].start.offset
    return Group(
        b"".join(part.data for part in parts),
        np.concatenate([part.starts + part.start.offset - base for part in parts]),
        np.concatenate([part.ends + part.start.offset - base for part in parts]),
        np.concatenate([part.irregular for part in parts]),
        parts[0].start,
        parts[-1].end,
    )
