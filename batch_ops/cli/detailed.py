"""The log of an operation that says `logging_level: detailed`, for the person at the shell."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from batch_ops.events import ExecutionStarted
from batch_ops.observers.log import log

if TYPE_CHECKING:
    from batch_ops.events import Event


class Detailed:
    """A listener that logs the executions whose operation wants every batch to be told."""

    def __init__(self) -> None:
        self._wanted = False

    def __call__(self, event: Event) -> None:
        if isinstance(event, ExecutionStarted):
            self._wanted = event.level == "detailed"
            if self._wanted:
                logging.getLogger("batch_ops").setLevel(logging.INFO)
        if self._wanted:
            log(event)
