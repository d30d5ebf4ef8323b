"""How errors look: what happened, what state the data is in, what to do next."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from batch_ops.errors import (
    BatchOpsError,
    EngineFault,
    ExecutionError,
    UsageError,
    without_passwords,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cyclopts import CycloptsError
    from rich.console import Console

    from batch_ops.errors import Location

SHOWN = 68


def show(console: Console, error: BatchOpsError) -> None:
    """Print an error in the one form; without a terminal no line is broken."""
    lead, *rest = without_passwords(error.what).splitlines() or [""]
    _print(console, Text.assemble(("error: ", "bold red"), (lead, "red")), 0)
    _print_all(console, map(Text, rest))
    _print_all(console, place(error.location))
    _print_all(console, [Text(without_passwords(part)) for part in (error.state, error.todo)])


def _print_all(console: Console, parts: Iterable[Text]) -> None:
    for part in parts:
        if part:
            _print(console, part, 2)


def _print(console: Console, text: Text, indent: int) -> None:
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent), expand=False))
    else:
        console.print(Text(" " * indent) + text, soft_wrap=True)


def place(location: Location | None) -> list[Text]:
    """`file:line:column`, and the line with a caret below the offending text."""
    if location is None:
        return []
    where = f"{location.file}:{location.line}:{location.column}" if location.line else location.file
    line = _line_of(location) if location.line and not location.secret else None
    if line is None or location.column < 1:
        return [Text(where, style="cyan")]
    begin = max(0, location.column - 1 - SHOWN // 2) if len(line) > SHOWN else 0
    number = str(location.line)
    under = " " * (len(number) + 3 + location.column - 1 - begin) + "^" * _width(location, line)
    return [
        Text(where, style="cyan"),
        Text.assemble((f"{number} | ", "dim"), line[begin : begin + SHOWN]),
        Text(under[: len(number) + 3 + SHOWN], style="bold red"),
    ]


def unexpected(error: Exception) -> BatchOpsError:
    """An exception that nobody caught: what the database says, else a bug of ours."""
    from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

    if not isinstance(error, DBAPIError):
        return bug(error)
    from batch_ops.database.faults import first_line

    quotes = isinstance(error, DataError | IntegrityError)
    said = f"{type(error).__name__} (its words may quote a row)" if quotes else first_line(error)
    todo = "`batch-ops status` tells how far it came; --debug shows where it happened."
    return ExecutionError(f"The database refused: {said}", todo=todo)


def bug(error: Exception) -> EngineFault:
    """An exception nobody expected, as an error of ours."""
    text = " ".join(str(error).split()) or "no text"
    return EngineFault(
        f"This is a bug in batch_ops: {type(error).__name__}: {text}",
        todo="Please report it, with what --debug shows. `batch-ops status` tells how far it came.",
    )


def usage(error: CycloptsError) -> UsageError:
    """A wrong command line, as an error of ours."""
    error.verbose = False
    name = " ".join(["batch-ops", *(error.command_chain or ())])
    what, near, known = _told(error, name)
    return UsageError(what, todo=near or known or f"`{name} --help` tells what there is.")


def _told(error: CycloptsError, name: str) -> tuple[str, str, str]:
    """What happened, the nearest right word, and what is known."""
    from cyclopts.exceptions import MissingArgumentError, UnusedCliTokensError

    if isinstance(error, MissingArgumentError) and error.argument is not None:
        wanted = error.keyword or error.argument.name
        lacks = "has no value" if wanted.startswith("-") else "is missing"
        return f"{wanted} {lacks}: {name} needs it.", "", ""
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"`{name}` does not take {error.unused_tokens[0]!r}.", "", ""
    what, _, known = " ".join(str(error).split()).partition(" Available commands: ")
    what, _, near = what.partition(" Did you mean ")
    return what, f"Did you mean {near}" if near else "", f"Known: {known}" if known else ""


def _line_of(location: Location) -> str | None:
    """The line of the file, or None where it cannot be read any more."""
    try:
        with Path(location.file).open(encoding="utf-8", errors="replace") as lines:
            found = next(islice(lines, location.line - 1, None), None)
    except OSError:
        return None
    return None if found is None else found.rstrip("\r\n").replace("\t", " ")


def _width(location: Location, line: str) -> int:
    offending = location.text.strip()
    stands = line[location.column - 1 :].startswith(offending)
    return len(offending) if offending and stands else 1
