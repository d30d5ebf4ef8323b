"""What bad rows cost: how much longer a call takes that refuses them and creates the others."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops import BatchTable
from benchmarks.accounts import COUNTRIES
from benchmarks.bulk import rows
from benchmarks.bulk.figures import BadRows
from benchmarks.bulk.places import sums
from benchmarks.bulk.rows import Row, account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bulk.places import Filled, Place

OF, BATCHES = 10_000, 10
TABLES = (
    "CREATE TABLE countries (code VARCHAR(2) NOT NULL PRIMARY KEY)",
    "INSERT INTO countries VALUES ({})".format("), (".join(f"'{one}'" for one in COUNTRIES)),
    rows.ACCOUNTS.replace(
        "country VARCHAR(2) NOT NULL", "country VARCHAR(2) NOT NULL REFERENCES countries (code)"
    ).replace("age INTEGER", "age INTEGER CHECK (age BETWEEN 18 AND 120)"),
)
"""The accounts with a check and a parent."""


@dataclass(frozen=True, slots=True)
class Given:
    """The rows of a call.

    Attributes:
        rows: all of them.
        bad: the places of those that must be refused.
    """

    rows: list[Row]
    bad: set[int]


def _again(row: Row, other: int) -> Row:
    """The key or the unique column of another account, in turn."""
    name = "id" if row["id"] % 2 else "email"
    return row | {name: account(other)[name]}


Spoil = Callable[[Row, int, int], Row]
KINDS: dict[str, Spoil] = {
    "NULL in a NOT NULL column": lambda row, _before, _there: row | {"status": None},
    "a duplicate within the call": lambda row, before, _there: _again(row, before),
    "a duplicate against the table": lambda row, _before, there: _again(row, there),
    "a wrong type": lambda row, _before, _there: row | {"age": "young"},
    "a text too long": lambda row, _before, _there: row | {"status": "active for ever"},
    "a CHECK violated": lambda row, _before, _there: row | {"age": 7},
    "a foreign key without parent": lambda row, _before, _there: row | {"country": "XX"},
}
"""By what is wrong: the row made bad, given the numbers of a good row before it and of one that is
there already.
"""
WITHIN = "a duplicate within the call"


def bad_rows(
    place: Place, filled: Filled, kind: str, size: int, repetitions: int, bar: float
) -> BadRows:
    """Measure the clean call and every share of bad rows in turn."""
    batch = max(size // BATCHES, 1)
    measured = BadRows(f"{kind}, {place.name}", batch * BATCHES, bar)
    full = filled(TABLES, range(1, batch + 1))
    # once, so that what is imported late is there
    seconds(place, filled(TABLES, range(1, 3)), given(kind, OF // 2, 2), 2)
    for _ in range(repetitions):
        for share, times in ((0, measured.clean), *measured.shares.items()):
            times.append(seconds(place, full, given(kind, share, batch), batch))
    return measured


def given(kind: str, share: int, batch: int) -> Given:
    """Ten batches, with so many bad rows of 10,000, evenly spread (at least one, if any)."""
    made = list(rows.accounts(range(batch + 1, batch * (BATCHES + 1) + 1)))
    bad = set(_places(max(share * batch // OF, 1) if share else 0, batch))
    if kind == WITHIN:
        bad.discard(0)  # the first of a call repeats none
    good = made[0]["id"]
    for place, row in enumerate(made):
        if place in bad:
            made[place] = KINDS[kind](row, good, place % batch + 1)
        else:
            good = row["id"]
    return Given(made, bad)


def _places(of_batch: int, batch: int) -> Iterator[int]:
    """Of so many bad rows in each batch."""
    for place in range(batch * BATCHES):
        inside = place % batch
        if inside * of_batch // batch != (inside + 1) * of_batch // batch:
            yield place


def seconds(place: Place, full: str, call: Given, batch: int) -> float:
    """Of one call; what it refused and what it created must be right."""
    with place.copy(full) as url:
        table = BatchTable(url, "accounts")
        table.get_many([0])
        gc.collect()
        began = time.perf_counter()
        result = table.create_many(
            call.rows, atomic=False, continue_on_error=True, batch_size=batch
        )
        ended = time.perf_counter()
        table.close()
        _check(place, url, call, result, batch)
    return ended - began


def _check(place: Place, url: str, call: Given, result: Any, batch: int) -> None:
    """All bad rows were refused, no other one was, and these are there."""
    assert {row.index for row in result.failed} == call.bad, result
    good = [row for number, row in enumerate(call.rows) if number not in call.bad]
    assert result.stats.created == len(good), result
    there = rows.sums([*rows.accounts(range(1, batch + 1)), *good])
    assert sums(place, url) == there, result
