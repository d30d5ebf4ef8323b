"""insert from a source: screened batches through the database's loader."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from batch_ops.engine.examine import with_strict_key
from batch_ops.engine.streams import open_stream
from batch_ops.engine.work import Batch, Outcome, refused_of
from batch_ops.journal import chunks
from batch_ops.planning.files import decode_position, encode_position
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database import InputBatch, Loader, Position
    from batch_ops.database.faults import Fault
    from batch_ops.engine.context import Context
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.results import Reject
    from batch_ops.sources import Source
    from batch_ops.spec.model import Step


def _chunk_ends(execution: Context, step: Step, parts: Sequence[ChunkRow] | None) -> list[Position]:
    """Where the step's chunks (None: those of the journal) end in the source, in order."""
    rows = parts
    if rows is None:
        with execution.database.reading() as connection:
            rows = chunks.of_step(execution.journal, connection, execution.id, step.name)
    return [decode_position(row.upper) for row in rows if row.upper is not None]


class StreamWork:
    """Work whose batches are records of a source.

    The reader runs on over the ends of chunks: while the last batch of one is written, the first
    of the next is screened. A chunk that begins elsewhere gets a reader of its own.
    """

    def __init__(
        self, execution: Context, step: Step, source: Source, parts: Sequence[ChunkRow] | None
    ) -> None:
        self._source = source
        self._batch_size = execution.settings(step).batch_size
        self._ends = _chunk_ends(execution, step, parts)
        self._open = ExitStack()
        self._reader: Iterator[InputBatch] = iter(())
        self._at: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def resize(self, rows: int) -> None:
        """The reader is opened anew: it has cut its batches ahead."""
        self._batch_size, self._at = rows, None

    def prepare(self, connection: Connection, batch: Batch) -> None:
        pass

    def refused(self, connection: Connection, batch: Batch, fault: Fault) -> Outcome | None:
        part = batch.records
        assert part is not None
        if part.total != 1 or part.rejects:
            return None
        reject = part.records.reject(0, fault.code, fault.message, column=fault.column)
        return with_rejects(part, (reject,), Counts())

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


class SourceWork(StreamWork):
    """Records that are all new: what the database refuses is a reject."""

    def __init__(
        self,
        execution: Context,
        step: Step,
        parts: Sequence[ChunkRow] | None = None,
        source: Source | None = None,
    ) -> None:
        source = source or open_stream(execution, step)
        table = with_strict_key(execution.table(step))
        self._loader: Loader = execution.database.dialect.loader(table, source.layout)
        super().__init__(execution, step, source, parts)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        """Loaders isolate by themselves, deferred constraints included."""
        part = batch.records
        assert part is not None
        loaded = self._loader.load(connection, part)
        written = Counts(created=loaded.created, skipped=loaded.skipped)
        return with_rejects(part, loaded.rejects, written)


def with_rejects(part: InputBatch, found: tuple[Reject, ...], written: Counts) -> Outcome:
    """What became of a batch of records: the screen's rejects, the database's, and the rest."""
    rejects = (*part.rejects, *found)
    counts = refused_of(part.total, rejects) + written
    return Outcome(counts, tuple(sorted(rejects, key=lambda reject: reject.row or 0)))
