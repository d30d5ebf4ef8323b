"""`BatchTable`, as a person calls it: with no option that a limit would not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops import BatchTable
from benchmarks.bulk.figures import OURS
from benchmarks.bulk.sides import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from benchmarks.bulk.cases import Case
    from benchmarks.bulk.rows import Row


class Ours(Side):
    """Atomic calls; the table has been reflected before the clock starts."""

    name = OURS

    def __init__(self, url: str) -> None:
        self.table = BatchTable(url, "accounts")
        self.table.get_many([0])

    def close(self) -> None:
        self.table.close()

    def create(self, given: list[Row]) -> Any:
        return self.table.create_many(given)

    def create_frame(self, given: pd.DataFrame) -> Any:
        return self.table.create_many(given)

    def update(self, given: list[Row]) -> Any:
        return self.table.update_many(given)

    def touch(self, given: Sequence[int]) -> Any:
        return self.table.touch_many(given, column="status", value="closed")

    def touch_records(self, given: list[Row]) -> Any:
        return self.table.update_many(given)

    def update_where(self, given: None) -> Any:
        dormant = self.table.where("status = 'dormant'")
        return self.table.update_many(dormant, {"status": "closed"})

    def delete_where(self, given: None) -> Any:
        return self.table.delete_many(self.table.where("status = 'dormant'"))

    def upsert(self, given: list[Row]) -> Any:
        return self.table.upsert_many(given)

    def delete_cascade(self, given: Sequence[int]) -> Any:
        return self.table.delete_many(given, cascade=True)

    def lookup(self, given: Sequence[int]) -> Any:
        return self.table.get_many(given)

    def check(self, case: Case, answer: Any) -> None:
        """The counters must be right, too."""
        told = {name: getattr(answer.stats, name) for name in case.stats}
        assert told == case.stats, answer
        assert not answer.failed, answer
        super().check(case, answer.found)
