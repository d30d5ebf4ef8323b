"""Receivers of notifications: a mail server and a web hook that keep what they get, and one that
never answers.
"""

from __future__ import annotations

import email
import json
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


@dataclass
class Received:
    """What arrived, as (title, text), and where it is sent to."""

    address: str = ""
    letters: list[tuple[str, str]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [title for title, _ in self.letters]

    def __str__(self) -> str:
        return "\n".join(f"{title}\n{text}" for title, text in self.letters)


@contextmanager
def mail_server() -> Iterator[Received]:
    """An SMTP server; the apprise URL of a mail through it."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 sink")
            while line := self.rfile.readline().decode().strip().upper():
                if line == "DATA":
                    self.take()
                else:
                    self.say("221 bye" if line == "QUIT" else "250 sink")

        def take(self) -> None:
            self.say("354 go on")
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b"."))
            found: EmailMessage = email.message_from_bytes(b"".join(lines), policy=policy.default)
            received.letters.append((str(found["Subject"]), found.get_content().strip()))
            self.say("250 sink")

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        received.address = f"mailto://127.0.0.1:{port}?from=ops@example.org&to=ann@example.org"
        yield received


@contextmanager
def web_hook(status: int = 200) -> Iterator[Received]:
    """An HTTP server that answers with `status`; the apprise URL of a JSON message to it."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            found: dict[str, Any] = json.loads(self.rfile.read(length))
            received.letters.append((found["title"], found["message"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with _serving(HTTPServer(("127.0.0.1", 0), Handler)) as port:
        received.address = f"json://ops:hunter2@127.0.0.1:{port}/s3cret-path"
        yield received


@contextmanager
def hanging() -> Iterator[str]:
    """A server that takes a connection and says nothing: the apprise URL of a web hook there."""
    ended = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            ended.wait(60)

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"json://ops:hunter2@127.0.0.1:{port}/s3cret-path"
        ended.set()


@contextmanager
def refusing() -> Iterator[str]:
    """A port nobody listens on: the apprise URL of a web hook there."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as closed:
        port = closed.server_address[1]
    yield f"json://ops:hunter2@127.0.0.1:{port}/s3cret-path"


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    if isinstance(server, socketserver.ThreadingTCPServer):
        server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
