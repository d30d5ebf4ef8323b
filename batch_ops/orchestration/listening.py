"""The engine's events as Dagster's: a partition turns green when its chunk is committed."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from batch_ops.events import (
    BatchCommitted,
    ChunkCompleted,
    Event,
    Listener,
    Progress,
    StepPlanned,
)
from batch_ops.orchestration import metadata
from batch_ops.orchestration.names import partitions_name, step_key
from batch_ops.orchestration.partitions import add_keys
from batch_ops.spec.model import LoggingLevel

if TYPE_CHECKING:
    from batch_ops.spec.model import Operation

FIRST_INTERVAL = 30.0
"""Seconds between two progress lines; each interval is a fifth longer, so that a step that takes
a day writes about 30 lines: every line is an event in Dagster's storage."""

GROWTH = 1.2
DETAIL_INTERVAL = 1.0
"""Seconds between two lines about batches; they are printed, and no events."""


@dataclass(slots=True)
class Listening:
    """Tells Dagster what happens in one op, and then the launcher.

    Attributes:
        shows: whether completed chunks are logged as materializations; a step asset's own run
            reports its partitions itself.
        prints: whether a detailed log is printed here; a launcher has listeners of its own.
    """

    operation: Operation
    context: dg.OpExecutionContext | dg.AssetExecutionContext
    then: Listener
    shows: bool = True
    prints: bool = False
    interval: float = FIRST_INTERVAL
    told_at: float = field(default_factory=time.monotonic)
    printed_at: float = float("-inf")

    def __call__(self, event: Event) -> None:
        if isinstance(event, ChunkCompleted) and self.shows and self._has(event.step):
            self.context.log_event(materialization(self.operation, event))
        elif isinstance(event, StepPlanned) and self._has(event.step):
            name = partitions_name(self.operation, event.step)
            add_keys(self.context.instance, name, event.chunk_keys)
        elif isinstance(event, Progress) and self._level is not LoggingLevel.MINIMAL:
            self._progress(event)
        elif isinstance(event, BatchCommitted) and self._level is LoggingLevel.DETAILED:
            self._print(event)
        self.then(event)

    @property
    def _level(self) -> LoggingLevel:
        return self.operation.telling.level

    def _print(self, event: BatchCommitted) -> None:
        if not self.prints or time.monotonic() - self.printed_at < DETAIL_INTERVAL:
            return
        self.printed_at = time.monotonic()
        counts = ", ".join(f"{n:,} {name}" for name, n in event.counts.to_dict().items() if n)
        line = f"{event.step}: batch {event.number} of {event.chunk_key}: {counts}"
        sys.stderr.write(f"{line}, {event.duration_s:.3f} s\n")

    def _has(self, step: str) -> bool:
        """Whether the step has an asset: an older execution may have one that was renamed since."""
        return any(known.name == step for known in self.operation.steps)

    def _progress(self, event: Progress) -> None:
        if time.monotonic() - self.told_at < self.interval:
            return
        self.told_at, self.interval = time.monotonic(), self.interval * GROWTH
        rate = event.counts.total / event.elapsed_s if event.elapsed_s > 0 else 0.0
        self.context.log.info(
            "%s: %s of %s rows, %s rows/s, %s rejects",
            event.step,
            f"{event.counts.total:,}",
            f"{event.planned_rows:,}",
            f"{rate:,.0f}",
            f"{event.counts.rejects:,}",
        )


def materialization(operation: Operation, event: ChunkCompleted) -> dg.AssetMaterialization:
    """A completed chunk as a partition of its step's asset."""
    return dg.AssetMaterialization(
        step_key(operation, event.step),
        partition=event.chunk_key,
        metadata=metadata.of_chunk(operation.step(event.step), event.execution_id, event),
    )
