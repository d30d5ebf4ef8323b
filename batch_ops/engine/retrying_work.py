"""Trying the rejects of a step again: its own work, and what becomes of each reject, in one
transaction. The counters of a batch are differences: failed - 1, created + 1, total 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from batch_ops.engine.limits import is_passed
from batch_ops.engine.retrying_keys import place_of
from batch_ops.engine.stops import Stop, stopped
from batch_ops.engine.taking import judge_ours
from batch_ops.journal import chunks, endings
from batch_ops.journal.endings import Ending
from batch_ops.journal.rejects import RECOVERED, REFUSED_AGAIN
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.faults import Fault
    from batch_ops.engine.retrying_choice import Tried, TriedRejects
    from batch_ops.engine.retrying_ground import Retry
    from batch_ops.engine.work import Batch, Outcome, Work
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.results import Reject


@dataclass(frozen=True, slots=True)
class Manner:
    """How rejects are tried: by whom, and as what, in words."""

    by: str
    how: str


class Trying(ABC):
    """The work of a step over its rejects."""

    def __init__(self, retry: Retry, tried: TriedRejects, manner: Manner, inner: Work) -> None:
        self._retry, self._tried, self._manner, self._inner = retry, tried, manner, inner
        self._met: dict[int, tuple[int, int]] = {}

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(self, *more: object) -> None:
        self._inner.__exit__(*more)

    @contextmanager
    def batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Iterator[Batch]]:
        with self._inner.batches(connection, chunk) as found:
            yield self._limited(found)

    def resize(self, rows: int) -> None:
        self._inner.resize(rows)

    def prepare(self, connection: Connection, batch: Batch) -> None:
        self._inner.prepare(connection, batch)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        outcome = self._inner.write(connection, batch, isolating=isolating)
        return self._settled(connection, batch, outcome)

    def refused(self, connection: Connection, batch: Batch, fault: Fault) -> Outcome | None:
        outcome = self._inner.refused(connection, batch, fault)
        return self._settled(connection, batch, outcome) if outcome else None

    def _settled(self, connection: Connection, batch: Batch, outcome: Outcome) -> Outcome:
        """What became of each reject, in the batch's transaction; the counters as differences."""
        first, last = self._span(batch)
        tried = self._tried.part(first, last)
        refused, others = self._sorted(first, tried, outcome.rejects)
        self._end(connection, tried, refused)
        judge_ours(self._retry, connection)
        self._met[first] = len(tried), len(refused)
        again = [_renewed(reject, tried[number]) for number, reject in refused.items()]
        return replace(outcome, counts=outcome.counts - _before(tried), rejects=(*again, *others))

    @abstractmethod
    def _span(self, batch: Batch) -> tuple[int, int]:
        """The numbers of a batch's rejects: the first one, and that behind the last one."""

    @abstractmethod
    def _numbers(
        self, first: int, tried: Sequence[Tried], rejects: Sequence[Reject]
    ) -> list[int | None]:
        """Of each reject the number, in its batch, of the one that was tried; None: it is new.

        first: the number of the batch's first one among all.
        """

    def _sorted(
        self, first: int, tried: Sequence[Tried], rejects: Sequence[Reject]
    ) -> tuple[dict[int, Reject], list[Reject]]:
        """Those that were refused again, by number; and others."""
        numbers = self._numbers(first, tried, rejects)
        pairs = list(zip(numbers, rejects, strict=True))
        refused = {number: reject for number, reject in pairs if number is not None}
        return refused, [reject for number, reject in pairs if number is None]

    def _limited(self, found: Iterator[Batch]) -> Iterator[Batch]:
        """Before each batch it is looked at how many were refused; all before it is committed."""
        for batch in found:
            first, _ = self._span(batch)
            self._met = {number: met for number, met in self._met.items() if number < first}
            self._judge_limit()
            yield batch

    def _judge_limit(self) -> None:
        seen, bad = (sum(numbers) for numbers in zip((0, 0), *self._met.values(), strict=True))
        if is_passed(self._retry.limit, bad, seen):
            raise stopped(self._retry, Stop("max_errors"))

    def _end(
        self, connection: Connection, tried: Sequence[Tried], refused: dict[int, Reject]
    ) -> None:
        """Each reject ends, once: whoever else ended one meanwhile was quicker, and this batch
        rolls back.
        """
        good = [each.id for number, each in enumerate(tried) if number not in refused]
        bad = [tried[number].id for number in refused]
        for state, ids in ((RECOVERED, good), (REFUSED_AGAIN, bad)):
            ending = Ending(state, self._manner.by, self._manner.how, retry=self._retry.number)
            if endings.end(self._retry.journal, connection, ids, ending) != len(ids):
                raise chunks.taken_over(self._retry.id)


class TryingRecords(Trying):
    """Records that were kept of a source; they are numbered there, from 1."""

    def _span(self, batch: Batch) -> tuple[int, int]:
        assert batch.records is not None
        return batch.records.start.row - 1, batch.records.end.row - 1

    def _numbers(
        self, first: int, tried: Sequence[Tried], rejects: Sequence[Reject]
    ) -> list[int | None]:
        return [(reject.row or 0) - 1 - first for reject in rejects]


class TryingKeys(Trying):
    """Rows of a table or a list, each by its place there."""

    def _span(self, batch: Batch) -> tuple[int, int]:
        return place_of(batch.start), place_of(batch.end)

    def _numbers(
        self, first: int, tried: Sequence[Tried], rejects: Sequence[Reject]
    ) -> list[int | None]:
        places = {each.place: number for number, each in enumerate(tried)}
        return [places.get(reject.place) for reject in rejects]


def _before(tried: Sequence[Tried]) -> Counts:
    """What the rejects count as."""
    invalid = sum(each.outcome == "invalid" for each in tried)
    return Counts(total=len(tried), invalid=invalid, failed=len(tried) - invalid)


def _renewed(reject: Reject, tried: Tried) -> Reject:
    """The new reason of what was tried, about the same row as before."""
    return replace(
        reject,
        row=tried.row,
        key=reject.key or tried.key,
        place=tried.place,
        retry_of=tried.id,
    )
