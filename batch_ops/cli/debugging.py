"""Tracebacks for --debug, without what a database says: it quotes values of rows."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"


def traceback_of(error: BaseException | None) -> str:
    """As Python prints it; of an error of a database its class alone."""
    chain = list(_chain(error))
    databases = _of_databases(chain)
    told = ""
    for link, each in reversed(chain):
        frames = "".join(traceback.format_tb(each.__traceback__))
        name = f"{type(each).__module__}.{type(each).__qualname__}"
        words = "" if id(each) in databases or not str(each) else f": {each}"
        told += f"Traceback (most recent call last):\n{frames}{name}{words}\n{link}"
    return told.rstrip()


def _chain(error: BaseException | None) -> Iterator[tuple[str, BaseException]]:
    """An error and what is behind it, each with what links it to the one before."""
    link, seen = "", set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield link, error
        link = CAUSED if error.__cause__ is not None else DURING
        hidden = error.__cause__ is None and error.__suppress_context__
        error = None if hidden else error.__cause__ or error.__context__


def _of_databases(chain: list[tuple[str, BaseException]]) -> set[int]:
    """Errors of SQLAlchemy's and of the drivers below it."""
    from sqlalchemy.exc import DBAPIError

    found = [error for _, error in chain if isinstance(error, DBAPIError)]
    return {id(error) for error in found} | {id(error.orig) for error in found}
