"""Trying rows of tables and lists again: each kind of work, over chosen keys instead of a range."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batch_ops.database.merge import ROW
from batch_ops.database.staging import Stage, put_rows
from batch_ops.database.values import load_key
from batch_ops.engine.function_work import FunctionWork, is_list, place_key
from batch_ops.engine.keyset_work import KeysetWork
from batch_ops.engine.merge_work import TableMergeWork
from batch_ops.engine.work import Batch, Outcome, RowsWork
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.faults import Fault
    from batch_ops.database.tables import Table
    from batch_ops.engine.context import Context
    from batch_ops.engine.given import Given
    from batch_ops.engine.retrying_choice import Tried, TriedRejects
    from batch_ops.engine.work import Work
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.spec.model import Step


def place_of(cursor: str | None) -> int:
    """How many rejects stand before a cursor."""
    return int(cursor.strip("[]")) if cursor else 0


class Keys:
    """The keys of one batch in a table of the session's own."""

    def __init__(self, execution: Context, step: Step, table: Table) -> None:
        self._dialect = execution.database.dialect
        number = execution.operation.number_of(step)
        name = f"batch_ops_keys_{execution.row.short_id}_{number}"
        self._stage = Stage.of(self._dialect, table, table.key, name)

    @property
    def table(self) -> Table:
        """The table."""
        return self._stage.table

    def fill(self, connection: Connection, tried: Sequence[Tried]) -> None:
        """Put the keys of these rejects in the place of those before."""
        self._stage.open(connection)
        names = self.table.column_names[1:]
        keys = (load_key(each.place) or () for each in tried)
        rows = [
            {ROW: number, **dict(zip(names, key, strict=True))}
            for number, key in enumerate(keys, 1)
        ]
        put_rows(connection, self._dialect, self.table, rows)


def _spans(rows: int, size: int, chunk: ChunkRow) -> Iterator[Batch]:
    """Batches of chosen rejects, from the chunk's position on."""
    for number, start in enumerate(range(place_of(chunk.position), rows, size), chunk.batches + 1):
        end = min(start + size, rows)
        yield Batch(
            place_key(start),
            place_key(end),
            last=end == rows,
            chunk=chunk.number,
            number=number,
        )


def _part(tried: TriedRejects, batch: Batch) -> list[Tried]:
    return tried.part(place_of(batch.start), place_of(batch.end))


def _with_missing(outcome: Outcome, rows: int) -> Outcome:
    """Rows that are gone, or do not qualify any more, were not found."""
    missing = rows - outcome.counts.total
    return replace(outcome, counts=outcome.counts + Counts(total=missing, not_found=missing))


class ChosenRows(RowsWork):
    """The rows of chosen rejects, batch by batch, in the place of those of a range."""

    _tried: TriedRejects
    _keys: Keys

    def _batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Batch]:
        return _spans(len(self._tried), self._batch_size, chunk)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        tried = _part(self._tried, batch)
        self._keys.fill(connection, tried)
        found = self.between(connection, None, None, isolating=isolating)
        return _with_missing(found, len(tried))

    def refused(self, connection: Connection, batch: Batch, fault: Fault) -> Outcome | None:
        tried = _part(self._tried, batch)
        self._keys.fill(connection, tried)
        return _with_missing(self.refused_between(connection, None, None, fault), len(tried))


class KeysetAgain(ChosenRows, KeysetWork):
    """select, update, delete."""

    def __init__(self, execution: Context, step: Step, tried: TriedRejects) -> None:
        super().__init__(execution, step)
        self._tried = tried
        self._keys = Keys(execution, step, self._target.table)
        self._target = replace(self._target, among=self._keys.table)


class TableMergeAgain(ChosenRows, TableMergeWork):
    """insert and upsert of rows of another table."""

    def __init__(self, execution: Context, step: Step, tried: TriedRejects) -> None:
        super().__init__(execution, step)
        self._tried = tried
        self._keys = Keys(execution, step, self._from.table)
        self._from = replace(self._from, among=self._keys.table)


class FunctionAgain(FunctionWork):
    """A function, called for the rejected rows of its input."""

    def __init__(
        self,
        execution: Context,
        step: Step,
        tried: TriedRejects,
        watch: Callable[[], object],
    ) -> None:
        super().__init__(execution, step, watch)
        self._tried = tried
        self._listed = is_list(execution, step)
        self._keys = Keys(execution, step, self._walked.table) if self._walked else None

    def _batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Batch]:
        return _spans(len(self._tried), self._batch_size, chunk)

    def given(self, connection: Connection, batch: Batch) -> Given:
        tried = _part(self._tried, batch)
        if self._walked is None or self._keys is None:
            items = self._execution.parameters[self._step.input.name or ""]
            return self.items_given(items, [place_of(each.place) for each in tried])
        self._keys.fill(connection, tried)
        among = replace(self._walked, among=self._keys.table)
        return self.rows_given(connection, among, None, None)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        outcome = super().write(connection, batch, isolating=isolating)
        assert self._ready is not None
        missing = len(_part(self._tried, batch)) - self._ready[1].given
        counts = outcome.counts + Counts(total=missing, not_found=missing)
        return replace(outcome, counts=counts)


def again(execution: Context, step: Step, tried: TriedRejects, watch: Callable[[], object]) -> Work:
    """The work of a step over chosen rows of a table or a list."""
    if execution.operation.step(step.name).function is not None:
        return FunctionAgain(execution, step, tried, watch)
    if not step.kind.adds:
        return KeysetAgain(execution, step, tried)
    return TableMergeAgain(execution, step, tried)
