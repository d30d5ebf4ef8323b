"""What a lane does about trouble that may pass: wait and try again, then with fewer rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.faults import Fault
    from batch_ops.spec.model import Retry

GROWS_AFTER = 20
"""Batches in a row that go well before they are twice as large again."""


class Sizes:
    """How many rows the batches of a lane have. usual: what the operation says.

    Attributes:
        now: rows of its next batch.
    """

    def __init__(self, usual: int) -> None:
        self._usual, self.now = usual, usual
        self._well = 0

    def halve(self, rows: int) -> bool:
        """Half of what a batch had; False: it was one row, and there is nothing to halve."""
        self._well = 0
        if self.now == 1:
            return False
        self.now = max(1, min(self.now, rows) // 2)
        return True

    def grew(self) -> bool:
        """A batch went well; whether they are larger from now on."""
        self._well += 1
        if self.now == self._usual or self._well < GROWS_AFTER:
            return False
        self.now, self._well = min(2 * self.now, self._usual), 0
        return True


class Endurance:
    """How often one and the same batch may fail, and what is tried instead."""

    def __init__(self, dialect: Dialect, retry: Retry, sizes: Sizes) -> None:
        self._dialect, self._retry, self._sizes = dialect, retry, sizes
        self._failures = 0

    def wait_after(self, fault: Fault, rows: int, *, progressed: bool) -> float | None:
        """The seconds to wait before the batch is done again, now perhaps with fewer rows; None:
        there is nothing left to try.

        Args:
            fault: one that may pass.
            rows: of the batch.
            progressed: whether batches were committed since the last failure.
        """
        self._failures = 1 if progressed else self._failures + 1
        worn_out = self._failures > self._retry.max_retries
        if (fault.timed_out or (worn_out and self._fewer_help(fault))) and self._sizes.halve(rows):
            self._failures = 0
            return 0.0
        return None if worn_out else self._retry.delay(self._failures)

    def _fewer_help(self, fault: Fault) -> bool:
        """Where one connection writes at a time, the lock is the whole database's."""
        return fault.contended and self._dialect.capabilities.concurrent_writers
