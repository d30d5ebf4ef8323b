"""The items of a call, block by block."""

from __future__ import annotations

import itertools
import pickle
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(slots=True)
class Block:
    """Consecutive items of the input.

    Attributes:
        start: the place of the first one in the input, from 0.
        items: as they were given.
        columns: their values by column, where the input lies in columns.
        chosen: the places of the items, where they are not consecutive.
    """

    start: int
    items: Sequence[Any]
    columns: tuple[Sequence[str], Sequence[Sequence[Any]]] | None = None
    chosen: Sequence[int] | None = None

    @property
    def places(self) -> Sequence[int]:
        """The places of the items in the input."""
        if self.chosen is not None:
            return self.chosen
        return range(self.start, self.start + len(self.items))

    def some(self, rows: Sequence[int]) -> Block:
        """These of the items."""
        places = self.places
        items = [self.items[row] for row in rows]
        return Block(self.start, items, chosen=[places[row] for row in rows])


class Input:
    """What a call is given.

    Attributes:
        size: how many items there are; None: nobody knows.
        repeatable: whether it can be gone through again.
    """

    size: int | None
    repeatable = True

    def blocks(self, size: int) -> Iterator[Block]:
        """All items, so many at a time."""
        raise NotImplementedError


class Listed(Input):
    """A list, or anything else that has a length and can be gone through again."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items
        self.size = len(items) if isinstance(items, Sized) else None

    def blocks(self, size: int) -> Iterator[Block]:
        if isinstance(self._items, list):
            for start in range(0, len(self._items), size):
                yield Block(start, self._items[start : start + size])
            return
        yield from _blocks(iter(self._items), size)


class Streamed(Input):
    """A generator, a cursor: gone through once."""

    repeatable = False

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        self.size = None

    def blocks(self, size: int) -> Iterator[Block]:
        return _blocks(self._items, size)


class Spooled(Input):
    """A stream written down in a file without a name, to be gone through again."""

    def __init__(self, stream: Input, size: int) -> None:
        self._file = tempfile.TemporaryFile(prefix="batch_ops_")  # noqa: SIM115  (as long as this)
        weakref.finalize(self, self._file.close)
        self.size = 0
        for block in stream.blocks(size):
            pickle.dump(list(block.items), self._file, pickle.HIGHEST_PROTOCOL)
            self.size += len(block.items)

    def blocks(self, size: int) -> Iterator[Block]:
        """In the blocks in which they were written down."""
        self._file.seek(0)
        start = 0
        while start < (self.size or 0):
            items = pickle.load(self._file)  # noqa: S301  (written by ourselves)
            yield Block(start, items)
            start += len(items)


def _blocks(items: Iterator[Any], size: int) -> Iterator[Block]:
    start = 0
    while some := list(itertools.islice(items, size)):
        yield Block(start, some)
        start += len(some)
