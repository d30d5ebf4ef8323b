"""Watching a run from the process that executes it: a termination in the UI of what the shell has
started only changes its status, and so does a forced one of any run; somebody here must look.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.orchestration.handover import Launcher

INTERVAL_S = 1.0
_TERMINATED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


@dataclass(slots=True)
class Watch:
    """What was seen: whether the run was terminated in the UI."""

    terminated: bool = False


@contextmanager
def watching(
    instance: dg.DagsterInstance, launcher: Launcher, break_off: Callable[[], None]
) -> Iterator[Watch]:
    """While the block lasts, a termination of the run interrupts the main thread; once it is forced
    `break_off` is called as well.

    A run that was interrupted here says that it is being terminated, too; that is no news.

    From another thread than the main one nothing is watched: a signal would hit somebody else.
    """
    main, watch = threading.main_thread(), Watch()
    if threading.current_thread() is not main or main.ident is None:
        yield watch
        return
    number = main.ident

    def look() -> bool:
        status = _status(instance, launcher.run_id)
        if launcher.interrupted:
            return False
        if watch.terminated:
            if status is dg.DagsterRunStatus.CANCELED:
                break_off()
        elif status in _TERMINATED:
            watch.terminated = True
            signal.pthread_kill(number, signal.SIGINT)
        return True

    with _looking(look):
        yield watch


@contextmanager
def forcible(
    instance: dg.DagsterInstance, run_id: str, break_off: Callable[[], None]
) -> Iterator[None]:
    """While the block lasts, `break_off` is called once the termination of the run is forced. Of
    an instance that lives in this process nobody else knows.
    """
    if instance.is_ephemeral:
        yield
        return

    def look() -> bool:
        if _status(instance, run_id) is dg.DagsterRunStatus.CANCELED:
            break_off()
        return True

    with _looking(look):
        yield


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    run = instance.get_run_by_id(run_id)
    return run.status if run is not None else None


@contextmanager
def _looking(look: Callable[[], bool]) -> Iterator[None]:
    """A thread that looks now and then, until the block is left or there is nothing more to see."""
    ended = threading.Event()

    def go() -> None:
        while not ended.wait(INTERVAL_S) and look():
            pass

    thread = threading.Thread(target=go, name="run-status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
