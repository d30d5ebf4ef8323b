"""Working some items ahead, in a thread."""

from __future__ import annotations

import queue
import threading
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
AHEAD = 2
"""Items that wait to be taken. They come several at a time: with one, the caller would wait for
the next ones to be made."""


class _Ahead(Generic[T]):
    """Makes items in a thread while the caller works on the one before."""

    def __init__(self, items: Callable[[], AbstractContextManager[Iterator[T]]]) -> None:
        self._items = items
        self._stopped = threading.Event()
        self._ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(maxsize=AHEAD)
        self._thread = threading.Thread(target=self._run, name="batch_ops-reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, and wait until it has let go of what it holds."""
        self._stopped.set()
        while self._thread.is_alive():
            self._drain()
            self._thread.join(0.05)

    def __iter__(self) -> Iterator[T]:
        while True:
            item, error = self._ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item

    def _run(self) -> None:
        try:
            with self._items() as items:
                for item in items:
                    if not self._put(item, None):
                        return
        except BaseException as error:  # raised again where the items are taken
            self._put(None, error)
        else:
            self._put(None, None)

    def _put(self, item: T | None, error: BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._ready.put((item, error), timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def _drain(self) -> None:
        try:
            self._ready.get_nowait()
        except queue.Empty:
            return


@contextmanager
def ahead(items: Callable[[], AbstractContextManager[Iterator[T]]]) -> Iterator[Iterator[T]]:
    """The items of a context, made ahead in a thread.

    Leaving the context stops the thread, also on errors and interrupts; an error of the thread is
    raised where its item would have come.
    """
    worker = _Ahead(items)
    worker.start()
    try:
        yield iter(worker)
    finally:
        worker.stop()
