"""Watching a run from the process that executes it: a termination in the UI only changes its
status, so somebody here must look.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.orchestration.handover import Launcher

INTERVAL_S = 1.0


@dataclass(slots=True)
class Watch:
    """What was seen: whether the run was terminated in the UI."""

    terminated: bool = False


@contextmanager
def watching(instance: dg.DagsterInstance, launcher: Launcher) -> Iterator[Watch]:
    """While the block lasts, a termination of the run interrupts the main thread.

    A run that was interrupted here says that it is being terminated, too; that is no news.

    From another thread than the main one nothing is watched: a signal would hit somebody else.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Watch()
        return
    watch, ended = Watch(), threading.Event()
    args = (instance, launcher, watch, ended)
    thread = threading.Thread(target=_watch, args=args, name="run-status", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


def _watch(
    instance: dg.DagsterInstance, launcher: Launcher, watch: Watch, ended: threading.Event
) -> None:
    main = threading.main_thread().ident
    while not ended.wait(INTERVAL_S):
        run = instance.get_run_by_id(launcher.run_id)
        if launcher.interrupted or main is None:
            return
        if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
            watch.terminated = True
            signal.pthread_kill(main, signal.SIGINT)
            return
