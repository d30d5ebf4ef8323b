"""Processes that start in milliseconds, for tests that kill them.

A server process imports once what the children need, and forks a child for every call:

    with ForkServer(preload=["batch_ops"]) as server:
        child = server.run(some_importable_function, "argument", env={"BATCH_OPS_…": "…"})
        child.kill(signal.SIGKILL)
        child.wait()            # -9, as the shell would say it
        child.output            # what it wrote to stdout and stderr

The server has one thread, so that forking is safe; preload nothing that starts threads.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import os
import pickle
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

FAILED = 70


class ForkServer:
    """The client's side: starts the server, asks it for children, learns of their ends."""

    def __init__(self, preload: Iterable[str] = ()) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="batch-ops-fork-")
        self._changed = threading.Condition()
        self._started: dict[int, int] = {}
        self._ended: dict[int, int] = {}
        self._calls = 0
        self._gone = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *preload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        **kwargs: Any,
    ) -> Child:
        """Call an importable function in a child; its returned int (else 0) is the exit code.

        An exception ends the child with code 70 and its traceback in the output.
        """
        self._calls += 1
        call = self._calls
        output = Path(self._folder.name) / f"{call}.out"
        name = (function.__module__, function.__qualname__)
        # a server that has ended breaks the pipe; that is told below
        with contextlib.suppress(BrokenPipeError):
            _send(self._to_server, (call, name, args, kwargs, dict(env or {}), cwd, str(output)))
        with self._changed:
            self._changed.wait_for(lambda: self._gone or call in self._started, timeout=60)
            if call not in self._started:
                raise RuntimeError("the fork server has ended or does not answer; see its stderr")
            pid = self._started[call]
        return Child(pid, output, self)

    def close(self) -> None:
        """End the server; it kills what is left of its children."""
        with contextlib.suppress(BrokenPipeError):
            self._to_server.close()
        self._process.wait(timeout=10)
        self._reader.join(timeout=10)
        self._from_server.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def _to_server(self) -> Any:
        return self._process.stdin

    @property
    def _from_server(self) -> Any:
        return self._process.stdout

    def _listen(self) -> None:
        for line in self._from_server:
            word, first, second = line.split()
            with self._changed:
                known = self._started if word == b"started" else self._ended
                known[int(first)] = int(second)
                self._changed.notify_all()
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _exit_code(self, pid: int, timeout: float) -> int | None:
        with self._changed:
            self._changed.wait_for(lambda: pid in self._ended, timeout=timeout)
            return self._ended.get(pid)


@dataclass(frozen=True)
class Child:
    """A forked process."""

    pid: int
    output_file: Path
    server: ForkServer = field(repr=False)

    def poll(self) -> int | None:
        """The exit code, or None while it runs; minus the signal that ended it."""
        return self.server._exit_code(self.pid, 0)

    def wait(self, timeout: float = 60) -> int:
        """The exit code, when it has ended.

        Raises:
            TimeoutError: it still runs after `timeout` seconds; it is left running.
        """
        code = self.server._exit_code(self.pid, timeout)
        if code is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s:\n{self.output}")
        return code

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    @property
    def output(self) -> str:
        """What it wrote to stdout and stderr so far."""
        return self.output_file.read_text() if self.output_file.exists() else ""


def _send(stream: Any, message: Any) -> None:
    stream.write(base64.b64encode(pickle.dumps(message)) + b"\n")
    stream.flush()


def _serve(preload: list[str]) -> None:
    """The server's side: forks on request, reports ends, and kills its children at the end."""
    for name in preload:
        importlib.import_module(name)
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(waker)
    running: set[int] = set()
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.buffer.raw, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while _serve_once(selector, woken, running):
            pass
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _serve_once(selector: selectors.BaseSelector, woken: int, running: set[int]) -> bool:
    for key, _ in selector.select():
        if key.fd == woken:
            os.read(woken, 4096)
            _report_ends(running)
        else:
            line = _read_line(key.fd)
            if not line:
                return False
            running.add(_fork(pickle.loads(base64.b64decode(line))))
    return True


def _read_line(descriptor: int) -> bytes:
    """One line, unbuffered: what came after it stays for the selector to see."""
    parts: list[bytes] = []
    while True:
        part = os.read(descriptor, 1)
        if not part or part == b"\n":
            return b"".join(parts)
        parts.append(part)


def _report_ends(running: set[int]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            running.remove(pid)
            print("ended", pid, os.waitstatus_to_exitcode(status), flush=True)


def _fork(request: tuple[Any, ...]) -> int:
    call, *rest = request
    pid = os.fork()
    if pid == 0:
        _be_child(*rest)
    print("started", call, pid, flush=True)
    return pid


def _be_child(
    name: tuple[str, str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    env: dict[str, str],
    cwd: str | None,
    output: str,
) -> None:
    """Become the process that was asked for. Never returns."""
    _leave_the_server(output)
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    code = FAILED
    try:
        target: Any = importlib.import_module(name[0])
        for part in name[1].split("."):
            target = getattr(target, part)
        returned = target(*args, **kwargs)
        code = returned if isinstance(returned, int) else 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # a child must never go on as a second server
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _leave_the_server(output: str) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)


if __name__ == "__main__":
    _serve(sys.argv[1:])
