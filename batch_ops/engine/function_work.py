"""custom_function: Python called between transactions; what it returns commits with the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database.convert import Refusal
from batch_ops.database.staging import put_rows
from batch_ops.database.values import load_key
from batch_ops.engine.calling import Call, Called, FunctionContext, refused_record
from batch_ops.engine.feeds import rows_of, walked
from batch_ops.engine.isolation import isolate
from batch_ops.engine.outputs import (
    function_values,
    ids_columns,
    is_needed,
    key_from,
    output_of,
    record_from,
)
from batch_ops.engine.work import Batch, Outcome, RangeWork
from batch_ops.errors import ParameterError
from batch_ops.journal.outputs import NUMBER
from batch_ops.results import Counts
from batch_ops.spec.model import Expression, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.faults import Fault
    from batch_ops.engine.context import Context
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.results import Reject
    from batch_ops.spec.model import Step

PER_CHUNK, PER_BATCH = 10**15, 10**9
"""Numbers of rows: a million batches in a chunk, a thousand million rows in a batch."""


class FunctionWork(RangeWork):
    """With rows as input it is called for each batch of them; else once.

    Attributes:
        cancelled: asked by the function between two of its own steps.
    """

    def __init__(self, execution: Context, step: Step, cancelled: Any) -> None:
        super().__init__(walked(execution, step), execution.settings(step).batch_size)
        self._execution, self._step, self._cancelled = execution, step, cancelled
        self._output = output_of(execution, step) if is_needed(execution.operation, step) else None
        self._call = Call.of(execution, step)
        self._ready: tuple[str, Called] | None = None

    def _batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Batch]:
        if self._walked is not None or is_list(self._execution, self._step):
            yield from super()._batches(connection, chunk)
        elif chunk.upper is not None and chunk.position is None:
            yield Batch(None, chunk.upper, last=True, chunk=chunk.number, number=1)

    def _counted_ends(self, connection: Connection, start: str | None, upper: str) -> list[str]:
        if self._walked is not None:
            return super()._counted_ends(connection, start, upper)
        first, last = _place(start), _place(upper)
        return [place_key(n) for n in range(first + self._batch_size, last, self._batch_size)] + [
            upper
        ]

    def prepare(self, connection: Connection, batch: Batch) -> None:
        """Call the function, unless what it gave for this batch is at hand still."""
        if self._ready is not None and self._ready[0] == batch.end:
            return
        self._forget()
        with connection.begin():
            given = self._input(connection, batch)
        context = FunctionContext.of(self._execution, self._step, batch.number, self._cancelled)
        self._ready = batch.end, self._call(given, context, each=self._by_rows)

    @property
    def _by_rows(self) -> bool:
        return self._walked is not None or is_list(self._execution, self._step)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        assert self._ready is not None
        called = self._ready[1]
        rejects = list(called.rejects)
        kept = self._keep(connection, batch, called, rejects, isolating=isolating)
        failed = len(rejects)
        # of one row a function may make many that are refused
        total = max(called.given, failed) if self._by_rows else kept + failed
        counts = Counts(total=total, selected=total - failed, failed=failed)
        return Outcome(counts, tuple(rejects))

    def __exit__(self, *_: object) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._ready is not None:
            self._ready[1].close()
            self._ready = None

    # what it is given

    def _input(self, connection: Connection, batch: Batch) -> Any:
        asked = self._step.input
        if asked.values is not None:
            return {name: self._value(connection, v) for name, v in asked.values.items()}
        if asked.name is None:
            return None
        if self._walked is not None:
            return self._rows(connection, asked.name, batch.start, batch.end)
        value: Any = self._execution.parameters.get(asked.name)
        return value[_place(batch.start) : _place(batch.end)] if self._by_rows else value

    def _value(self, connection: Connection, value: Expression | Literal) -> Any:
        if isinstance(value, Literal):
            return value.value
        name = next(iter(value.parameters), "")
        if name in self._step.outputs:
            return self._rows(connection, name, None, None)
        if name in self._execution.parameters and value.text.strip() == f":{name}":
            return self._execution.parameters[name]
        return self._execution.scalar(connection, value)

    def _rows(
        self, connection: Connection, name: str, start: str | None, end: str | None
    ) -> list[Any]:
        """Rows of an earlier step: records, or keys (as tuples where a key is composite)."""
        source = self._execution.operation.step(self._step.outputs[name])
        output = output_of(self._execution, source)
        goal = self._walked or rows_of(self._execution, output.table)
        rows, bound = goal.rows(load_key(start), load_key(end))
        order = ", ".join(self._execution.database.dialect.quote(c) for c in output.table.key)
        found = connection.execute(text(f"SELECT * FROM {rows} AS r ORDER BY {order}"), bound)
        records = [dict(row) for row in found.mappings()]
        if not name.endswith("_ids"):
            return [record_from(output, record) for record in records]
        columns = ids_columns(self._execution, name, source)
        return [key_from(output, record, columns) for record in records]

    # what it gave

    def _keep(
        self,
        connection: Connection,
        batch: Batch,
        called: Called,
        rejects: list[Reject],
        *,
        isolating: bool,
    ) -> int:
        """Put the records into the output table; how many there were."""
        if self._output is None:
            return called.count
        first = batch.chunk * PER_CHUNK + batch.number * PER_BATCH
        count = 0
        for records in called.slices():
            rows = self._values(first + count, records, rejects)
            refused = self._put(connection, rows, isolating=isolating)
            base = first + count
            rejects += [_refused(records[row[NUMBER] - base], fault) for row, fault in refused]
            count += len(records)
        return count - (len(rejects) - len(called.rejects))

    def _values(
        self, first: int, records: Sequence[Any], rejects: list[Reject]
    ) -> list[dict[str, Any]]:
        assert self._output is not None
        rows: list[dict[str, Any]] = []
        for number, record in enumerate(records, first):
            try:
                values = function_values(self._execution, self._step, self._output, record)
            except ParameterError as error:
                if not self._by_rows:
                    raise
                rejects.append(refused_record(record, "function", error.what))
                continue
            except Refusal as refusal:
                rejects.append(
                    refused_record(record, refusal.code, refusal.message, refusal.column)
                )
                continue
            rows.append({NUMBER: number, **values})
        return rows

    def _put(
        self, connection: Connection, rows: Sequence[Mapping[str, Any]], *, isolating: bool
    ) -> list[tuple[Mapping[str, Any], Fault]]:
        """Insert rows of the output table; those the database refuses, where each is tried."""
        assert self._output is not None
        dialect, table = self._execution.database.dialect, self._output.table
        if not isolating:
            put_rows(connection, dialect, table, rows)
            return []

        def part(start: int, stop: int) -> int:
            return put_rows(connection, dialect, table, rows[start:stop])

        _, refused = isolate(connection, part, len(rows), dialect)
        return [(rows[place], fault) for place, fault in refused]


def is_list(execution: Context, step: Step) -> bool:
    """Whether the function's input is a parameter that holds a list."""
    name = step.input.name
    return name is not None and isinstance(execution.parameters.get(name), list)


def place_key(place: int) -> str:
    """The cursor behind the first `place` elements of a list."""
    return f"[{place}]"


def _place(cursor: str | None) -> int:
    return int(cursor.strip("[]")) if cursor else 0


def _refused(record: Any, fault: Fault) -> Reject:
    return refused_record(record, fault.code, fault.message, fault.column)
