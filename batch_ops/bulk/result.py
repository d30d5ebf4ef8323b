"""What a call of `BatchTable` came to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from batch_ops.database.values import plain
from batch_ops.errors import BatchOperationError, BatchValidationError, ParameterError
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
from batch_ops.bulk.failures import SCHEMA, SHOWN, FailedRow, FailedRows, Missing, RowError

T = TypeVar("T")


@dataclass
class BatchResult(Generic[T]):
    """What became of the rows of a call.

    Attributes:
        operation: the call: "create_many" …
        stats: rows by outcome; they sum up to `stats.total`.
        created, updated, unchanged, deleted: the rows themselves, where `return_rows` asked.
        found: the rows `get_many` found, in the order of the keys.
        failed: all invalid and failed rows, by index.
        not_found: keys without a row, by index.
        duration: seconds.
        committed: whether what was written stays; False: it was rolled back, or nothing was.
        stopped: why the call ended before the end of its input; None: it did not.
        indexes: how many indexes of the table each written row is entered in.
        cascaded: rows removed with others by `cascade`, per table.
        execution_id: of a call with `journal=True`, its id in the journal.

    Example:
        >>> from batch_ops.results import Counts
        >>> BatchResult("create_many", Counts(total=3, created=2, failed=1), duration=0.5)
        <create_many: 2 of 3 rows created, 1 failed, in 0.50 s (6 rows/s)>
    """

    operation: str
    stats: Counts = field(default_factory=Counts)
    created: list[T] = field(default_factory=list)
    updated: list[T] = field(default_factory=list)
    unchanged: list[T] = field(default_factory=list)
    deleted: list[T] = field(default_factory=list)
    found: list[T] = field(default_factory=list)
    failed: FailedRows = field(default_factory=FailedRows)
    not_found: list[Missing] = field(default_factory=list)
    duration: float = 0.0
    committed: bool = True
    stopped: str | None = None
    indexes: int = 0
    cascaded: dict[str, int] = field(default_factory=dict)
    execution_id: str | None = None
    again: Callable[[Sequence[Any]], BatchResult[T]] | None = field(default=None, repr=False)

    @property
    def succeeded(self) -> int:
        """Rows that are now as they were wanted: created, updated, unchanged, deleted or found."""
        stats = self.stats
        return stats.processed + stats.unchanged + stats.selected

    @property
    def deleted_count(self) -> int:
        """How many rows were deleted, those of a cascade aside."""
        return self.stats.deleted

    @property
    def success_rate(self) -> float:
        """The share (0–1) of rows that succeeded; 1 for no rows."""
        return self.succeeded / self.stats.total if self.stats.total else 1.0

    @property
    def rows_per_s(self) -> float:
        """Rows of the input by the seconds the call took."""
        return self.stats.total / self.duration if self.duration > 0 else 0.0

    def raise_for_failures(self) -> None:
        """Raise when a row failed.

        Raises:
            BatchValidationError: the schema refused rows.
            BatchOperationError: other rows failed.

        Example:
            >>> users.create_many([{"id": 4, "name": "Dan"}], atomic=False).raise_for_failures()
        """
        if self.failed:
            raise self.error()

    def error(self) -> BatchOperationError:
        """The failures as an error."""
        invalid = any(row.error.code == SCHEMA for row in self.failed)
        kind = BatchValidationError if invalid else BatchOperationError
        count, total = len(self.failed), self.stats.total
        what = f"{self.operation}: {count:,} of {total:,} rows failed: {self._reasons()}"
        if self.committed and self.succeeded:
            state = f"{self.succeeded:,} rows were written and stay."
        else:
            state = "Nothing was written."
        todo = "Correct the rows in `error.failures`, or say continue_on_error=True, atomic=False."
        return kind(self.operation, self, what, state=state, todo=todo)

    def retry(self, rows: Mapping[int, Any] | None = None) -> BatchResult[T]:
        """Try the failed rows once more, and only these; counters and rows are merged into this
        result, in which rows that now succeed are no failures any more.

        Args:
            rows: other rows in their place, by index.

        Returns:
            This result.

        Raises:
            ParameterError: nothing of the call was written, so that the failed rows would stand
                alone; or it is of a kind whose rows cannot be tried again.

        Example:
            >>> result = users.create_many([{"id": 4}, {"id": 5, "name": "Eve"}], atomic=False)
            >>> result.retry({0: {"id": 4, "name": "Dan"}})
            <create_many: 2 of 2 rows created, in ...>
        """
        if not self.failed:
            return self
        if self.again is None or not self.committed:
            why = "its other rows were not written, either" if self.again else "say them anew"
            raise ParameterError(
                f"Failed rows of this {self.operation} cannot be tried again alone: {why}.",
                state="",
                todo="Call again with all rows that are to be written.",
            )
        tried, self.failed = self.failed, FailedRows()
        given = [(rows or {}).get(row.index, row.given) for row in tried]
        self._merge(self.again(given), tried)
        return self

    def take(self, other: BatchResult[T], first: int) -> None:
        """Take another call's outcome in, whose input begins at a place of this one's."""
        self.stats = self.stats + other.stats
        self.failed.extend(other.failed, lambda index: index + first)
        self.not_found += [replace(one, index=one.index + first) for one in other.not_found]
        self._take_rows(other)

    def undo(self) -> None:
        """Nothing stays: what had gone well is skipped."""
        stats = self.stats
        undone = stats.processed + stats.unchanged
        self.stats = Counts(
            total=stats.total,
            not_found=stats.not_found,
            invalid=stats.invalid,
            failed=stats.failed,
            skipped=stats.skipped + undone,
        )
        for rows in (self.created, self.updated, self.unchanged, self.deleted):
            rows.clear()
        self.cascaded.clear()
        self.committed = False

    def _take_rows(self, other: BatchResult[T]) -> None:
        for name in ("created", "updated", "unchanged", "deleted", "found"):
            getattr(self, name).extend(getattr(other, name))
        for table, count in other.cascaded.items():
            self.cascaded[table] = self.cascaded.get(table, 0) + count

    def _merge(self, other: BatchResult[T], tried: Sequence[FailedRow]) -> None:
        places = [row.index for row in tried]
        invalid = sum(row.error.code == SCHEMA for row in tried)
        before = Counts(total=len(tried), invalid=invalid, failed=len(tried) - invalid)
        self.stats = self.stats + other.stats - before
        self.failed.extend(other.failed, places.__getitem__)
        self.not_found += [replace(one, index=places[one.index]) for one in other.not_found]
        self._take_rows(other)
        self.duration += other.duration
        self.committed = self.committed or other.committed

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, with stable keys; without the rows themselves.

        Example:
            >>> users.touch_many([1, 9]).to_dict()["not_found"]
            [{'key': 9, 'index': 1}]
        """
        return {
            "operation": self.operation,
            "stats": self.stats.to_dict(),
            "failed": [row.to_dict() for row in self.failed],
            "not_found": [{"key": plain(one.key), "index": one.index} for one in self.not_found],
            "duration": round(self.duration, 6),
            "rows_per_s": round(self.rows_per_s, 1),
            "success_rate": round(self.success_rate, 6),
            "committed": self.committed,
            "stopped": self.stopped,
            "indexes": self.indexes,
            "cascaded": dict(self.cascaded),
            "execution_id": self.execution_id,
        }

    def to_frame(self) -> pd.DataFrame:
        """The failed rows as a DataFrame: `index`, `key`, `code`, `field`, `message`, `category`,
        then their columns.

        Example:
            >>> result = users.create_many([{"id": 1, "name": "Al"}, {"id": 4}], atomic=False)
            >>> list(result.to_frame()["data.id"])
            [1, 4]
        """
        import pandas as pd

        head = ["index", "key", "code", "field", "message", "category"]
        rows = [
            [f.index, f.key, f.error.code, f.error.field, f.error.message, f.error.category]
            for f in self.failed
        ]
        told = pd.DataFrame(rows, columns=head)
        data = pd.DataFrame([dict(f.data) for f in self.failed])
        return pd.concat([told, data.add_prefix("data.")], axis=1)

    def _reasons(self) -> str:
        shown = [f"row {f.index}: {_told(f.error)}" for f in self.failed[:SHOWN]]
        return "; ".join(shown) + (" …" if len(self.failed) > SHOWN else "")

    def __repr__(self) -> str:
        counts = self.stats.to_dict()
        words = [f"{counts[name]:,} {name}" for name in _TOLD if counts[name]]
        cascaded = sum(self.cascaded.values())
        words += [f"{cascaded:,} cascaded"] if cascaded else []
        what = ", ".join(words) or "nothing done"
        first, _, rest = what.partition(" ")
        what = f"{first} of {self.stats.total:,} rows {rest}" if words else "no rows"
        undone = "" if self.committed or not self.stats.total else ", nothing written"
        rate = f" ({self.rows_per_s:,.0f} rows/s)" if self.duration else ""
        return f"<{self.operation}: {what}{undone}, in {self.duration:.2f} s{rate}>"


_TOLD = (
    *("created", "updated", "unchanged", "deleted", "selected", "not_found"),
    *("invalid", "failed", "skipped"),
)


def _told(error: RowError) -> str:
    return f"{error.field}: {error.message}" if error.field else error.message
