"""Where the tables of the journal do not agree about an execution.

Positions are keys of rows, which may be hidden: they are compared, and never told.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from batch_ops.journal.chunks import COMPLETED
from batch_ops.journal.recount import Logged
from batch_ops.results import DONE, Counts, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from batch_ops.journal import ChunkRow, ExecutionRow
    from batch_ops.journal.executions import StepRow

ChunkId = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two places of the journal that do not agree.

    table: whose rows are not what the others make of them.
    step, chunk, batch: where; None where it is not about one.
    """

    table: str
    what: str
    step: str | None = None
    chunk: int | None = None
    batch: int | None = None

    def __str__(self) -> str:
        place = [f"step {self.step!r}"] if self.step is not None else []
        place += [f"chunk {self.chunk}"] if self.chunk is not None else []
        place += [f"batch {self.batch}"] if self.batch is not None else []
        return f"{self.table}: {', '.join(place)}{': ' if place else ''}{self.what}"


@dataclass(frozen=True, slots=True)
class Journaled:
    """All that the journal has of an execution.

    logged, refused: what the log and the rejects come to, by chunk. ended: the rejects of a step
    that a retry ended, by both. names: of the tables. retrying: a retry is under way, or broke off.
    """

    row: ExecutionRow
    steps: Sequence[StepRow]
    chunks: Sequence[ChunkRow]
    logged: Mapping[ChunkId, Logged]
    refused: Mapping[ChunkId, Mapping[int, Counts]]
    ended: Mapping[ChunkId, Counts]
    atomic: bool
    names: Mapping[str, str]
    retrying: bool


def disagreements(kept: Journaled) -> Iterator[Disagreement]:
    """What does not agree, from the batches up."""
    if kept.row.purged_at is None:
        yield from _strays(kept)
        for chunk in kept.chunks:
            yield from _chunk(kept, chunk)
            yield from _rejects(kept, chunk)
    for step in kept.steps:
        yield from _step(kept, step)
    yield from _execution(kept)


def _strays(kept: Journaled) -> Iterator[Disagreement]:
    """Rows of what is not there."""
    known = {(chunk.step, chunk.number) for chunk in kept.chunks}
    for table, found in (("log", kept.logged), ("rejects", kept.refused)):
        for step, number in sorted(set(found) - known):
            what = "there are rows, and no such chunk"
            yield Disagreement(kept.names[table], what, step, number)
    steps = {step.name for step in kept.steps}
    for name in sorted({chunk.step for chunk in kept.chunks} - steps):
        yield Disagreement(kept.names["chunks"], "there are chunks, and no such step", name)


def _chunk(kept: Journaled, chunk: ChunkRow) -> Iterator[Disagreement]:
    """A chunk against the log: counters, batches, positions."""
    logged = kept.logged.get((chunk.step, chunk.number), Logged())
    at = (chunk.step, chunk.number)

    def told(table: str, what: str, batch: int | None = None) -> Disagreement:
        return Disagreement(kept.names[table], what, *at, batch)

    for counter, says, sums in _differing(chunk.committed, logged.committed):
        yield told("chunks", f"it says {counter} {says}, its batches come to {sums}")
    if chunk.batches != logged.batches:
        yield told("chunks", f"it says {chunk.batches} batches, the log has {logged.batches}")
    if chunk.attempted and not kept.atomic:
        undone = chunk.counts - chunk.committed
        for counter, says, sums in _differing(undone, logged.undone):
            what = f"its batch that was rolled back says {counter} {says}, the log {sums}"
            yield told("chunks", what)
    for batch, what in logged.oddities:
        yield told("log", what, batch)
    if not chunk.committed.reconciled:
        yield told("chunks", f"its outcomes do not add up to total {chunk.committed.total}")
    yield from _positions(kept, chunk, logged)


def _positions(kept: Journaled, chunk: ChunkRow, logged: Logged) -> Iterator[Disagreement]:
    """A chunk's position is where its last batch ended; its first one began where it begins."""
    at = (chunk.step, chunk.number)
    if chunk.position != logged.last:
        what = "its position is not where its last batch ended"
        yield Disagreement(kept.names["chunks"], what, *at)
    if logged.batches and logged.first != chunk.lower and not _is_of_rejects(chunk):
        what = "it does not begin where its first batch does"
        yield Disagreement(kept.names["chunks"], what, *at)


