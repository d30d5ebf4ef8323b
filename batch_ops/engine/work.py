"""What a chunk's batches are and what writing one means, for each kind of step."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from sqlalchemy import text

from batch_ops.database.values import load_key
from batch_ops.engine.examine import with_strict_key
from batch_ops.engine.isolation import isolate
from batch_ops.engine.plans import needs_output, target
from batch_ops.errors import EngineFault
from batch_ops.journal import chunks
from batch_ops.journal.store import utc_now
from batch_ops.planning.files import decode_position, encode_position
from batch_ops.planning.keyset import boundaries_between
from batch_ops.results import Counts, Reject
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from batch_ops.database import InputBatch, Loader, Position
    from batch_ops.database.statements import Statement
    from batch_ops.database.values import Key
    from batch_ops.engine.context import Context
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.spec.model import Step


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch before it is written: from where to where, and the records where a source gave them.

    start, end: encoded cursors. last: whether the chunk ends with it.
    """

    start: str | None
    end: str
    last: bool
    records: InputBatch | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch's rows."""

    counts: Counts
    rejects: tuple[Reject, ...] = ()


class Work(Protocol):
    """The work of one lane on one step."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None:
        """Give up what it holds open."""
        ...

    def batches(
        self, connection: Connection, chunk: ChunkRow
    ) -> AbstractContextManager[Iterator[Batch]]:
        """The batches from the chunk's position to its end."""
        ...

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        """Write one batch in the open transaction. isolating: every row by itself if need be."""
        ...


def work_of(execution: Context, step: Step) -> Work:
    """The work a step means; one per lane."""
    if step.source is not None:
        return SourceWork(execution, step)
    return KeysetWork(execution, step)


