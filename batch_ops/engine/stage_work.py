"""Upserts, and inserts from tables: a batch is staged, then merged into its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.faults import Fault
from batch_ops.database.merge import ROW, Merged, Merging
from batch_ops.database.staging import Stage, hand_on, hand_on_keys
from batch_ops.engine.conflicts import conflict_of
from batch_ops.engine.imaging import Imaging, StageImages
from batch_ops.engine.isolation import held_up_by_others, isolate
from batch_ops.engine.judging import StageJudge
from batch_ops.engine.outputs import is_needed, output_of
from batch_ops.faultpoints import Point, reached
from batch_ops.results import Counts
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database import Table
    from batch_ops.database.merge import Merger
    from batch_ops.database.tables import Column
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Step


Refused = tuple[Mapping[str, Any], Fault]
"""A staged row, and what the database said to it."""


@dataclass(frozen=True)
class Settled:
    """What became of the staged rows: counts, and those the database refused, with their `ROW`."""

    merged: Merged
    superseded: int
    refused: tuple[Refused, ...]

    @property
    def counts(self) -> Counts:
        """Of the rows that were not refused."""
        return Counts(
            created=self.merged.created,
            updated=self.merged.updated,
            unchanged=self.merged.unchanged,
            skipped=self.merged.skipped + self.superseded,
        )


class Staging:
    """The stage of a step in one lane, and what is done with its rows.

    more: columns of the stage that are not the target's.
    """

    def __init__(
        self,
        execution: Context,
        step: Step,
        columns: Sequence[str],
        more: Sequence[Column] = (),
    ) -> None:
        self._dialect = execution.database.dialect
        self._target = execution.table(step)
        number = execution.operation.number_of(step)
        name = f"batch_ops_stage_{execution.row.short_id}_{number}"
        self.stage = Stage.of(self._dialect, self._target, columns, name, more)
        needed = is_needed(execution.operation, step)
        self._output = output_of(execution, step).table if needed else None
        self._conflict = conflict_of(step, self._target)
        self._match = _match(self._target, self._conflict, columns)
        self._changes = step.on_conflict in (OnConflict.UPDATE, OnConflict.REPLACE)
        imaging = Imaging.of(execution, step)
        self._images = (
            StageImages(imaging, self.stage.table, step, self._conflict, columns)
            if imaging
            else None
        )
        self._judge = StageJudge(step, self._target, columns)
        self._merger = self._new_merger(step, tuple(columns))

    def _new_merger(self, step: Step, columns: tuple[str, ...]) -> Merger:
        told = self._target.key if self._output is not None and not self._match else ()
        told = told or (self._images.told if self._images else ())
        return self._dialect.merger(
            Merging(self._target, self.stage.table, columns, self._conflict, step.on_conflict, told)
        )

    def settle(self, connection: Connection, low: int, high: int, *, isolating: bool) -> Settled:
        """Merge the rows with `low < ROW <= high`, which are all there are."""
        superseded = self._merger.drop_superseded(connection)
        if self._images:
            self._images.before(connection)
        refused: dict[int, Refused] = {}
        if isolating:
            merged, refused = self._isolated(connection)
        else:
            merged = self._merger.merge(connection, low, high)
        if self._images:
            self._images.after(connection, merged)
        self._hand_on(connection, merged)
        return Settled(merged, superseded, tuple(refused[number] for number in sorted(refused)))

    def _isolated(self, connection: Connection) -> tuple[Merged, dict[int, Refused]]:
        """Merge all rows but those that are refused, which are taken out, by number."""
        merge = self._merger.merge
        self._dialect.immediate_constraints(connection)
        judged = self._judge.look(connection, self.stage, lambda n: merge(connection, n - 1, n))
        refused = self._taken_out(connection, judged)
        numbers = self.stage.numbers(connection)

        def part(start: int, stop: int) -> Merged:
            return merge(connection, numbers[start] - 1, numbers[stop - 1])

        held_up = held_up_by_others(self._target, changes=self._changes)
        done, faults = isolate(connection, part, len(numbers), self._dialect, held_up)
        others = {numbers[place]: fault for place, fault in faults}
        return sum(done, Merged()), refused | self._taken_out(connection, others)

    def _taken_out(self, connection: Connection, faults: Mapping[int, Fault]) -> dict[int, Refused]:
        rows = self.stage.taken_out(connection, sorted(faults))
        return {row[ROW]: (row, faults[row[ROW]]) for row in rows}

    def _hand_on(self, connection: Connection, merged: Merged) -> None:
        if self._output is None:
            return
        if self._match:
            hand_on(
                connection,
                self._dialect,
                self._target,
                self.stage.table,
                self._output,
                self._match,
            )
        else:
            hand_on_keys(connection, self._dialect, self._target, self._output, merged.keys)
        reached(Point.WRITING_OUTPUT)


def _match(table: Table, conflict: tuple[str, ...], columns: Sequence[str]) -> tuple[str, ...]:
    """The staged columns by which a row is found again; none where the database makes its key."""
    given = set(columns)
    return next((g for g in (table.key, conflict) if g and given.issuperset(g)), ())
