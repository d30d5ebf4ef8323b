"""Telling people of an execution's end, through channels: mail, chat, web hooks.

A receiver that is down delays nothing and fails nothing: each letter is sent by a thread of its
own, which is waited for a few seconds at the end and no longer.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from batch_ops.errors import without_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.observers.letters import Letter

TIMEOUT_VARIABLE = "BATCH_OPS_NOTIFY_TIMEOUT"
TIMEOUT_S = 5.0
NO_ADDRESS = "the channel has no address"
_SECRET_FROM = 3
"""Parts of an address that are shorter say nothing, and would tear other words apart."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a letter on one channel; `error` says why it did not arrive."""

    event: str
    channel: str
    sent_at: datetime
    error: str | None = None

    @property
    def success(self) -> bool:
        return self.error is None


class Post:
    """The letters of one execution under way.

    Args:
        timeout: seconds that all receivers together are waited for; None: five, or what
            BATCH_OPS_NOTIFY_TIMEOUT says.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self._left = _timeout() if timeout is None else timeout
        self._sent: list[_Sent] = []

    def send(self, letter: Letter, channel: str, address: str | None) -> None:
        """Send a letter on a channel, without waiting; `address` is an apprise URL."""
        sent = _Sent(letter, channel, address)
        self._sent.append(sent)
        sent.start()

    def settle(self, share: float = 1.0) -> list[Delivery]:
        """What became of the letters sent since it was last asked.

        Args:
            share: of the time that is left, how much may be waited.
        """
        began = time.monotonic()
        settled = [sent.delivery(began + self._left * share) for sent in self._sent]
        self._left = max(self._left - (time.monotonic() - began), 0.0)
        self._sent.clear()
        return settled


@dataclass
class _Sent:
    """A letter on its way."""

    letter: Letter
    channel: str
    address: str | None
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)
    _error: str | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        if self.address is None:
            self._error = NO_ADDRESS
            return
        self._thread = threading.Thread(
            target=self._carry, args=(self.address,), name=f"notify-{self.channel}", daemon=True
        )
        self._thread.start()

    def _carry(self, address: str) -> None:
        try:
            self._error = _send(address, self.letter)
        except Exception as error:
            self._error = hide(f"{type(error).__name__}: {error}", address)

    def delivery(self, deadline: float) -> Delivery:
        error = self._error
        if self._thread is not None:
            self._thread.join(max(deadline - time.monotonic(), 0))
            waited = time.monotonic() - self._began
            lost = f"the receiver had not answered after {waited:.1f} s"
            error = lost if self._thread.is_alive() else self._error
        return Delivery(self.letter.event, self.channel, self.sent_at, error)


def _send(address: str, letter: Letter) -> str | None:
    """What kept the letter from arriving; None: it arrived.

    The service is asked itself: apprise's own threads would keep the process from ending.
    """
    import apprise

    with _overheard() as said:
        service = apprise.Apprise.instantiate(address)
        if service is None:
            return f"the address ({scheme(address)}) is none that can be sent to"
        body_format = apprise.NotifyFormat.TEXT
        arrived = service.notify(title=letter.title, body=letter.body, body_format=body_format)
    if arrived:
        return None
    return hide("; ".join(said), address) or "the receiver did not take it"


class _Overhearing(logging.Handler):
    """Keeps what is logged in the thread that made it."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said, self._thread = said, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._said.append(record.getMessage().strip())


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What apprise says in this thread; it is not logged elsewhere, for it quotes addresses."""
    logger, said = logging.getLogger("apprise"), list[str]()
    handler = _Overhearing(said)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


def scheme(address: str) -> str:
    """All of an address that may be shown: `mailto`, `json`, `slack` …"""
    return address.partition("://")[0]


def hide(text: str, address: str) -> str:
    """A text without any part of an address but its scheme: hosts and paths may be tokens."""
    parts = re.split(r"[/?&=@:#;,]+", address.partition("://")[2])
    for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
        if len(part) >= _SECRET_FROM:
            text = text.replace(part, "***")
    return without_passwords(text)


def _timeout() -> float:
    said = os.environ.get(TIMEOUT_VARIABLE, "")
    return float(said) if re.fullmatch(r"\d{1,4}(\.\d+)?", said) else TIMEOUT_S
