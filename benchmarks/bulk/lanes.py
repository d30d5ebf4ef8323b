"""What a second connection brings."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from batch_ops import BatchTable
from benchmarks.bulk import cases, rows
from benchmarks.bulk.figures import Lanes
from benchmarks.bulk.places import sums

if TYPE_CHECKING:
    from benchmarks.bulk.places import Filled, Place

WARM = 1_000
"""Rows of the call before, so that what is imported late is there."""
TITLE = "create from dicts, two connections"


def lanes(place: Place, filled: Filled, size: int, repetitions: int, bar: float) -> Lanes:
    """Create the same rows over one connection and over two, in turn."""
    measured = Lanes(f"{TITLE}, {place.name}", size, bar)
    if size > WARM:
        lanes(place, filled, WARM, 1, bar)
    given = list(rows.accounts(range(1, size + 1)))
    expected = rows.sums(given)
    for _ in range(repetitions):
        for count, seconds in ((1, measured.one), (2, measured.two)):
            seconds.append(_seconds(place, filled(cases.PLAIN, range(0)), given, count, expected))
    return measured


def _seconds(
    place: Place, empty: str, given: list[rows.Row], count: int, expected: dict[str, int]
) -> float:
    with place.copy(empty) as url:
        table = BatchTable(url, "accounts")
        table.get_many([0])
        gc.collect()
        began = time.perf_counter()
        result = table.create_many(given, atomic=False, max_concurrency=count)
        seconds = time.perf_counter() - began
        table.close()
        assert result.stats.created == len(given), result
        assert sums(place, url) == expected, result
    return seconds
