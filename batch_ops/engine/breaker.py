"""The circuit breaker: when nearly nothing goes well any more, going on only does harm."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ops.results import Counts
    from batch_ops.spec.model import CircuitBreaker


@dataclass(frozen=True, slots=True)
class _Seen:
    """A batch: its rows, those refused, or why it failed as a whole."""

    rows: int = 0
    refused: int = 0
    failure: str | None = None

    @property
    def lost(self) -> bool:
        """Whether not one row of it was written."""
        return self.failure is not None or self.refused == self.rows


class Breaker:
    """Looks at the last batches of all lanes of a step. Batches without rows do not count.

    Not safe between threads: whoever shares it locks.
    """

    def __init__(self, rule: CircuitBreaker | None) -> None:
        self._rule = rule
        self._last: deque[_Seen] = deque(maxlen=rule.batches if rule else 0)

    def took(self, counts: Counts) -> None:
        """A batch was committed."""
        if counts.total:
            self._last.append(_Seen(counts.total, counts.rejects))

    def failed(self, why: str) -> None:
        """A batch was rolled back; it may be tried again."""
        self._last.append(_Seen(failure=why))

    @property
    def saw(self) -> str | None:
        """What opened it, as a sentence; None as long as it is closed."""
        rule, seen = self._rule, self._last
        if rule is None or len(seen) < rule.batches:
            return None
        if all(batch.lost for batch in seen):
            return f"The circuit breaker opened: {_lost(seen)}."
        rows, refused = sum(b.rows for b in seen), sum(b.refused for b in seen)
        if rule.share is None or not rows or refused <= rule.share * rows:
            return None
        return (
            f"The circuit breaker opened: {refused} of the {rows} rows of the last {len(seen)}"
            f" batches were refused, more than {rule.share:.6g} of them."
        )


def _lost(seen: deque[_Seen]) -> str:
    """In words: each of these batches was lost."""
    if seen[-1].failure:
        return f"{len(seen)} batches in a row failed or were refused; the last: {seen[-1].failure}"
    rows = sum(batch.refused for batch in seen)
    return f"all {rows} rows of {len(seen)} batches in a row were refused"
