"""Ranges of a table's key, found by counting the keys that qualify: one scan, no arithmetic.

A large table is walked by several connections, each over its own part of the key's range; where
two parts meet, a chunk ends.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.database.under_way import UnderWay
from batch_ops.database.values import dump_key
from batch_ops.planning.chunks import PlannedChunk, cut, spacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database import Database
    from batch_ops.database.statements import Target
    from batch_ops.database.values import Key
    from batch_ops.database.walk import Boundary


@dataclass(frozen=True, slots=True)
class KeysetPlan:
    """The chunks of a step over a table, and how many rows qualified when it was planned."""

    rows: int
    chunks: tuple[PlannedChunk, ...]


@dataclass(frozen=True, slots=True)
class Walked:
    """Each so-many-th qualifying key of a range and the last, encoded; and how many rows it has."""

    boundaries: tuple[str, ...]
    rows: int


def plan_keyset(
    database: Database, target: Target, *, batch_size: int, chunk_rows: int, walkers: int = 1
) -> KeysetPlan:
    """Find the chunks of all rows the target's predicate matches now; the last key is the bound.

    walkers: how many connections may count at once, each over a part of a large table.
    """
    every = spacing(batch_size, chunk_rows)
    parts = _Walkers(database, target, every).walk(walkers)
    chunks = cut([(part.boundaries, part.rows) for part in parts], every, chunk_rows)
    return KeysetPlan(sum(part.rows for part in parts), tuple(chunks))


def boundaries_between(
    connection: Connection,
    target: Target,
    lower: Key | None,
    upper: Key | None,
    every: int,
    stop: threading.Event | None = None,
) -> Walked:
    """Walk the qualifying keys in `(lower, upper]`; given up at a boundary once `stop` is set."""
    query, parameters = target.keys(lower, upper)
    found: list[Boundary] = []
    with closing(target.dialect.boundaries(connection, query, parameters, every)) as walk:
        for boundary in walk:
            found.append(boundary)
            if stop is not None and stop.is_set():
                break
    return Walked(tuple(dump_key(key) for _, key in found), found[-1][0] if found else 0)


class _Walkers:
    """Threads that count the parts of a table, the first part in the calling one."""

    def __init__(self, database: Database, target: Target, every: int) -> None:
        self._database, self._target, self._every = database, target, every
        self._stop = threading.Event()
        self._under_way = UnderWay(database.dialect, database.engine)

    def walk(self, walkers: int) -> list[Walked]:
        seams = self._seams(walkers)
        ranges = list(zip([None, *seams], [*seams, None], strict=True))
        try:
            others = [self._begin(lower, upper) for lower, upper in ranges[1:]]
            return [self._part(*ranges[0]), *(other.result() for other in others)]
        except BaseException:
            self._stop.set()
            self._under_way.break_off()  # nobody waits for the others any more
            raise

    def _seams(self, walkers: int) -> Sequence[Key]:
        if walkers == 1:
            return []
        with self._database.reading() as connection:
            return self._target.dialect.seams(connection, self._target.table, walkers)

    def _begin(self, lower: Key | None, upper: Key | None) -> Future[Walked]:
        future: Future[Walked] = Future()

        def walk() -> None:
            try:
                future.set_result(self._part(lower, upper))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=walk, name="walker", daemon=True).start()
        return future

    def _part(self, lower: Key | None, upper: Key | None) -> Walked:
        database, mine = self._database, self._under_way
        with (
            database.reading() as connection,
            database.breakable(connection),
            mine.among(connection),
        ):
            return boundaries_between(
                connection, self._target, lower, upper, self._every, self._stop
            )
