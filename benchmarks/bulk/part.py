"""The part `bulk`: all that is measured of the Python door."""

from __future__ import annotations

import gc
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bulk import bad, lanes, streams
from benchmarks.bulk.by_django import Django
from benchmarks.bulk.by_hand import ByPsycopg, BySQLite3
from benchmarks.bulk.by_pandas import Pandas
from benchmarks.bulk.by_sqlalchemy import ORM, Core
from benchmarks.bulk.cases import WORKS
from benchmarks.bulk.figures import BadRows, Lanes, Race
from benchmarks.bulk.ours import Ours
from benchmarks.bulk.places import Filled, OnPostgreSQL, OnSQLite
from benchmarks.bulk.race import race
from benchmarks.measure import Peak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.bulk.places import Place
    from benchmarks.server import Server

Measured = Race | Lanes | BadRows | Peak
PEERS = (Core, ORM, Pandas, Django)
BY_HAND = {"PostgreSQL": ByPsycopg, "SQLite": BySQLite3}
BARS: dict[str, dict[str, float]] = {
    "limit": {"PostgreSQL": 1.5},
    "two connections": {"PostgreSQL": 1 / 1.5},
    "bad rows": {"PostgreSQL": 2.5, "SQLite": 1.5},
    "memory": {"PostgreSQL": 60},
}
"""Ratios, and MB over the imports. SQLite's limit is only told; peers are a bar on both."""
MOST = 100_000
"""Of so many rows a call is at most, where nothing else is said: each peer does the same work."""
STREAMED = {"create": 5, "lookup": 1}
"""So many times the rows of the other works."""


def bulk(
    server: Server, size: int, repetitions: int, *, works: Sequence[str] = (), peers: bool = True
) -> Iterator[Measured]:
    """Measure the Python door.

    works: only what has one of these texts in its title; peers: whether they are measured, too.
    """
    with ExitStack() as stack:
        gc.freeze()  # what was imported is not looked at again, whoever is measured
        stack.callback(gc.unfreeze)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batch-ops-bench-")))
        for place in (OnPostgreSQL(server), OnSQLite(folder)):
            filled = Filled(place, stack)
            for title, measure in _parts(place, filled, size, repetitions, peers=peers):
                if not works or any(text in title for text in works):
                    yield measure()


def _parts(
    place: Place, filled: Filled, size: int, repetitions: int, *, peers: bool
) -> Iterator[tuple[str, Callable[[], Measured]]]:
    """All that can be measured on a kind of database, with its title."""
    here, often, few = (place, filled), repetitions, min(size, MOST)
    for work in WORKS:
        sides = (BY_HAND[place.name], Ours, *(PEERS if peers else ()))
        bar = BARS["limit"].get(place.name)
        yield f"{work.title}, {place.name}", partial(race, *here, work, sides, few, often, bar)
    if bar := BARS["two connections"].get(place.name):
        yield f"{lanes.TITLE}, {place.name}", partial(lanes.lanes, *here, size, often, bar)
    for kind in bad.KINDS:
        bar = BARS["bad rows"][place.name]
        yield f"{kind}, {place.name}", partial(bad.bad_rows, *here, kind, few, often, bar)
    if bar := BARS["memory"].get(place.name):
        for what, times in STREAMED.items():
            measure = partial(streams.peak, *here, what, times * size, bar)
            yield f"{streams.TITLES[what]}, {place.name}", measure