def _rejects(kept: Journaled, chunk: ChunkRow) -> Iterator[Disagreement]:
    """The rejects of a chunk's batches against what these count as invalid and failed."""
    at = (chunk.step, chunk.number)
    refused = kept.refused.get(at, {})
    if _is_of_rejects(chunk):  # its batches count differences
        before = kept.ended.get((chunk.step, chunk.retry or 0), Counts())
        now = sum(refused.values(), Counts()) - before
        pairs: Iterable[tuple[int | None, Counts, Counts]] = [(None, now, chunk.committed)]
    elif kept.atomic and chunk.attempted:  # rolled back as a whole: its batches are not logged
        pairs = [(None, sum(refused.values(), Counts()), chunk.counts)]
    else:
        batches = kept.logged.get(at, Logged()).refused
        pairs = [
            (number, refused.get(number, Counts()), batches.get(number, Counts()))
            for number in sorted({*refused, *batches})
        ]
    for batch, kept_rows, counted in pairs:
        for name in ("invalid", "failed"):
            rows, says = getattr(kept_rows, name), getattr(counted, name)
            if rows != says:
                what = f"there are {rows} rejects that are {name}, the log counts {says}"
                yield Disagreement(kept.names["rejects"], what, *at, batch)


def _is_of_rejects(chunk: ChunkRow) -> bool:
    """Whether a retry tried rejects in it; its batches are of no range."""
    return chunk.retry is not None and chunk.upper is None


def _step(kept: Journaled, step: StepRow) -> Iterator[Disagreement]:
    """A step against its chunks."""
    parts = [chunk for chunk in kept.chunks if chunk.step == step.name]
    planned = sum(part.planned_rows for part in parts if part.retry is None)
    if planned != step.planned_rows:
        what = f"it planned {step.planned_rows} rows, its chunks {planned}"
        yield Disagreement(kept.names["steps"], what, step.name)
    left = [part.number for part in parts if part.status != COMPLETED]
    missing = [] if kept.retrying else left
    if step.status == "finished" and (missing or not parts):
        told = f"{len(missing)} of its chunks are not" if parts else "it has no chunks"
        yield Disagreement(kept.names["steps"], f"it is finished, and {told}", step.name)
    if kept.row.purged_at is None:
        yield from _ranges(kept, parts)


def _ranges(kept: Journaled, parts: Sequence[ChunkRow]) -> Iterator[Disagreement]:
    """Each chunk begins where the one before it ends, and none is missing."""
    for number, chunk in enumerate(parts, 1):
        if chunk.number != number:
            what = f"chunk {number} is missing"
            yield Disagreement(kept.names["chunks"], what, chunk.step)
            return
    planned = [chunk for chunk in parts if chunk.retry is None]
    for before, chunk in itertools.pairwise(planned):
        if chunk.lower != before.upper:
            what = "it does not begin where the one before it ends"
            yield Disagreement(kept.names["chunks"], what, chunk.step, chunk.number)


def _execution(kept: Journaled) -> Iterator[Disagreement]:
    """The execution against its steps and chunks; while it is worked on, or a retry is not at its
    end, its sums are older.
    """
    row, table = kept.row, kept.names["execution"]
    counts = sum((chunk.counts for chunk in kept.chunks), Counts())
    if row.completed_at is not None and not kept.retrying:
        for name, says, sums in (
            ("total_records", row.total_records, counts.total),
            ("processed_records", row.processed_records, counts.processed),
            ("error_count", row.error_count, counts.rejects),
        ):
            if says != sums:
                yield Disagreement(table, f"it says {name} {says}, its chunks come to {sums}")
    unfinished = [step.name for step in kept.steps if step.status != "finished"]
    if row.status in DONE and unfinished:
        yield Disagreement(table, f"it is {row.status}, and not finished: {', '.join(unfinished)}")
    clean = row.status is Status.COMPLETED
    if clean and counts.rejects:
        yield Disagreement(table, f"it is {row.status}, and {counts.rejects} rows were refused")


def _differing(says: Counts, sums: Counts) -> Iterator[tuple[str, int, int]]:
    """The counters in which two differ."""
    for each in fields(Counts):
        one, other = getattr(says, each.name), getattr(sums, each.name)
        if one != other:
            yield each.name, one, other
