"""How a range of rows is cut up, of which one at least is refused."""

from __future__ import annotations

SINGLY = 8
"""Ranges of so few rows are tried row by row: halving them would cost more statements."""


def parts(start: int, stop: int) -> list[tuple[int, int]]:
    """The parts of a range, in order: single rows, or its halves."""
    if stop - start <= SINGLY:
        return [(at, at + 1) for at in range(start, stop)]
    middle = (start + stop) // 2
    return [(start, middle), (middle, stop)]
