"""Who listens: one file per listener. Each is called with every event and never fails a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ops.events import Event, Listener

_logger = logging.getLogger("batch_ops")


def combine(*listeners: Listener) -> Listener:
    """One listener that calls each of them in turn.

    A listener that raises fails neither the execution nor the others: its first failure is logged
    as a warning, it is called again for the next event, and later failures are not told.
    """
    failed: set[int] = set()

    def listen(event: Event) -> None:
        for number, listener in enumerate(listeners):
            try:
                listener(event)
            except Exception as error:
                if number not in failed:
                    failed.add(number)
                    _logger.warning(
                        "listener_failed listener=%s event=%s error=%r",
                        getattr(listener, "__qualname__", type(listener).__qualname__),
                        type(event).__name__,
                        error,
                    )

    return listen
