"""Ctrl-C and its kind: the first one ends in order, the second one at once."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

INTERRUPTED = 130
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_FIRST = b"\nInterrupted: the batch at work is ended first. Ctrl-C again: at once.\n"
_SECOND = b"\nStopped at once. What was committed stays; `batch-ops resume` goes on.\n"
_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def orderly() -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt; the second one ends the process.

    A signal that the parent told us to ignore (`nohup`) stays ignored.
    """
    taken = {n: signal.signal(n, _first) for n in SIGNALS if signal.getsignal(n) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, before in taken.items():
            signal.signal(number, before)


def _first(_number: int, _frame: FrameType | None) -> None:
    for each in SIGNALS:
        if signal.getsignal(each) == _first:
            signal.signal(each, _second)
    _tell(_FIRST)
    raise KeyboardInterrupt


def _second(_number: int, _frame: FrameType | None) -> None:
    _tell(_SECOND + (_SHOW_CURSOR if sys.stderr.isatty() else b""))
    os._exit(INTERRUPTED)


def _tell(text: bytes) -> None:
    try:
        os.write(2, text)
    except OSError:
        return
