"""What tests run in processes that are killed or terminated: `python -m …launching <what>`."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from batch_ops.engine import Launch, Project
from batch_ops.events import ChunkCompleted

if TYPE_CHECKING:
    from batch_ops.events import Event

INTERRUPTED = 130


class At:
    """Does something when the n-th chunk of the step `update` is committed.

    what: `kill` (SIGKILL to itself), `tell` (write a line).
    """

    def __init__(self, what: str, number: int) -> None:
        self.what, self.number, self.seen = what, number, 0

    def __call__(self, event: Event) -> None:
        if not isinstance(event, ChunkCompleted) or event.step != "update":
            return
        self.seen += 1
        if self.what == "kill" and self.seen == self.number:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.what == "tell" and self.seen == self.number:
            print("there", flush=True)


def main(what: str, number: str) -> int:
    """Launch `settle_things` of the project here; the shell's exit code."""
    from batch_ops.orchestration.launch import launch_run

    listen = At(what, int(number))
    try:
        result = launch_run(
            Project.find(), "settle_things", launch=Launch(via="shell"), listen=listen
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    return result.status.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
