"""What a step's lanes did, told as events in the thread that called the engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from batch_ops.engine import limits
from batch_ops.events import (
    BatchCommitted,
    BatchRetried,
    ChunkCompleted,
    ErrorLimitNear,
    Progress,
)
from batch_ops.journal.store import utc_now

if TYPE_CHECKING:
    from batch_ops.engine.context import Context
    from batch_ops.engine.lane import BatchDone, BatchFailed, ChunkDone
    from batch_ops.results import Result
    from batch_ops.spec.model import Step

PUBLISH_EVERY_S = 1.0


class Teller:
    """Turns what lanes report into events.

    Args:
        known: the execution as it was when the lanes began.
    """

    def __init__(self, execution: Context, step: Step, known: Result) -> None:
        self._execution, self._step = execution, step
        self._step_counts = known.step(step.name).counts
        self._planned = known.step(step.name).planned_rows or 0
        self._seen = known.counts
        self._began = self._published = time.monotonic()

    def committed(self, message: BatchDone) -> None:
        """A batch of a lane is committed."""
        before, self._step_counts = self._step_counts, self._step_counts + message.counts
        self._execution.emit(
            BatchCommitted(
                self._execution.id,
                self._execution.operation.name,
                self._step.name,
                message.chunk_key,
                message.number,
                message.counts,
                message.seconds,
            )
        )
        if self._execution.operation.telling.asks(before.total, self._step_counts.total):
            self.progress(asked=True)
        self._seen += message.counts
        self._watch_errors()

    def failed(self, message: BatchFailed) -> None:
        """A batch of a lane is done again."""
        self._execution.emit(
            BatchRetried(
                self._execution.id,
                self._execution.operation.name,
                self._step.name,
                message.chunk_key,
                message.number,
                message.fault.code,
                message.wait_s,
                message.rows if message.smaller else None,
            )
        )

    def _watch_errors(self) -> None:
        """Somebody may look before the limit is passed."""
        execution, counts = self._execution, self._seen
        limit = limits.limit_of(execution)
        if limit is None or not limits.is_near(execution, counts):
            return
        if execution.notices.errors_near(counts, limit):
            execution.emit(ErrorLimitNear(execution.id, execution.operation.name, counts))

    def completed(self, message: ChunkDone) -> None:
        """A chunk of a lane is completed."""
        chunk, now = message.chunk, utc_now()
        self._execution.emit(
            ChunkCompleted(
                self._execution.id,
                self._execution.operation.name,
                self._step.name,
                chunk.key,
                chunk.counts,
                chunk.batches,
                chunk.started_at or now,
                chunk.completed_at or now,
            )
        )

    def tick(self) -> None:
        """Tell the progress where it is time."""
        if time.monotonic() - self._published >= PUBLISH_EVERY_S:
            self.progress()

    def progress(self, *, asked: bool = False) -> None:
        """Tell the progress."""
        self._published = time.monotonic()
        self._execution.emit(
            Progress(
                self._execution.id,
                self._execution.operation.name,
                self._step.name,
                self._step_counts,
                self._planned,
                self._published - self._began,
                asked,
            )
        )
