"""Finding the rows a database refuses, without losing a good neighbour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import Fault, FaultKind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.values import Key

SINGLY = 8
"""Spans of so few rows are tried row by row: halving them would cost more statements."""

Run = Callable[["Key | None", "Key"], int]


def isolate(
    connection: Connection,
    run: Run,
    lower: Key | None,
    keys: Sequence[Key],
    dialect: Dialect,
) -> tuple[int, list[tuple[Key, Fault]]]:
    """Run a range statement over sorted keys, halving what fails, each part in a savepoint.

    Deferred constraints are judged at once, so that a violation shows in its own part.

    Returns:
        How many rows were done, and each refused key with what the database said.
    """
    dialect.immediate_constraints(connection)
    done, refused = 0, []
    spans = [(0, len(keys))]
    while spans:
        start, stop = spans.pop()
        if start == stop:
            continue
        before = keys[start - 1] if start else lower
        fault, rows = _attempt(connection, run, before, keys[stop - 1], dialect)
        if fault is None:
            done += rows
        elif stop - start == 1:
            refused.append((keys[start], fault))
        else:
            spans.extend(reversed(_parts(start, stop)))
    return done, refused


def _parts(start: int, stop: int) -> list[tuple[int, int]]:
    if stop - start <= SINGLY:
        return [(i, i + 1) for i in range(start, stop)]
    middle = (start + stop) // 2
    return [(start, middle), (middle, stop)]


def _attempt(
    connection: Connection, run: Run, lower: Key | None, upper: Key, dialect: Dialect
) -> tuple[Fault | None, int]:
    try:
        with connection.begin_nested():
            return None, run(lower, upper)
    except DBAPIError as error:
        fault = dialect.fault(error)
        if fault.kind is not FaultKind.ROW:
            raise
        return fault, 0
