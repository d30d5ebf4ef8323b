"""What a chunk's batches are and what writing one means; one class per kind of work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from batch_ops.database.values import dump_key, load_key, plain
from batch_ops.planning.keyset import boundaries_between
from batch_ops.results import Counts, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database import InputBatch
    from batch_ops.database.faults import Fault
    from batch_ops.database.statements import Target
    from batch_ops.database.values import Key
    from batch_ops.journal.chunks import ChunkRow


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch before it is written: from where to where, and the records where a source gave them.

    start, end: encoded cursors. last: whether the chunk ends with it.
    """

    start: str | None
    end: str
    last: bool
    records: InputBatch | None = None
    chunk: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch's rows."""

    counts: Counts
    rejects: tuple[Reject, ...] = ()


class Work(Protocol):
    """The work of one lane on one step."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None:
        """Give up what it holds open."""
        ...

    def batches(
        self, connection: Connection, chunk: ChunkRow
    ) -> AbstractContextManager[Iterator[Batch]]:
        """The batches from the chunk's position to its end."""
        ...

    def resize(self, rows: int) -> None:
        """The batches that are asked for from now on have so many rows."""
        ...

    def prepare(self, connection: Connection, batch: Batch) -> None:
        """What is done for a batch outside of a transaction."""
        ...

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        """Write one batch in the open transaction. isolating: every row by itself if need be."""
        ...

    def refused(self, connection: Connection, batch: Batch, fault: Fault) -> Outcome | None:
        """What a batch of one row comes to which the database refuses; None: nobody knows."""
        ...


def transaction(connection: Connection) -> AbstractContextManager[object]:
    """A transaction; inside of a larger one that one."""
    return nullcontext() if connection.in_transaction() else connection.begin()


class RangeWork:
    """Work whose batches are ranges of a key."""

    def __init__(self, walked: Target | None, batch_size: int) -> None:
        self._walked, self._batch_size = walked, batch_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def resize(self, rows: int) -> None:
        self._batch_size = rows

    def prepare(self, connection: Connection, batch: Batch) -> None:
        pass

    def refused(self, connection: Connection, batch: Batch, fault: Fault) -> Outcome | None:
        return None

    @contextmanager
    def batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Iterator[Batch]]:
        yield self._batches(connection, chunk)

    def _batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Batch]:
        if chunk.upper is None:
            return
        start = chunk.position or chunk.lower
        for number, end in enumerate(self._ends(connection, chunk), chunk.batches + 1):
            last = end == chunk.upper
            yield Batch(start, end, last, chunk=chunk.number, number=number)
            start = end

    def _ends(self, connection: Connection, chunk: ChunkRow) -> list[str]:
        """Where the batches end: the plan's own splits where they fit, else counted again."""
        assert chunk.upper is not None
        if chunk.position is None and 0 < chunk.spacing <= self._batch_size:
            return _grouped(chunk.splits, self._batch_size // chunk.spacing)
        return self._counted_ends(connection, chunk.position or chunk.lower, chunk.upper)

    def _counted_ends(self, connection: Connection, start: str | None, upper: str) -> list[str]:
        assert self._walked is not None
        with transaction(connection):
            found = boundaries_between(
                connection, self._walked, load_key(start), load_key(upper), self._batch_size
            )
        return [*(end for end in found.boundaries if end != upper), upper]


class RowsWork(RangeWork, ABC):
    """Work whose rows are found by their keys: all that a batch is, is in its range."""

    @abstractmethod
    def between(
        self, connection: Connection, lower: Key | None, upper: Key | None, *, isolating: bool
    ) -> Outcome:
        """Do the qualifying rows in `(lower, upper]`."""

    @abstractmethod
    def refused_between(
        self, connection: Connection, lower: Key | None, upper: Key | None, fault: Fault
    ) -> Outcome:
        """The qualifying rows in `(lower, upper]`, all refused."""

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        lower, upper = load_key(batch.start), load_key(batch.end)
        return self.between(connection, lower, upper, isolating=isolating)

    def refused(self, connection: Connection, batch: Batch, fault: Fault) -> Outcome | None:
        return self.refused_between(connection, load_key(batch.start), load_key(batch.end), fault)


def _grouped(splits: tuple[str, ...], per_batch: int) -> list[str]:
    """Every `per_batch`-th split, and the last one."""
    ends = list(splits[per_batch - 1 :: per_batch])
    return ends if ends and ends[-1] == splits[-1] else [*ends, splits[-1]]


def row_reject(names: tuple[str, ...], key: Key, fault: Fault) -> Reject:
    """A row of a table that the database refused."""
    plainly = len(key) == 1 and type(key[0]) is int
    named = {names[0]: key[0]} if plainly else named_key(names, key)
    place = dump_key(key)
    return Reject(fault.code, fault.message, key=named, column=fault.column, place=place)


def refused_of(total: int, rejects: Sequence[Reject]) -> Counts:
    """The counters of so many rows as far as they were refused."""
    invalid = sum(reject.outcome == "invalid" for reject in rejects)
    return Counts(total=total, invalid=invalid, failed=len(rejects) - invalid)


def named_key(names: tuple[str, ...], key: Key) -> dict[str, Any]:
    """A key by column, as a person reads it."""
    return {name: plain(value) for name, value in zip(names, key, strict=True)}
