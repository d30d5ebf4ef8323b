"""What a command says, and where: results on stdout, all else on stderr."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console

from batch_ops.errors import without_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from batch_ops.cli.options import Common

WITHOUT_TERMINAL = 120


class Pipe(Console):
    """A console that tells when nobody reads any more, instead of ending the process."""

    def on_broken_pipe(self) -> None:
        """Leave the BrokenPipeError to the caller."""
        raise BrokenPipeError


class Say:
    """The two streams of a command.

    Attributes:
        common: --json, --quiet, --debug.
        out: stdout, for a person.
        err: stderr.
    """

    def __init__(self, common: Common) -> None:
        self.common = common
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    def print(self, *told: RenderableType, soft_wrap: bool = False) -> None:
        """The answer for a person, on stdout; not with --json."""
        if not self.common.json:
            for part in told:
                self.out.print(part, soft_wrap=soft_wrap)

    def note(self, told: RenderableType) -> None:
        """For a person, on stderr; not with --quiet."""
        if not self.common.quiet:
            self.err.print(told)

    def data(self, found: Any) -> None:
        """The one JSON object on stdout, when --json is given."""
        if self.common.json:
            self.text(without_passwords(as_json(found)))

    def text(self, text: str) -> None:
        """Text for another program on stdout, as it is, with a line end."""
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()


def as_json(found: Any) -> str:
    """One object on one line; dates in ISO form, what JSON does not know as text."""
    return orjson.dumps(found, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


@contextmanager
def pipe_may_close() -> Iterator[None]:
    """Quiet when the reader of stdout went away (`batch-ops errors … | head`)."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _console(*, stderr: bool) -> Pipe:
    console = Pipe(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WITHOUT_TERMINAL
    return console
