"""A server between us and PostgreSQL that cuts connections when a transaction is committed."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

COMMIT = b"COMMIT\0"


class Proxy:
    """Hands on bytes between clients on a port and a server's socket.

    At the n-th COMMIT since it was armed the client is cut off. `deliver` says what becomes of the
    COMMIT: None: the server never sees it; seconds: it does, so much later.
    """

    def __init__(self, server: Path, at: int, deliver: float | None) -> None:
        self._server, self._at, self._deliver = server, at, deliver
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self.armed = False
        self._commits = 0
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self._server))
        with client, server, suppress(OSError), selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65_536)
                    if key.fileobj is client and self._cuts(data):
                        self._cut(client, server, data)
                        return
                    if not data:
                        return
                    key.data.sendall(data)

    def _cuts(self, data: bytes) -> bool:
        if not self.armed or COMMIT not in data:
            return False
        with self._lock:
            self._commits += 1
            return self._commits == self._at

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        client.close()
        self.cuts += 1
        if self._deliver is None:
            return
        time.sleep(self._deliver)
        server.sendall(data)
        server.recv(65_536)  # its answer, which nobody hears
