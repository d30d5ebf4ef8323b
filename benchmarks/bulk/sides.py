"""What is measured side by side: each side is one way to do the works."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.bulk.cases import Case

CHUNK = 500
"""Rows or keys of one statement, where a peer has to choose: with 1,000 and more, `in_` on
PostgreSQL is up to twice as slow (psycopg prepares no statement that came less than five times).
"""


class Side(ABC):
    """One way to do the works, connected to one database before the clock starts.

    A work it can do is a method of the work's name: it takes what is given, and has committed when
    it returns. What it cannot do has no method.

    Attributes:
        name: as the tables of the report call it.
        slow: the works it does on a tenth of the rows.
    """

    name: ClassVar[str]
    slow: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def __init__(self, url: str) -> None:
        """Connect."""

    @abstractmethod
    def close(self) -> None:
        """Give up the connection."""

    @classmethod
    def can(cls, work: str) -> bool:
        """Whether this side has a way to do it."""
        return hasattr(cls, work)

    def way(self, work: str) -> Callable[[Any], Any]:
        """How it does the work."""
        way: Callable[[Any], Any] = getattr(self, work)
        return way

    def check(self, case: Case, answer: Any) -> None:
        """Fast and wrong is not fast: rows that were looked up must be the right ones."""
        if case.found is not None:
            cents = [round(_balance(row) * 100) for row in answer]
            assert (len(cents), sum(cents)) == case.found, self.name


def chunks(given: Sequence[Any], size: int = CHUNK) -> Iterator[Any]:
    """The given rows or keys, so many at once."""
    for start in range(0, len(given), size):
        yield given[start : start + size]


def _balance(row: Any) -> Any:
    """Of a row in any of the shapes the sides answer with."""
    if isinstance(row, tuple):
        return row[5]
    return row["balance"] if hasattr(row, "keys") else row.balance