class KeysetWork:
    """select, update, delete: one statement over a range of keys."""

    def __init__(self, execution: Context, step: Step) -> None:
        self._execution, self._step = execution, step
        self._target = target(execution, step)
        self._batch_size = execution.settings(step).batch_size
        self._output = execution.output(step) if needs_output(execution, step) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @contextmanager
    def batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Iterator[Batch]]:
        yield self._batches(connection, chunk)

    def _batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Batch]:
        if chunk.upper is None:
            return
        start = chunk.position or chunk.lower
        for end in self._ends(connection, chunk):
            yield Batch(start, end, last=end == chunk.upper)
            start = end

    def _ends(self, connection: Connection, chunk: ChunkRow) -> list[str]:
        """Where the batches end: the plan's own splits where they fit, else counted again."""
        assert chunk.upper is not None
        if chunk.position is None and 0 < chunk.spacing <= self._batch_size:
            return _grouped(chunk.splits, self._batch_size // chunk.spacing)
        lower, upper = load_key(chunk.position or chunk.lower), load_key(chunk.upper)
        with connection.begin():
            walked = boundaries_between(connection, self._target, lower, upper, self._batch_size)
        return [*(end for end in walked.boundaries if end != chunk.upper), chunk.upper]

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        lower, upper = load_key(batch.start), load_key(batch.end)
        assert upper is not None
        if isolating:
            return self._isolated(connection, lower, upper)
        return Outcome(self._counted(self._run(connection, lower, upper)))

    def _run(self, connection: Connection, lower: Key | None, upper: Key) -> int:
        if self._step.kind is StepKind.SELECT and self._output is None:
            return self._count(connection, lower, upper)
        sql, parameters = self._statement(lower, upper)
        return int(connection.execute(text(sql), parameters).rowcount)

    def _count(self, connection: Connection, lower: Key | None, upper: Key) -> int:
        keys, parameters = self._target.keys(lower, upper)
        query = f"SELECT count(*) FROM ({keys}) AS k"
        return int(connection.execute(text(query), parameters).scalar_one())

    def _statement(self, lower: Key | None, upper: Key) -> Statement:
        if self._step.kind is StepKind.UPDATE:
            return self._target.update(self._step.values, utc_now(), lower, upper)
        if self._step.kind is StepKind.DELETE:
            return self._target.delete(lower, upper)
        assert self._output is not None
        return self._target.select_into(self._output, lower, upper)

    def _counted(self, rows: int) -> Counts:
        if rows < 0:
            raise EngineFault("The driver did not tell how many rows a statement changed.")
        names = {
            StepKind.UPDATE: "updated",
            StepKind.DELETE: "deleted",
            StepKind.SELECT: "selected",
        }
        return Counts(total=rows, **{names[self._step.kind]: rows})

    def _isolated(self, connection: Connection, lower: Key | None, upper: Key) -> Outcome:
        query, parameters = self._target.keys(lower, upper)
        keys = [tuple(row) for row in connection.execute(text(query), parameters)]
        done, refused = isolate(
            connection,
            lambda low, high: self._run(connection, low, high),
            lower,
            keys,
            self._execution.database.dialect,
        )
        rejects = tuple(_row_reject(self._target.table.key, key, fault) for key, fault in refused)
        counts = self._counted(done) + Counts(total=len(rejects), failed=len(rejects))
        return Outcome(counts, rejects)


def _chunk_ends(execution: Context, step: Step) -> list[Position]:
    """Where the step's chunks end in the source, in order."""
    with execution.database.reading() as connection:
        rows = chunks.of_step(execution.journal, connection, execution.id, step.name)
    return [decode_position(row.upper) for row in rows if row.upper is not None]


def _grouped(splits: tuple[str, ...], per_batch: int) -> list[str]:
    """Every `per_batch`-th split, and the last one."""
    ends = list(splits[per_batch - 1 :: per_batch])
    return ends if ends and ends[-1] == splits[-1] else [*ends, splits[-1]]


def _row_reject(names: tuple[str, ...], key: Key, fault: Any) -> Reject:
    from batch_ops.database.values import plain

    return Reject(
        code=fault.code,
        message=fault.message,
        outcome="failed",
        key={name: plain(value) for name, value in zip(names, key, strict=True)},
        column=fault.column,
    )


class SourceWork:
    """insert from a source: screened batches through the database's loader.

    The reader runs on over the ends of chunks: while the last batch of one is written, the first
    of the next is screened. A chunk that begins elsewhere gets a reader of its own.
    """

    def __init__(self, execution: Context, step: Step) -> None:
        self._source = execution.source(step)
        dialect = execution.database.dialect
        table = with_strict_key(execution.table(step))
        self._loader: Loader = dialect.loader(table, self._source.layout)
        self._batch_size = execution.settings(step).batch_size
        self._ends = _chunk_ends(execution, step)
        self._open = ExitStack()
        self._reader: Iterator[InputBatch] = iter(())
        self._at: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def batches(self, connection: Connection, chunk: ChunkRow) -> Iterator[Iterator[Batch]]:
        if chunk.upper is None or chunk.lower is None:
            yield iter(())
            return
        self._read_from(chunk.position or chunk.lower)
        try:
            yield self._batches(chunk)
        except BaseException:
            self._at = None
            raise

    def _read_from(self, start: str) -> None:
        if self._at == start:
            return
        self._open.close()
        position = decode_position(start)
        ends = [end for end in self._ends if end.offset > position.offset]
        reading = self._source.batches(position, ends[-1], self._batch_size, ends)
        self._reader, self._at = self._open.enter_context(reading), start

    def _batches(self, chunk: ChunkRow) -> Iterator[Batch]:
        while self._at != chunk.upper:
            batch = self._batch(chunk, next(self._reader))
            self._at = batch.end
            yield batch

    def _batch(self, chunk: ChunkRow, part: InputBatch) -> Batch:
        end = encode_position(part.end)
        return Batch(encode_position(part.start), end, last=end == chunk.upper, records=part)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        """Loaders isolate by themselves, deferred constraints included."""
        part = batch.records
        assert part is not None
        loaded = self._loader.load(connection, part)
        rejects = (*part.rejects, *loaded.rejects)
        invalid = sum(reject.outcome == "invalid" for reject in rejects)
        counts = Counts(
            total=part.total,
            created=loaded.created,
            invalid=invalid,
            failed=len(rejects) - invalid,
        )
        ordered = sorted(rejects, key=lambda reject: reject.row or 0)
        return Outcome(counts, tuple(ordered))
