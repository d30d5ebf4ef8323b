"""Counting anew what the journal has summed up: its log and its rejects, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from batch_ops.journal.tables import COUNTERS
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from batch_ops.journal.store import Journal

COMMITTED = "committed"


@dataclass(slots=True)
class Logged:
    """What the log says of a chunk.

    Attributes:
        committed, undone: what its batches come to, by whether they were committed.
        batches: how many of them were; number: of the last one.
        first, last: where the first of these began and where the last one ended, as cursors.
        refused: by batch, the counters of those in which rows were refused.
        oddities: batches that are odd in themselves, and why.
    """

    committed: Counts = Counts()
    undone: Counts = Counts()
    batches: int = 0
    number: int = 0
    first: str | None = None
    last: str | None = None
    refused: dict[int, Counts] = field(default_factory=dict)
    oddities: list[tuple[int, str]] = field(default_factory=list)

    def add(self, batch: LogRow) -> None:
        """The next batch, in their order."""
        if batch.counts.rejects:
            self.refused[batch.number] = batch.counts
        if not batch.counts.reconciled:
            what = f"its outcomes do not add up to total {batch.counts.total}"
            self.oddities.append((batch.number, what))
        if batch.status != COMMITTED:
            self.undone += batch.counts
            return
        self._follow(batch)
        self.committed += batch.counts
        self.batches, self.last = self.batches + 1, batch.cursor_to

    def _follow(self, batch: LogRow) -> None:
        """Each batch begins where the one before it ended."""
        if not self.batches:
            self.first = batch.cursor_from
        elif batch.cursor_from != self.last:
            what = "it does not begin where the one before it ended"
            self.oddities.append((batch.number, what))
        if batch.number != self.number + 1:
            what = f"it follows batch {self.number}" if self.number else "it is the first one"
            self.oddities.append((batch.number, what))
        self.number = batch.number


@dataclass(frozen=True, slots=True)
class LogRow:
    """One batch as the log has it. status: committed or rolled_back."""

    step: str
    chunk: int
    number: int
    status: str
    counts: Counts
    cursor_from: str | None
    cursor_to: str | None


def logged(
    journal: Journal, connection: Connection, execution_id: str
) -> dict[tuple[str, int], Logged]:
    """What the log says of each chunk: by step and number."""
    found: dict[tuple[str, int], Logged] = {}
    for batch in _log(journal, connection, execution_id):
        found.setdefault((batch.step, batch.chunk), Logged()).add(batch)
    return found


def _log(journal: Journal, connection: Connection, execution_id: str) -> Iterator[LogRow]:
    table = journal.tables.logs
    counters = [table.c[name] for name in COUNTERS]
    query = (
        select(
            *(table.c.step, table.c.chunk, table.c.batch_number, table.c.status),
            *(table.c.cursor_from, table.c.cursor_to, *counters),
        )
        .where(table.c.operation_id == execution_id)
        .order_by(table.c.step, table.c.chunk, table.c.batch_number)
        .execution_options(yield_per=1000)
    )
    for step, chunk, number, status, start, end, *counts in connection.execute(query):
        yield LogRow(step, chunk, number, status, Counts(*counts), start, end)


def ended(
    journal: Journal, connection: Connection, execution_id: str
) -> dict[tuple[str, int], Counts]:
    """How many rejects of a step each retry ended: by step and retry."""
    table = journal.tables.errors
    at = (table.c.step, table.c.retry, table.c.outcome)
    query = (
        select(*at, func.count())
        .where(table.c.operation_id == execution_id, table.c.retry.is_not(None))
        .group_by(*at)
    )
    found: dict[tuple[str, int], Counts] = {}
    for step, retry, outcome, number in connection.execute(query):
        known = found.get((step, retry), Counts())
        found[step, retry] = known + Counts(**{outcome: int(number)})
    return found


def rejects(
    journal: Journal, connection: Connection, execution_id: str
) -> dict[tuple[str, int], dict[int, Counts]]:
    """How many rejects there are of each chunk, by batch."""
    table = journal.tables.errors
    at = (table.c.step, table.c.chunk, table.c.batch_number, table.c.outcome)
    query = select(*at, func.count()).where(table.c.operation_id == execution_id).group_by(*at)
    found: dict[tuple[str, int], dict[int, Counts]] = {}
    for step, chunk, batch, outcome, number in connection.execute(query):
        batches = found.setdefault((step, chunk), {})
        batches[batch] = batches.get(batch, Counts()) + Counts(**{outcome: int(number)})
    return found
