"""select, update, delete: one statement over a range of the target's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.database.values import load_key
from batch_ops.engine.feeds import target
from batch_ops.engine.isolation import isolate
from batch_ops.engine.outputs import is_needed, output_of
from batch_ops.engine.work import Batch, Outcome, RangeWork, row_reject
from batch_ops.errors import EngineFault
from batch_ops.journal.store import utc_now
from batch_ops.results import Counts
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.statements import Statement
    from batch_ops.database.values import Key
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Step

_COUNTERS = {
    StepKind.UPDATE: "updated",
    StepKind.DELETE: "deleted",
    StepKind.SELECT: "selected",
}


class KeysetWork(RangeWork):
    """The predicate is evaluated again in each batch's own statement."""

    def __init__(self, execution: Context, step: Step) -> None:
        self._dialect, self._step = execution.database.dialect, step
        self._target = target(execution, step)
        needed = is_needed(execution.operation, step)
        self._output = output_of(execution, step).table if needed else None
        super().__init__(self._target, execution.settings(step).batch_size)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        lower, upper = load_key(batch.start), load_key(batch.end)
        assert upper is not None
        if isolating:
            return self._isolated(connection, lower, upper)
        return Outcome(self._counted(self._run(connection, lower, upper)))

    def _run(self, connection: Connection, lower: Key | None, upper: Key) -> int:
        if self._step.kind is StepKind.SELECT:
            return self._select(connection, lower, upper)
        change = self._change(lower, upper)
        if self._output is None:
            return self._execute(connection, change)
        if self._dialect.capabilities.returning:
            return self._execute(connection, self._target.keeping(change, self._output))
        # nobody else writes between the two
        self._execute(connection, self._target.select_into(self._output, lower, upper))
        return self._execute(connection, change)

    def _select(self, connection: Connection, lower: Key | None, upper: Key) -> int:
        if self._output is not None:
            return self._execute(connection, self._target.select_into(self._output, lower, upper))
        keys, parameters = self._target.keys(lower, upper)
        query = f"SELECT count(*) FROM ({keys}) AS k"
        return int(connection.execute(text(query), parameters).scalar_one())

    def _change(self, lower: Key | None, upper: Key) -> Statement:
        if self._step.kind is StepKind.UPDATE:
            return self._target.update(self._step.values, utc_now(), lower, upper)
        return self._target.delete(utc_now(), lower, upper)

    def _execute(self, connection: Connection, statement: Statement) -> int:
        return int(connection.execute(text(statement[0]), statement[1]).rowcount)

    def _counted(self, rows: int) -> Counts:
        if rows < 0:
            raise EngineFault("The driver did not tell how many rows a statement changed.")
        return Counts(total=rows, **{_COUNTERS[self._step.kind]: rows})

    def _isolated(self, connection: Connection, lower: Key | None, upper: Key) -> Outcome:
        query, parameters = self._target.keys(lower, upper)
        keys = [tuple(row) for row in connection.execute(text(query), parameters)]

        def part(start: int, stop: int) -> int:
            return self._run(connection, keys[start - 1] if start else lower, keys[stop - 1])

        done, refused = isolate(connection, part, len(keys), self._dialect)
        names = self._target.table.key
        rejects = tuple(row_reject(names, keys[place], fault) for place, fault in refused)
        counts = self._counted(sum(done)) + Counts(total=len(rejects), failed=len(rejects))
        return Outcome(counts, rejects)
