"""What the engine says while it works: frozen facts. Observers and Dagster listen.

Events are handed over in the thread that called the engine, never in a lane's thread, in the order
in which their transactions committed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from batch_ops.results import CheckResult, Counts, Result, StepResult


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    execution_id: str
    operation: str


@dataclass(frozen=True, slots=True)
class ExecutionStarted(Event):
    """An execution was opened; `resumed` tells whether it began before.

    level: how much its log says: minimal, normal or detailed. progress: whether progress is told.
    """

    resumed: bool
    level: str = "normal"
    progress: bool = True


@dataclass(frozen=True, slots=True)
class ChecksJudged(Event):
    """The preconditions were judged (or their stored results shown again)."""

    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True)
class StepPlanned(Event):
    """A step's chunks stand in the journal. `rows` is what the plan counted."""

    step: str
    chunk_keys: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """Counted in memory, told at most once a second. `planned_rows` of this step.

    asked: told because another so many rows are done as the operation asks for.
    """

    step: str
    counts: Counts
    planned_rows: int
    elapsed_s: float
    asked: bool = False


@dataclass(frozen=True, slots=True)
class BatchCommitted(Event):
    """A batch is committed; `number` within its chunk, from 1."""

    step: str
    chunk_key: str
    number: int
    counts: Counts
    duration_s: float


@dataclass(frozen=True, slots=True)
class BatchRetried(Event):
    """A batch was rolled back for what may pass, and is done again.

    code: the trouble's SQLSTATE. rows: how many its batches have from now on, where that is fewer.
    """

    step: str
    chunk_key: str
    number: int
    code: str
    wait_s: float
    rows: int | None


@dataclass(frozen=True, slots=True)
class ErrorLimitNear(Event):
    """Half of the rejects that `max_errors` allows were met; told once in an execution."""

    counts: Counts


@dataclass(frozen=True, slots=True)
class ChunkCompleted(Event):
    """All batches of a chunk are committed."""

    step: str
    chunk_key: str
    counts: Counts
    batches: int
    started_at: datetime
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class StepFinished(Event):
    """A step reached its end."""

    result: StepResult


@dataclass(frozen=True, slots=True)
class ExecutionFinished(Event):
    """The execution ended, one way or another."""

    result: Result


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """The listener that does not listen."""
