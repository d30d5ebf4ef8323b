"""How a call of `BatchTable` is to be done; wrong values are refused, not clipped."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from batch_ops.errors import ParameterError
from batch_ops.spec.model import Throttle

if TYPE_CHECKING:
    from batch_ops.bulk.failures import RowError

Row = Mapping[str, Any]
Decision = Literal["continue", "stop", "retry"] | Row | None
OnError = Callable[[Any, "RowError"], Decision]
"""Is asked about each row that failed: go on without it (None: the same), end the call, try it once
more, or try another row in its place.
"""
OnProgress = Callable[[int, "int | None"], Any]
"""Is told rows done, and of how many; None: nobody knows."""

BATCH_SIZE = 20_000
MOST = 1_000_000
"""Rows of a batch: it is held in memory."""
LANES = 64


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a batch is tried again when the database's trouble may pass: a deadlock, a lost
    connection, too many connections. A row's own fault is never tried again.

    Attributes:
        max_retries: how often, besides the first time; 0: never.
        initial_delay: seconds before the first retry.
        max_delay: most seconds before any.
        backoff_factor: by what the delay grows from one to the next.
        jitter: share (0–1) of the delay by which it is made shorter or longer at random.

    Example:
        >>> RetryPolicy(max_retries=5, initial_delay=0.2).delay(3)
        0.8
    """

    max_retries: int = 3
    initial_delay: float = 0.1
    max_delay: float = 5.0
    backoff_factor: float = 2.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        whole_number("max_retries", self.max_retries, 0)
        _at_least("initial_delay", self.initial_delay, 0)
        _at_least("max_delay", self.max_delay, 0)
        _at_least("backoff_factor", self.backoff_factor, 1)
        if not _is_number(self.jitter) or not 0 <= self.jitter <= 1:
            raise ParameterError(f"jitter is {self.jitter!r}.", todo="Give a share from 0 to 1.")

    def delay(self, number: int) -> float:
        """Seconds before the n-th retry, from 1: initial_delay · backoff_factor^(n-1), at most
        max_delay, then jittered.
        """
        delay = min(self.initial_delay * self.backoff_factor ** (number - 1), self.max_delay)
        return delay * (1 + self.jitter * random.uniform(-1, 1))  # noqa: S311  (no secret)


@dataclass(frozen=True, slots=True)
class Options:
    """What all writing calls have in common; see `BatchTable`."""

    atomic: bool = True
    continue_on_error: bool | None = None
    return_rows: bool = False
    validate: bool = True
    batch_size: int | None = None
    max_concurrency: int = 1
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    throttle: float | timedelta | Throttle | None = None
    on_progress: OnProgress | None = None
    on_error: OnError | None = None
    expires_in: float | timedelta | None = None

    def __post_init__(self) -> None:
        for name in ("atomic", "return_rows", "validate"):
            _flag(name, getattr(self, name))
        if self.continue_on_error is not None:
            _flag("continue_on_error", self.continue_on_error)
        if self.batch_size is not None:
            whole_number("batch_size", self.batch_size, 1, MOST)
        whole_number("max_concurrency", self.max_concurrency, 1, LANES)
        if self.atomic and self.max_concurrency > 1:
            raise ParameterError(
                "atomic=True and max_concurrency > 1 exclude each other: one transaction is one"
                " connection.",
                todo="Say atomic=False, or leave max_concurrency out.",
            )
        if not isinstance(self.retry, RetryPolicy):
            raise ParameterError(
                "retry is no RetryPolicy.", todo="Give RetryPolicy(max_retries=3)."
            )
        throttled(self.throttle)
        if self.expires_in is not None:
            seconds("expires_in", self.expires_in)
        for name in ("on_progress", "on_error"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise ParameterError(f"{name} cannot be called.", todo="Give a function.")

    @property
    def goes_on(self) -> bool:
        """Whether rows that failed do not end the call."""
        return not self.atomic if self.continue_on_error is None else self.continue_on_error

    @property
    def size(self) -> int:
        """Rows of a batch."""
        return self.batch_size or BATCH_SIZE


def throttled(given: Any) -> Throttle | None:
    """A throttle, said as one or as the pause between two batches.

    Raises:
        ParameterError: it is none, or one of its parts is out of range.
    """
    if given is None:
        return None
    if not isinstance(given, Throttle):
        return Throttle(timedelta(seconds=seconds("throttle", given)))
    if given.pause is not None:
        seconds("throttle.pause", given.pause)
    rate = given.rows_per_second
    if rate is not None and not (_is_number(rate) and 0 < rate < math.inf):
        raise ParameterError(
            f"throttle.rows_per_second is {rate!r}.", todo="Give a number greater than 0."
        )
    if given.max_active is not None:
        whole_number("throttle.max_active", given.max_active, 1)
    return given


def seconds(name: str, span: Any) -> float:
    """A time span in seconds. name: what it is.

    Raises:
        ParameterError: it is none, or not a finite one.
    """
    number = span.total_seconds() if isinstance(span, timedelta) else span
    if not _is_number(number) or not 0 <= number < math.inf:
        raise ParameterError(
            f"{name} is {span!r}.", todo="Give seconds, or a timedelta, from 0 on."
        )
    return float(number)


def moment_in(name: str, span: Any) -> datetime:
    """The moment after a time span, from now on. name: what it is.

    Raises:
        ParameterError: it is none, or there is no such moment.
    """
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds(name, span))
    except OverflowError:
        raise ParameterError(f"{name} is {span!r}.", todo="Give a shorter time span.") from None


def _at_least(name: str, value: Any, least: float) -> None:
    if not _is_number(value) or not least <= value:
        raise ParameterError(f"{name} is {value!r}.", todo=f"Give a number from {least} on.")


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> None:
    """See to it that a value is a whole number in a range.

    Raises:
        ParameterError: it is none.
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        until = "on" if most is None else f"to {most:,}"
        todo = f"Give a whole number from {least} {until}."
        raise ParameterError(f"{name} is {value!r}.", todo=todo)


def _flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ParameterError(f"{name} is {value!r}.", todo="Give True or False.")


def _is_number(value: Any) -> bool:
    """Whether it is a number, NaN aside."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124
