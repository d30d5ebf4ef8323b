"""What a launcher and the run it drives in the same process hand to each other.

A run started by Dagster alone has no launcher: nothing here is needed to go on with an execution.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batch_ops.engine import Launch, RunOptions
from batch_ops.events import silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.events import Listener
    from batch_ops.results import Result


def _handlers() -> dict[int, Any]:
    """The handlers somebody set for the signals Dagster takes for itself."""
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    usual = signal.default_int_handler
    return {number: h for number, h in found.items() if callable(h) and h is not usual}


@dataclass(slots=True)
class Launcher:
    """Who drives a run from this process.

    Attributes:
        options: what cannot stand in a run config, such as a take-over.
        error: the error the run ended with, as it was raised.
        result: what the execution had become by then; None when it did not begin.
        execution_id: the execution the run works on; begun before the run is made, so that what
            is refused leaves no failed run.
        handlers: the signal handlers that held when it was made.
        interrupted: whether a signal or a termination ended the run.
    """

    run_id: str
    execution_id: str
    launch: Launch = field(default_factory=Launch)
    options: RunOptions = field(default_factory=RunOptions)
    listen: Listener = silent
    error: Exception | None = None
    result: Result | None = None
    handlers: dict[int, Any] = field(default_factory=_handlers)
    interrupted: bool = False


_launchers: dict[str, Launcher] = {}


@contextmanager
def own_signals(launcher: Launcher | None) -> Iterator[None]:
    """While an op works, signals go where the launcher sent them: Dagster takes them for itself,
    and would raise at each.
    """
    if launcher is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = {number: signal.signal(number, h) for number, h in launcher.handlers.items()}
    try:
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


@contextmanager
def driving(launcher: Launcher) -> Iterator[Launcher]:
    """The run's ops find this launcher while the block lasts."""
    _launchers[launcher.run_id] = launcher
    try:
        yield launcher
    finally:
        del _launchers[launcher.run_id]


def launcher_of(run_id: str) -> Launcher | None:
    """The launcher of a run in this process, or None."""
    return _launchers.get(run_id)


def driven_here() -> bool:
    """Whether a launcher of this process drives a run: then it tells the person, not Dagster."""
    return bool(_launchers)
