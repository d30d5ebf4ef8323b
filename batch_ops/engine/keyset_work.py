"""select, update, delete: one statement over a range of the target's keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.database.values import load_key
from batch_ops.engine.feeds import target
from batch_ops.engine.imaging import Imaging, RangeImages
from batch_ops.engine.isolation import Refused, held_up_by_others, isolate
from batch_ops.engine.judging import RangeJudge
from batch_ops.engine.outputs import is_needed, output_of
from batch_ops.engine.work import Outcome, RowsWork, refused_of, row_reject
from batch_ops.errors import EngineFault
from batch_ops.faultpoints import Point, reached
from batch_ops.journal.store import utc_now
from batch_ops.results import Counts
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.faults import Fault
    from batch_ops.database.statements import Statement, Target
    from batch_ops.database.values import Key
    from batch_ops.engine.context import Context
    from batch_ops.engine.work import Batch
    from batch_ops.spec.model import Step

_COUNTERS = {
    StepKind.UPDATE: "updated",
    StepKind.DELETE: "deleted",
    StepKind.SELECT: "selected",
}


class _Parts:
    """The statements over parts of a batch: their SQL is made once."""

    def __init__(
        self, target: Target, make: Callable[[Key | None, Key | None], list[Statement]]
    ) -> None:
        self._target, self._make = target, make
        self._made: dict[bool, list[Statement]] = {}

    def between(self, lower: Key | None, upper: Key) -> list[Statement]:
        """Those over `(lower, upper]`."""
        made = self._made.get(lower is None)
        if made is None:
            made = self._made[lower is None] = self._make(lower, upper)
        return [self._target.elsewhere(each, lower, upper) for each in made]

    def only(self, lower: Key | None, upper: Key) -> Statement:
        """The same where there is just one."""
        (made,) = self.between(lower, upper)
        return made


class KeysetWork(RowsWork):
    """The predicate is evaluated again in each batch's own statement."""

    def __init__(self, execution: Context, step: Step) -> None:
        self._dialect, self._step = execution.database.dialect, step
        self._target = target(execution, step)
        imaging = Imaging.of(execution, step)
        self._imaging = imaging
        self._images = RangeImages(imaging) if imaging else None
        needed = is_needed(execution.operation, step)
        self._output = output_of(execution, step).table if needed else None
        self._judge = RangeJudge(step)
        super().__init__(self._target, execution.settings(step).batch_size)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        """With images: those of the rows that qualify are kept first, and no others are changed."""
        if self._imaging is None or self._images is None:
            return super().write(connection, batch, isolating=isolating)
        whole, lower, upper = self._target, load_key(batch.start), load_key(batch.end)
        where = self._images.before(connection, whole.rows(lower, upper))
        among = self._imaging.images.table
        self._target = replace(whole, among=among, among_where=where)
        try:
            outcome = super().write(connection, batch, isolating=isolating)
        finally:
            self._target = whole
        if self._step.kind is StepKind.DELETE and self._target.alive is None:
            self._images.deleted(connection, outcome.counts.deleted)
        else:
            self._images.changed(connection)
        return outcome

    def between(
        self, connection: Connection, lower: Key | None, upper: Key | None, *, isolating: bool
    ) -> Outcome:
        if isolating:
            return self._isolated(connection, lower, upper)
        return Outcome(self._counted(self._run(connection, lower, upper)))

    def refused_between(
        self, connection: Connection, lower: Key | None, upper: Key | None, fault: Fault
    ) -> Outcome:
        query, parameters = self._target.keys(lower, upper)
        keys = [tuple(row) for row in connection.execute(text(query), parameters)]
        rejects = tuple(row_reject(self._target.table.key, key, fault) for key in keys)
        return Outcome(refused_of(len(keys), rejects), rejects)

    @property
    def _counts_alone(self) -> bool:
        return self._step.kind is StepKind.SELECT and self._output is None

    def _run(self, connection: Connection, lower: Key | None, upper: Key | None) -> int:
        if self._counts_alone:
            keys, parameters = self._target.keys(lower, upper)
            query = f"SELECT count(*) FROM ({keys}) AS k"
            return int(connection.execute(text(query), parameters).scalar_one())
        return self._execute(connection, self._statements(lower, upper))

    def _statements(self, lower: Key | None, upper: Key | None) -> list[Statement]:
        """What changes a range and hands its rows on; the last one tells how many they are."""
        output = self._output
        if self._step.kind is StepKind.SELECT:
            return [self._target.select_into(output, lower, upper)] if output is not None else []
        change = self._change(lower, upper)
        if output is None:
            return [change]
        if self._dialect.capabilities.returning:
            return [self._target.keeping(change, output)]
        # nobody else writes between the two
        return [self._target.select_into(output, lower, upper), change]

    def _change(self, lower: Key | None, upper: Key | None) -> Statement:
        if self._step.kind is StepKind.UPDATE:
            return self._target.update(self._step.values, utc_now(), lower, upper)
        return self._target.delete(utc_now(), lower, upper)

    def _execute(self, connection: Connection, statements: Sequence[Statement]) -> int:
        rows = 0
        for number, (sql, parameters) in enumerate(statements):
            rows = int(connection.execute(text(sql), parameters).rowcount)
            if self._output is not None and number == 0:
                reached(Point.WRITING_OUTPUT)
        return rows

    def _counted(self, rows: int) -> Counts:
        if rows < 0:
            raise EngineFault("The driver did not tell how many rows a statement changed.")
        return Counts(total=rows, **{_COUNTERS[self._step.kind]: rows})

    def _isolated(self, connection: Connection, lower: Key | None, upper: Key | None) -> Outcome:
        def attempt(before: Key | None, key: Key) -> None:
            self._run(connection, before, key)

        self._dialect.immediate_constraints(connection)
        keys, judged = self._judge.look(connection, self._target, lower, upper, attempt)
        among = [place for place in range(len(keys)) if place not in judged]
        whole = self._target
        self._target = replace(whole, without=[keys[place] for place in judged])
        try:
            done, refused = self._try(connection, [keys[place] for place in among], lower)
        finally:
            self._target = whole
        faults = judged | {among[place]: fault for place, fault in refused}
        names = whole.table.key
        rejects = tuple(row_reject(names, keys[at], faults[at]) for at in sorted(faults))
        counts = self._counted(sum(done)) + Counts(total=len(rejects), failed=len(rejects))
        return Outcome(counts, rejects)

    def _try(
        self, connection: Connection, keys: Sequence[Key], lower: Key | None
    ) -> tuple[list[int], Refused]:
        """Do the rows of these keys, except those that are refused."""
        parts = _Parts(self._target, self._statements)

        def part(start: int, stop: int) -> int:
            after = keys[start - 1] if start else lower
            if self._counts_alone:
                return self._run(connection, after, keys[stop - 1])
            return self._execute(connection, parts.between(after, keys[stop - 1]))

        def at_once() -> tuple[list[int], Refused] | None:
            reached(Point.ISOLATING)
            made = parts.between(lower, keys[-1]) if keys else ()
            if len(made) != 1:
                return None
            table = self._target.table
            found = self._dialect.isolated(connection, table, keys, lower, parts.only)
            if found is None:
                return None
            if self._output is not None:
                reached(Point.WRITING_OUTPUT)
            return [found[0]], found[1]

        updates = self._step.kind is StepKind.UPDATE
        held_up = held_up_by_others(self._target.table, changes=updates)
        return isolate(connection, part, len(keys), self._dialect, held_up, at_once)
