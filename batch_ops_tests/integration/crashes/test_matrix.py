"""Killed at each place of its way, then resumed: the same end as one undisturbed run.

Each operation, at each place, on each database; a sample in which each of them comes up is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops.faultpoints import Point
from batch_ops_tests.support.crashing import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops_tests.support.crash_kills import World, Worlds
    from batch_ops_tests.support.forkserver import ForkServer

KINDS = ("sqlite", "postgresql")
RESUMING = (Point.RESUMING, Point.RESUMED)
"""Places that only a resume passes."""


def _sample() -> set[tuple[str, Point, str]]:
    """Each place once, each operation, and the databases in turn."""
    found, taken = set(), set[str]()
    for number, point in enumerate(Point):
        passing = [name for name, case in CASES.items() if point in case.points]
        chosen = next((name for name in passing if name not in taken), passing[0])
        taken.add(chosen)
        found.add((chosen, point, KINDS[number % 2]))
    return found


def _cases() -> Iterator[pytest.ParameterSet]:
    sample = _sample()
    for name, case in CASES.items():
        for point in case.points:
            for kind in KINDS:
                marks = () if (name, point, kind) in sample else (pytest.mark.slow,)
                yield pytest.param(name, point, kind, marks=marks, id=f"{name}-{point}-{kind}")


@pytest.mark.parametrize(("operation", "point", "kind"), list(_cases()))
def test_killed_there_and_resumed_all_is_as_if_undisturbed(
    world: World, crash_server: ForkServer, operation: str, point: Point
):
    """Rows, counters, rejects, journal and step outputs are equal, and nothing is left behind."""
    hits = world.worlds.undisturbed(operation).hits
    if point in RESUMING:
        world.killed_run(crash_server, operation, (Point.BEFORE_COMMIT, 2))
        world.killed_resume(crash_server, (point, 1))
    else:
        world.killed_run(crash_server, operation, (point, (hits[point] + 1) // 2))
    world.resume()
    assert list(world.differences(operation)) == []


def test_the_sample_has_each_operation_each_place_and_each_database():
    quick = [case.values for case in _cases() if not case.marks]
    assert [{*each} for each in zip(*quick, strict=True)] == [{*CASES}, {*Point}, {*KINDS}]


@pytest.mark.slow
@pytest.mark.parametrize("operation", CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_passes_exactly_the_places_it_is_killed_at(
    operation: str, kind: str, request: pytest.FixtureRequest
):
    """No place is left out of the table because somebody forgot it."""
    worlds: Worlds = request.getfixturevalue(f"worlds_of_{kind}")
    passed = worlds.undisturbed(operation).hits
    assert {*passed, *RESUMING} == {*CASES[operation].points}
