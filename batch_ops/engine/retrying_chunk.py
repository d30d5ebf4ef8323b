"""The chunk that a retry adds to a step for its rejects, and the lane that walks it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from batch_ops.engine.function_work import place_key
from batch_ops.engine.lane import ChunkDone, Lane
from batch_ops.engine.merge_work import StreamMergeWork
from batch_ops.engine.retrying_choice import fields_of
from batch_ops.engine.retrying_keys import again
from batch_ops.engine.retrying_work import TryingKeys, TryingRecords
from batch_ops.engine.running import Crew
from batch_ops.engine.source_work import SourceWork
from batch_ops.engine.streams import needs_stage, open_stream
from batch_ops.errors import EngineFault
from batch_ops.journal import chunks
from batch_ops.journal.chunks import ChunkRow, Claim
from batch_ops.journal.store import utc_now
from batch_ops.planning.files import encode_position
from batch_ops.sources import KeptRecords
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from batch_ops.database.connect import ReopenedConnection
    from batch_ops.engine.retrying_choice import TriedRejects
    from batch_ops.engine.retrying_ground import Retry
    from batch_ops.engine.retrying_work import Manner
    from batch_ops.engine.work import Work
    from batch_ops.sources import Source
    from batch_ops.spec.model import Step

    Making = Callable[[Callable[[], object]], Work]


def try_rejects(retry: Retry, step: Step, tried: TriedRejects, manner: Manner) -> None:
    """Try rejects of a step again; `retry` has the step's rows beside its output."""
    chunk, make = _prepared(retry, step, tried, manner)
    with retry.database.writing() as connection:
        kept = add_chunk(retry, connection, replace(chunk, lower=None, upper=None))
    chunk = replace(kept, lower=chunk.lower, upper=chunk.upper)
    retry.trying(len(tried))
    claim = Claim(chunk, chunk.token)
    lane = partial(_RetryLane, claim=claim, make=lambda watch: make(chunk, watch))
    Crew(retry, step, [chunk.key], lane).work()


def add_chunk(retry: Retry, connection: Connection, chunk: ChunkRow) -> ChunkRow:
    """Write a chunk of a retry behind the others of its step; as it was written."""
    known = chunks.of_step(retry.journal, connection, retry.id, chunk.step)
    number = max((each.number for each in known), default=0) + 1
    key = f"{retry.row.short_id}-{number:05d}"
    added = replace(chunk, number=number, key=key, retry=retry.number)
    chunks.add_all(retry.journal, connection, retry.id, [added])
    return added


def _prepared(
    retry: Retry, step: Step, tried: TriedRejects, manner: Manner
) -> tuple[ChunkRow, Callable[[ChunkRow, Callable[[], object]], Work]]:
    """The chunk as it is walked in this process, and what makes the work of a lane."""
    if step.stream is None:
        chunk = _chunk(retry, step, len(tried), place_key(0), place_key(len(tried)))

        def by_keys(_: ChunkRow, watch: Callable[[], object]) -> Work:
            return TryingKeys(retry, tried, manner, again(retry, step, tried, watch))

        return chunk, by_keys
    source, chunk = _source(retry, step, tried)

    def by_records(whole: ChunkRow, _: Callable[[], object]) -> Work:
        kind = StreamMergeWork if needs_stage(retry.operation, step) else SourceWork
        return TryingRecords(retry, tried, manner, kind(retry, step, [whole], source))

    return chunk, by_records


def _source(retry: Retry, step: Step, tried: TriedRejects) -> tuple[Source, ChunkRow]:
    """The kept records as a source, and the chunk that is all of it."""
    fields = fields_of(retry)[step.name]
    kinds = tuple((name, FieldType(kind) if kind else None) for name, kind in fields)
    source = open_stream(retry, step, KeptRecords(kinds, tried.records))
    plan = source.scan(max(len(tried), 1))
    if plan.rows != len(tried):
        raise EngineFault(
            f"{len(tried)} rejects were written down and {plan.rows} read again.",
            todo="Please report it, with the declaration if you may.",
            execution_id=retry.id,
        )
    first, last = plan.ranges[0].start, plan.ranges[-1].end
    return source, _chunk(retry, step, plan.rows, encode_position(first), encode_position(last))


def _chunk(retry: Retry, step: Step, rows: int, lower: str, upper: str) -> ChunkRow:
    """It is this process's from the beginning. The journal has it without bounds: its batches are
    of no range, and what it has not done when it breaks off is chosen anew.
    """
    now = utc_now()
    return ChunkRow(
        step=step.name,
        number=0,
        key="",
        planned_rows=rows,
        lower=lower,
        upper=upper,
        splits=(),
        spacing=0,
        status=chunks.RUNNING,
        token=1,
        worker=f"{retry.project.worker().name}/1",
        started_at=now,
    )


@dataclass
class _RetryLane(Lane):
    """A lane with one chunk, which it has from the beginning."""

    claim: Claim = field(kw_only=True)
    make: Making = field(kw_only=True)

    def run(self) -> None:
        with self.line() as line, self.work() as work:
            done = self._finish(line, self.claim, work)
            if done is None:
                raise chunks.taken_over(self.execution.id)
            self.report(ChunkDone(done))

    def work(self) -> Work:
        return self.make(self.watch)

    def _again(self, line: ReopenedConnection, claim: Claim) -> Claim | None:
        """As committed, with the bounds that this process alone knows."""
        found = super()._again(line, claim)
        if found is None:
            return None
        chunk = replace(found.chunk, lower=claim.chunk.lower, upper=claim.chunk.upper)
        return Claim(chunk, found.token)
