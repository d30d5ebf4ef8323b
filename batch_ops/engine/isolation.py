"""Finding the rows a database refuses, without losing a good neighbour."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import EXCLUSION, FOREIGN_KEY, UNIQUE, Fault, FaultKind
from batch_ops.database.halving import parts
from batch_ops.database.savepoints import Savepoint
from batch_ops.faultpoints import Point, reached

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table

T = TypeVar("T")
Run = Callable[[int, int], T]
"""Does the rows from one place (from 0) to before another."""
Refused = list[tuple[int, Fault]]


def held_up_by_others(table: Table, *, changes: bool) -> frozenset[str]:
    """The codes of refusals that may be for another row of the batch, which is not yet done: the
    row it refers to, or that refers to it; the value it is to have.

    changes: whether rows that are there get other values.
    """
    found = {FOREIGN_KEY} if table.refers_to_itself else set()
    return frozenset(found | ({UNIQUE, EXCLUSION} if changes else set()))


def isolate(
    connection: Connection,
    run: Run[T],
    rows: int,
    dialect: Dialect,
    held_up: Collection[str] = (),
    at_once: Callable[[], tuple[list[T], Refused] | None] = lambda: None,
) -> tuple[list[T], Refused]:
    """Run a statement over sorted rows, halving what fails, each part in a savepoint.

    Deferred constraints are judged at once, so that a violation shows in its own part. What is
    refused with one of the codes `held_up` is tried again when the others are done.

    at_once: does the halving elsewhere, where that can be.

    Returns:
        What the parts gave, and the place of each refused row with what the database said.

    Raises:
        DBAPIError: no row's fault; or one that has ended the transaction.
    """
    dialect.immediate_constraints(connection)
    done, refused = at_once() or _halved(connection, run, rows, dialect)
    waiting = [each for each in refused if each[1].code in held_up]
    if not waiting:
        return done, refused
    left = dict(_again(connection, run, waiting, dialect, done))
    came_through = {place for place, _ in waiting} - left.keys()
    return done, [(at, left.get(at, fault)) for at, fault in refused if at not in came_through]


def _halved(
    connection: Connection, run: Run[T], rows: int, dialect: Dialect
) -> tuple[list[T], Refused]:
    done: list[T] = []
    refused: Refused = []
    spans = [(0, rows)]
    while spans:
        start, stop = spans.pop()
        reached(Point.ISOLATING)
        if start == stop:
            continue
        fault = _attempt(connection, run, start, stop, dialect, done)
        if fault is None:
            continue
        if stop - start == 1:
            refused.append((start, fault))
        else:
            spans.extend(reversed(parts(start, stop)))
    return done, refused


def _again(
    connection: Connection, run: Run[T], waiting: Refused, dialect: Dialect, done: list[T]
) -> Refused:
    """Single rows, from the last one on, as long as some come through; then all of them together,
    where constraints can wait.
    """
    left, before = waiting, len(waiting) + 1
    while 0 < len(left) < before:
        before = len(left)
        tried = [
            (place, _attempt(connection, run, place, place + 1, dialect, done))
            for place, _ in reversed(left)
        ]
        left = [(place, fault) for place, fault in reversed(tried) if fault is not None]
    return [] if _together(connection, run, left, dialect, done) else left


def _together(
    connection: Connection, run: Run[T], left: Refused, dialect: Dialect, done: list[T]
) -> bool:
    """Whether rows that fail alone come through together: two that swap a value, or refer to each
    other.
    """
    if len(left) < 2 or not dialect.can_defer:
        return False
    savepoint = Savepoint(connection)
    try:
        dialect.defer_constraints(connection)
        found = [run(place, place + 1) for place, _ in left]
        dialect.immediate_constraints(connection)
        savepoint.release()
    except DBAPIError as error:
        if not savepoint.undone() or dialect.fault(error).kind is not FaultKind.ROW:
            raise
        dialect.immediate_constraints(connection)
        return False
    done += found
    return True


def _attempt(
    connection: Connection, run: Run[T], start: int, stop: int, dialect: Dialect, done: list[T]
) -> Fault | None:
    return refusal(connection, dialect, lambda: done.append(run(start, stop)))


def refusal(
    connection: Connection, dialect: Dialect, run: Callable[[], object], *, keep: bool = True
) -> Fault | None:
    """What the database says where it refuses a row: then nothing was done; None: it was.

    keep: what was done stays; else it is undone, too.

    Raises:
        DBAPIError: no row's fault; or one that has ended the transaction.
    """
    savepoint = Savepoint(connection)
    try:
        run()
        if keep:
            savepoint.release()
    except DBAPIError as error:
        fault = dialect.fault(error)
        if not savepoint.undone() or fault.kind is not FaultKind.ROW:
            raise
        return fault
    if not keep:
        savepoint.undone()
    return None
