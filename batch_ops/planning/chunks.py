"""From boundaries to chunks: 1 to 200 of them per step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CHUNKS = 200
FINEST = 1_000
"""Boundaries are at least this many rows apart: smaller batches are cut when a chunk begins."""


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A contiguous range of one step: `(lower, upper]`, encoded; None is open.

    splits: the encoded boundaries within it, the last one is `upper`.
    spacing: rows between two of them, at most.
    """

    number: int
    rows: int
    lower: str | None
    upper: str | None
    splits: tuple[str, ...] = ()
    spacing: int = 0


def spacing(batch_size: int, chunk_rows: int) -> int:
    """How many rows lie between two boundaries of a plan: a multiple of the batch size."""
    multiple = -(-FINEST // batch_size) * batch_size
    return max(1, min(multiple, max(chunk_rows, batch_size)))


def chunk_size(rows: int, chunk_rows: int, every: int, parts: int = 1) -> int:
    """Rows of a chunk: `chunk_rows`, raised so that there are at most 200, in whole boundaries.

    parts: so many chunks may be smaller, because a part of the table ends there.
    """
    wanted = max(chunk_rows, -(-rows // (MAX_CHUNKS + 1 - parts)))
    return -(-wanted // every) * every


def cut(
    parts: Sequence[tuple[Sequence[str], int]], every: int, chunk_rows: int
) -> list[PlannedChunk]:
    """Group the boundaries of each part into chunks. Without rows there is one empty chunk.

    parts: consecutive ranges of the key, each with its boundaries, `every` rows apart, and rows.
    """
    size = chunk_size(sum(rows for _, rows in parts), chunk_rows, every, len(parts))
    chunks: list[PlannedChunk] = []
    for boundaries, rows in parts:
        _cut_part(chunks, boundaries, rows, every, size // every)
    return chunks or [PlannedChunk(number=1, rows=0, lower=None, upper=None)]


def _cut_part(
    chunks: list[PlannedChunk], boundaries: Sequence[str], rows: int, every: int, per_chunk: int
) -> None:
    for start in range(0, len(boundaries), per_chunk):
        splits = tuple(boundaries[start : start + per_chunk])
        lower = chunks[-1].upper if chunks else None
        size = min(len(splits) * every, rows - start * every)
        chunks.append(PlannedChunk(len(chunks) + 1, size, lower, splits[-1], splits, every))
