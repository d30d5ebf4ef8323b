"""Which process works on a run: kept as a tag, so that others can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from batch_ops.journal.ownership import process_lives, started_at
from batch_ops.orchestration.names import PROCESS_TAG

if TYPE_CHECKING:
    from dagster import DagsterRun


def tags(run_id: str) -> dict[str, str]:
    """This process as a tag: host, pid and start time; a pid alone is given out again.

    The run stands in it too: a re-execution inherits the tags of its parent.
    """
    pid = os.getpid()
    return {PROCESS_TAG: f"{run_id}:{socket.gethostname()}:{pid}:{started_at(pid):.3f}"}


def is_dead(run: DagsterRun) -> bool:
    """Whether the run's process is known to be gone. Of another host nobody here can know."""
    run_id, host, pid, started = _split(run.tags.get(PROCESS_TAG, ""))
    if run_id != run.run_id or host != socket.gethostname():
        return False
    return not process_lives(pid, started)


def _split(tag: str) -> tuple[str | None, str, int, float]:
    try:
        run_id, host, pid, started = tag.split(":")
        return run_id, host, int(pid), float(started)
    except ValueError:
        return None, "", 0, 0.0
