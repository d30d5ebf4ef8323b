"""One work done by every side that can, in turn, each on a fresh copy of the same database."""

from __future__ import annotations

import gc
import time
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy.exc import SAWarning

from benchmarks.bulk.figures import LIMIT, Lane, Race
from benchmarks.bulk.places import sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.bulk.cases import Case, Work
    from benchmarks.bulk.places import Filled, Place
    from benchmarks.bulk.sides import Side

TENTH = 10
"""What a slow peer is given of the rows."""
FEW = 200
"""Rows of the work that is done before anything is measured: what is imported late is there."""


def race(
    place: Place,
    filled: Filled,
    work: Work,
    sides: Sequence[type[Side]],
    size: int,
    repetitions: int,
    bar: float | None,
) -> Race:
    """Measure every side that can; which one begins changes with the repetition."""
    able = [side for side in sides if side.can(work.method)]
    if size > 10 * FEW:
        race(place, filled, work, sides, FEW, 1, None)
    sizes = {side.name: size // TENTH if work.method in side.slow else size for side in able}
    made = {one: work.case(one) for one in set(sizes.values())}
    cases = {name: made[one] for name, one in sizes.items()}
    lanes = {name: Lane(case.rows) for name, case in cases.items()}
    for number in range(repetitions):
        for side in able[:: -1 if number % 2 else 1]:
            seconds = timed(place, filled, work.method, cases[side.name], side)
            lanes[side.name].seconds.append(seconds)
    limit, rows = work.limits[place.name], lanes[LIMIT].rows
    return Race(f"{work.title}, {place.name}", rows, limit, bar, work.alike, lanes)


def timed(place: Place, filled: Filled, method: str, case: Case, side: type[Side]) -> float:
    """One side's seconds from the call to the commit; its result is counted and must be right."""
    with place.copy(filled(case.tables, case.before)) as url, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # SQLite has no decimals: it is known
        with closing(side(url)) as one:
            way = one.way(method)
            gc.collect()
            began = time.perf_counter()
            answer = way(case.given)
            seconds = time.perf_counter() - began
            one.check(case, answer)
        _check(place, url, case, side.name)
    return seconds


def _check(place: Place, url: str, case: Case, name: str) -> None:
    told = sums(place, url)
    assert told == case.after, f"{name}: {told}, not {case.after}"
    for query, expected in case.also.items():
        assert place.ask(url, query) == expected, f"{name}: {query}"
