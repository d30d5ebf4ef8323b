"""Ctrl-C and its kind: the first one ends in order, the second one breaks off what databases are
doing, the third one ends the process.

Python calls a handler between two steps of the main thread alone, and that may be within a
database's library for minutes. So signals are also told to a thread of ours, through a socket.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

INTERRUPTED = 130
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
AGAIN_EVERY_S = 0.2
"""What is begun in the place of a statement that was broken off is broken off soon, too."""
_FIRST = b"\nInterrupted: the batch at work is ended first. Ctrl-C again: it is rolled back.\n"
_SECOND = b"\nThe batch at work is rolled back. Ctrl-C again: the process ends as it stands.\n"
_THIRD = b"\nEnded at once. What was committed stays; `batch-ops resume` goes on.\n"
_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def orderly(break_off: Callable[[], None]) -> Iterator[None]:
    """Inside, the first SIGINT, SIGTERM or SIGHUP raises KeyboardInterrupt in the main thread; from
    the second one on `break_off` is called until the block is left, in another thread; the third
    one ends the process.

    A signal that the parent told us to ignore (`nohup`) stays ignored.
    """
    with _Interrupts(break_off).listening() as interrupts:
        taken = {
            number: signal.signal(number, interrupts.raise_once)
            for number in SIGNALS
            if signal.getsignal(number) != signal.SIG_IGN
        }
        try:
            yield
        finally:
            for number, before in taken.items():
                signal.signal(number, before)


class _Interrupts:
    """Counts signals, wherever the main thread is."""

    def __init__(self, break_off: Callable[[], None]) -> None:
        self._break_off = break_off
        self._ended = threading.Event()
        self._raised = False

    def raise_once(self, _number: int, _frame: FrameType | None) -> None:
        """The handler, which is called in the main thread, however late."""
        if not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    @contextmanager
    def listening(self) -> Iterator[_Interrupts]:
        """While the block lasts, a thread is told of each signal as it comes."""
        inlet, outlet = socket.socketpair()
        inlet.setblocking(False)
        before = signal.set_wakeup_fd(inlet.fileno(), warn_on_full_buffer=False)
        listener = _started("signals", self._listen, outlet)
        try:
            yield self
        finally:
            self._ended.set()
            signal.set_wakeup_fd(before)
            inlet.close()
            listener.join()
            outlet.close()

    def _listen(self, outlet: socket.socket) -> None:
        seen = 0
        while told := outlet.recv(64):
            for _ in filter(SIGNALS.__contains__, told):
                seen += 1
                self._meet(seen)

    def _meet(self, seen: int) -> None:
        if seen == 1:
            _tell(_FIRST)
        elif seen == 2:
            _tell(_SECOND)
            _started("breaking", self._go_on_breaking)
        else:
            _tell(_THIRD + (_SHOW_CURSOR if sys.stderr.isatty() else b""))
            os._exit(INTERRUPTED)

    def _go_on_breaking(self) -> None:
        while not self._ended.is_set():
            self._break_off()
            self._ended.wait(AGAIN_EVERY_S)


def _started(name: str, work: Callable[..., None], *args: Any) -> threading.Thread:
    thread = threading.Thread(target=work, args=args, name=name, daemon=True)
    thread.start()
    return thread


def _tell(text: bytes) -> None:
    try:
        os.write(2, text)
    except OSError:
        return
