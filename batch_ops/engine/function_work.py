"""custom_function: Python called between transactions; what it returns commits with the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database import reflect
from batch_ops.database.values import dump_key, load_key
from batch_ops.engine.calling import Call, Called, FunctionContext
from batch_ops.engine.discretion import values_of, without
from batch_ops.engine.feeds import rows_of, walked
from batch_ops.engine.given import Given
from batch_ops.engine.keeping import Keeping
from batch_ops.engine.outputs import IDS, ids_columns, key_from, output_of, record_from
from batch_ops.engine.reading import hidden_columns
from batch_ops.engine.work import Batch, Outcome, RangeWork
from batch_ops.errors import FunctionFailedError
from batch_ops.faultpoints import Point, reached
from batch_ops.journal.outputs import NUMBER
from batch_ops.results import Counts
from batch_ops.spec.model import Expression, Literal, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.statements import Target
    from batch_ops.engine.context import Context
    from batch_ops.journal.chunks import ChunkRow
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
        self._call = Call.of(execution, step)
        self._kept = Keeping(execution, step)
        self._key = _key_names(execution, step, self._walked)
        self._ready: tuple[str, Called, Given] | None = None

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
            given = self.given(connection, batch) if self._by_rows else Given()
            value = given.records if self._by_rows else self._input(connection)
        context = FunctionContext.of(
            self._execution, self._step, batch.number, self._cancelled, given
        )
        try:
            called = self._call(value, context, each=self._by_rows)
        except FunctionFailedError as error:
            raise self._discreet(error, value, given.ids) from error.__cause__
        self._ready = batch.end, called, given
        reached(Point.CALLING)

    def _discreet(
        self, error: FunctionFailedError, value: Any, ids: tuple[str, ...]
    ) -> FunctionFailedError:
        """What a function says of its failure may quote what it was given."""
        values = values_of(value, ids, hidden_columns(self._execution.row))
        what = without(error.what, values)
        return FunctionFailedError(what, todo=error.todo, execution_id=error.execution_id)

    @property
    def _by_rows(self) -> bool:
        return self._walked is not None or is_list(self._execution, self._step)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        assert self._ready is not None
        _, called, given = self._ready
        first = batch.chunk * PER_CHUNK + batch.number * PER_BATCH
        kept = self._kept.keep(connection, first, called, given, isolating=isolating)
        rejects = (*called.rejects, *kept.rejects)
        rows = called.given if self._by_rows else kept.number
        others = sum(reject.place is None for reject in rejects)  # records that were not given
        total, failed = rows + others, len(rejects)
        return Outcome(Counts(total=total, selected=total - failed, failed=failed), rejects)

    def __exit__(self, *_: object) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._ready is not None:
            self._ready[1].close()
            self._ready = None

    # what it is given

    def given(self, connection: Connection, batch: Batch) -> Given:
        """The rows of a batch."""
        name = self._step.input.name or ""
        if self._walked is not None:
            return self.rows_given(connection, self._walked, batch.start, batch.end)
        first, last = _place(batch.start), _place(batch.end)
        return self.items_given(self._execution.parameters[name], range(first, last))

    def items_given(self, items: Sequence[Any], places: Sequence[int]) -> Given:
        """Elements of a list that was handed over, by their places (from 0)."""
        return Given([items[n] for n in places], [place_key(n) for n in places], self._key)

    def rows_given(
        self, connection: Connection, walked: Target, start: str | None, end: str | None
    ) -> Given:
        """Rows of an earlier step's output."""
        name = self._step.input.name or ""
        source = self._execution.operation.step(self._step.outputs[name])
        rows = self._rows_between(connection, source, walked, start, end)
        output = output_of(self._execution, source)
        places = [dump_key([row[n] for n in output.table.key]) for row in rows]
        ids = ids_columns(self._execution, name, source) if name.endswith(IDS) else ()
        records = self._records(name, source, rows)
        told = ids if source.kind is not StepKind.FUNCTION else ()
        return Given(records, places, self._key, told)

    def _input(self, connection: Connection) -> Any:
        asked = self._step.input
        if asked.values is not None:
            return {name: self._value(connection, v) for name, v in asked.values.items()}
        return None if asked.name is None else self._execution.parameters.get(asked.name)

    def _value(self, connection: Connection, value: Expression | Literal) -> Any:
        if isinstance(value, Literal):
            return value.value
        name = next(iter(value.parameters), "")
        if name in self._step.outputs:
            source = self._execution.operation.step(self._step.outputs[name])
            walked = rows_of(self._execution, output_of(self._execution, source).table)
            rows = self._rows_between(connection, source, walked, None, None)
            return self._records(name, source, rows)
        if name in self._execution.parameters and value.text.strip() == f":{name}":
            return self._execution.parameters[name]
        return self._execution.scalar(connection, value)

    def _rows_between(
        self,
        connection: Connection,
        source: Step,
        walked: Target,
        start: str | None,
        end: str | None,
    ) -> list[dict[str, Any]]:
        """Rows of an earlier step's output table, in key order."""
        key = output_of(self._execution, source).table.key
        rows, bound = walked.rows(load_key(start), load_key(end))
        order = ", ".join(self._execution.database.dialect.quote(name) for name in key)
        found = connection.execute(text(f"SELECT * FROM {rows} AS r ORDER BY {order}"), bound)
        return [dict(row) for row in found.mappings()]

    def _records(self, name: str, source: Step, rows: Sequence[dict[str, Any]]) -> list[Any]:
        """Rows as a function is given them: records, or keys (tuples where one is composite)."""
        output = output_of(self._execution, source)
        if not name.endswith(IDS):
            return [record_from(output, row) for row in rows]
        columns = ids_columns(self._execution, name, source)
        return [key_from(output, row, columns) for row in rows]


def _key_names(execution: Context, step: Step, walked: Target | None) -> tuple[str, ...]:
    """The columns that tell the function's records apart."""
    if walked is not None and walked.table.key != (NUMBER,):
        return walked.table.key
    entity = execution.entity(step)
    if entity.key:
        return entity.key
    with execution.database.reading() as connection:
        found = reflect.reflect(connection, entity)
    return found.key if found else ()


def is_list(execution: Context, step: Step) -> bool:
    """Whether the function's input is a parameter that holds a list."""
    name = step.input.name
    return name is not None and isinstance(execution.parameters.get(name), list)


def place_key(place: int) -> str:
    """The cursor behind the first `place` elements of a list."""
    return f"[{place}]"


def _place(cursor: str | None) -> int:
    return int(cursor.strip("[]")) if cursor else 0
