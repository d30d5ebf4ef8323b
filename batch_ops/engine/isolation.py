"""Finding the rows a database refuses, without losing a good neighbour."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import Fault, FaultKind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect

SINGLY = 8
"""Spans of so few rows are tried row by row: halving them would cost more statements."""

T = TypeVar("T")
Run = Callable[[int, int], T]
"""Does the rows from one place (from 0) to before another."""


def isolate(
    connection: Connection, run: Run[T], rows: int, dialect: Dialect
) -> tuple[list[T], list[tuple[int, Fault]]]:
    """Run a statement over sorted rows, halving what fails, each part in a savepoint.

    Deferred constraints are judged at once, so that a violation shows in its own part.

    Returns:
        What the parts gave, and the place of each refused row with what the database said.
    """
    dialect.immediate_constraints(connection)
    done: list[T] = []
    refused: list[tuple[int, Fault]] = []
    spans = [(0, rows)]
    while spans:
        start, stop = spans.pop()
        if start == stop:
            continue
        fault = _attempt(connection, run, start, stop, dialect, done)
        if fault is None:
            continue
        if stop - start == 1:
            refused.append((start, fault))
        else:
            spans.extend(reversed(_parts(start, stop)))
    return done, refused


def _parts(start: int, stop: int) -> list[tuple[int, int]]:
    if stop - start <= SINGLY:
        return [(i, i + 1) for i in range(start, stop)]
    middle = (start + stop) // 2
    return [(start, middle), (middle, stop)]


def _attempt(
    connection: Connection, run: Run[T], start: int, stop: int, dialect: Dialect, done: list[T]
) -> Fault | None:
    try:
        with connection.begin_nested():
            done.append(run(start, stop))
    except DBAPIError as error:
        fault = dialect.fault(error)
        if fault.kind is not FaultKind.ROW:
            raise
        return fault
    return None
