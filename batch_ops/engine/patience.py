"""Waiting for what passes by itself: a lost connection, a deadlock, a server that restarts."""

from __future__ import annotations

import time
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

import tenacity
from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import UNREACHABLE, Fault, FaultKind
from batch_ops.engine.pace import wait
from batch_ops.errors import DatabaseUnreachableError
from batch_ops.spec.model import Retry

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.database import Database
    from batch_ops.database.dialect import Dialect

P = ParamSpec("P")
T = TypeVar("T")


class OnDatabase(Protocol):
    """What works on a database: a journal, an execution."""

    @property
    def database(self) -> Database: ...


S = TypeVar("S", bound=OnDatabase)


def fault_of(dialect: Dialect, error: DBAPIError | DatabaseUnreachableError) -> Fault:
    """What an error means; a database that does not answer now may do so later."""
    if isinstance(error, DatabaseUnreachableError):
        return Fault(FaultKind.TRANSIENT, UNREACHABLE, error.what, connection_lost=True)
    return dialect.fault(error)


def passes(dialect: Dialect, error: BaseException) -> bool:
    """Whether an error may pass by itself."""
    if not isinstance(error, DBAPIError | DatabaseUnreachableError):
        return False
    return fault_of(dialect, error).kind is FaultKind.TRANSIENT


def patience(
    dialect: Dialect, retry: Retry, stops: Callable[[], object] = lambda: None
) -> tenacity.Retrying:
    """Attempts with growing waits, on errors that may pass; the last error is raised as it is.

    stops: whether there is a reason to stop; then nobody waits.
    """
    return tenacity.Retrying(
        sleep=lambda seconds: wait(time.monotonic() + seconds, stops),
        retry=tenacity.retry_if_exception(lambda error: passes(dialect, error)),
        stop=tenacity.stop_after_attempt(retry.max_retries + 1),
        wait=tenacity.wait_exponential(
            multiplier=retry.initial_delay, exp_base=retry.backoff_factor, max=retry.max_delay
        ),
        reraise=True,
    )


def steady(function: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Do it again when the database's trouble passes; for what may be done twice without harm."""

    @wraps(function)
    def again(subject: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        attempts = patience(subject.database.dialect, Retry())
        return attempts(function, subject, *args, **kwargs)

    return again
