"""How an operation is done: sizes and limits, what is told, when it starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta  # noqa: TC003

from batch_ops.spec.kinds import LoggingLevel


@dataclass(frozen=True, slots=True)
class Retry:
    """Of transient errors. Delays in seconds; the n-th is initial · factor^(n-1), at most max."""

    max_retries: int = 3
    initial_delay: float = 0.1
    max_delay: float = 5.0
    backoff_factor: float = 2.0

    def delay(self, number: int) -> float:
        """How long to wait before the n-th retry, from 1."""
        return min(self.initial_delay * self.backoff_factor ** (number - 1), self.max_delay)


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """`max_errors`: a number of rows, or a share (0–1) of the rows processed."""

    rows: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Throttle:
    """How fast lanes may go.

    Attributes:
        pause: between two batches of a lane.
        rows_per_second: of all lanes together, at most.
        max_active: while more sessions than that are at work in the database, besides the one that
            asks, no batch is begun; None: nobody asks.

    Example:
        >>> Throttle(pause=timedelta(seconds=0.1), max_active=20).max_active
        20
    """

    pause: timedelta | None = None
    rows_per_second: float | None = None
    max_active: int | None = None


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Opens when so many batches in a row failed or were refused whole; or when of their rows a
    greater share (0–1) was refused.
    """

    batches: int
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes and limits: they say how, never what. `resume --use-new` may take over new ones.

    batch_size: rows of one transaction. worker_batch_size: the same where several lanes work.
    chunk_rows: rows of one chunk, raised when a step would have more than 200 chunks. max_workers:
    lanes. max_records: most rows of a writing step. timeout: of the operation; of a custom
    function's step: of each call. statement_timeout, lock_timeout: of each statement of a batch.
    max_memory: bytes of the process.
    """

    batch_size: int = 10_000
    worker_batch_size: int | None = None
    chunk_rows: int = 50_000
    max_workers: int = 1
    parallel: bool | None = None
    max_records: int | None = None
    max_errors: ErrorLimit | None = None
    max_errors_per_worker: int | None = None
    timeout: timedelta | None = None
    statement_timeout: timedelta | None = None
    lock_timeout: timedelta | None = None
    max_memory: int | None = None
    circuit_breaker: CircuitBreaker | None = None
    retry: Retry = Retry()
    throttle: Throttle | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told of an execution, and where.

    progress: whether progress is told at all. every_rows: besides once in a while, after so many
    rows. heartbeat: between two signs of life of a process. log_table, metrics_table: None is the
    journal's own.
    """

    progress: bool = True
    every_rows: int | None = None
    heartbeat: timedelta | None = None
    level: LoggingLevel = LoggingLevel.NORMAL
    log_table: str | None = None
    metrics: bool = False
    metrics_table: str | None = None

    def asks(self, before: int, done: int) -> bool:
        """Whether progress is to be told because so many rows were done, and now are."""
        every = self.every_rows
        return every is not None and before // every < done // every


@dataclass(frozen=True, slots=True)
class Notification:
    """Who is told of an execution's end, and in which words; None: words of our own.

    completion: whether a good end is told too; failures and passed limits always are.
    """

    completion: bool = False
    channels: tuple[str, ...] = ()
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron schedule that starts the operation. confirm: the yes an operation may require."""

    cron: str
    timezone: str = "UTC"
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class FolderSensor:
    """Starts the operation for each new file in a folder, once it stands still for a tick.

    confirm: the yes an operation may require.
    """

    folder: str
    pattern: str = "*.csv"
    confirm: bool = False
