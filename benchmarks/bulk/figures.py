"""What comes out of a measurement of the Python door."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

LIMIT, OURS = "limit", "ours"
SHARES = (1, 10, 100, 1_000, 5_000, 10_000)
"""So many of 10,000 rows are bad."""


@dataclass(slots=True)
class Lane:
    """The seconds of one side, for so many rows."""

    rows: int
    seconds: list[float] = field(default_factory=list)

    @property
    def per_row(self) -> float:
        return median(self.seconds) / self.rows


@dataclass(frozen=True, slots=True)
class Race:
    """A work in several ways.

    Attributes:
        work: with the kind of database.
        bar: what ours ÷ limit must not pass; None: only told.
        lanes: by name of the side.
        alike: peers are no bar.
    """

    work: str
    rows: int
    limit_name: str
    bar: float | None
    alike: bool
    lanes: dict[str, Lane]

    @property
    def ratio(self) -> float:
        return self.lanes[OURS].per_row / self.lanes[LIMIT].per_row

    @property
    def peers(self) -> dict[str, float]:
        """What each peer takes of our time, per row: more than 1 is slower than we are."""
        ours = self.lanes[OURS].per_row
        theirs = {name: one for name, one in self.lanes.items() if name not in {LIMIT, OURS}}
        return {name: one.per_row / ours for name, one in theirs.items()}

    @property
    def ok(self) -> bool:
        beaten = self.alike or all(ratio > 1 for ratio in self.peers.values())
        return beaten and (self.bar is None or self.ratio <= self.bar)


@dataclass(frozen=True, slots=True)
class Lanes:
    """The seconds of one connection and of two. bar: what two ÷ one must not pass."""

    work: str
    rows: int
    bar: float
    one: list[float] = field(default_factory=list)
    two: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(self.two) / median(self.one)

    @property
    def ok(self) -> bool:
        return self.ratio <= self.bar


@dataclass(frozen=True, slots=True)
class BadRows:
    """The seconds of the clean work, and those of each share of bad rows.

    of_operation: of a declared operation, not of a call of the Python door.
    """

    work: str
    rows: int
    bar: float
    of_operation: bool = False
    clean: list[float] = field(default_factory=list)
    shares: dict[int, list[float]] = field(default_factory=lambda: {one: [] for one in SHARES})

    @property
    def ratios(self) -> list[float]:
        return [median(seconds) / median(self.clean) for seconds in self.shares.values()]

    @property
    def ok(self) -> bool:
        return max(self.ratios) <= self.bar
