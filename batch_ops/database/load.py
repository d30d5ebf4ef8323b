"""The contract between a source of rows and a database that takes them in bulk.

A source hands over screened batches: it has judged every record, refused the bad ones, and marked
as suspect those only the database can judge. A loader puts the rest into the table inside the
caller's transaction and says, per record, what the database refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from batch_ops.results import Reject


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two records: the byte offset in the unpacked stream, and the 1-based number
    of the data row that begins there.
    """

    offset: int
    row: int


@dataclass(frozen=True, slots=True)
class StageRule:
    """A row rule as the database judges it.

    Attributes:
        text: as it was declared.
        sql: in the database's own SQL over the quoted column names; nothing is left to bind.
        column: the column it reads, where it reads one.
    """

    text: str
    sql: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How the fields of a record lie.

    Attributes:
        columns: per field the target column, None where the field is passed over.
        null_values: texts that mean NULL, quoted or not.
        rules: what every suspect must fulfil, judged by the database after its types.
    """

    columns: tuple[str | None, ...]
    delimiter: str = ","
    quote: str = '"'
    null_values: tuple[str, ...] = ("",)
    rules: tuple[StageRule, ...] = ()

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns in the order of the fields."""
        return tuple(column for column in self.columns if column is not None)


class Numbered(NamedTuple):
    """Numbered records that differ in one column of whole numbers alone.

    Attributes:
        number: the place of the column that numbers them from 1 on.
        varying: the place of the one in which they differ.
        values: its values.
        constants: the values of all other columns, in order.
    """

    number: int
    varying: int
    values: Sequence[int]
    constants: Sequence[Any]


class Records(Protocol):
    """The records of one batch that are to be written, by ordinal within the batch (from 0)."""

    @property
    def good(self) -> Sequence[int]:
        """Ordinals that are surely valid and fulfil the rules, in order."""
        ...

    @property
    def suspects(self) -> Sequence[int]:
        """Ordinals only the database can judge (types, rules, keys), in order."""
        ...

    @property
    def duplicates(self) -> Collection[int]:
        """The suspects that repeat a unique key of an earlier record of this batch."""
        ...

    @property
    def key_hashes(self) -> Sequence[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
        """Per unique group that the records give whole: the ordinals of good and suspect records
        with such a key, and a hash of each key. Equal keys have equal hashes, as far as the
        screen can tell.
        """
        ...

    @property
    def null_text(self) -> str:
        """The one text that means NULL in `raw`."""
        ...

    def raw(self, ordinals: Sequence[int]) -> Iterator[bytes | memoryview]:
        """These records' own bytes, in one piece or several: target fields only, UTF-8, each record
        ended by one newline; NULLs are written as `null_text`, quoted or not.
        """
        ...

    def texts(self, ordinals: Sequence[int]) -> Iterable[Sequence[str | None]]:
        """These records' target fields as texts (None: NULL), in the order of `Layout.targets`."""
        ...

    def columns(
        self, ordinals: Sequence[int], places: Sequence[int]
    ) -> Sequence[Sequence[str | None]]:
        """These records' texts in some of the target fields, field by field."""
        ...

    def values(self, ordinals: Sequence[int]) -> Iterable[Sequence[Any]] | None:
        """These records' target fields as the driver takes them; None where they are texts, which
        are to be converted.
        """
        ...

    def numbered(self) -> Numbered | None:
        """All records, where they are numbered and differ in one column of whole numbers alone."""
        ...

    def reject(
        self,
        ordinal: int,
        code: str,
        message: str,
        *,
        column: str | None = None,
        outcome: str = "failed",
    ) -> Reject:
        """The record as a reject: its row number, key, all fields, and the column's value."""
        ...


@dataclass(frozen=True, slots=True)
class InputBatch:
    """Consecutive records of a source, screened.

    Attributes:
        start, end: the positions around it.
        total: how many records it has, the refused ones included.
        rejects: what the screen refused, with reasons.
        crc: CRC-32 of the bytes between start and end.
    """

    start: Position
    end: Position
    total: int
    records: Records
    rejects: tuple[Reject, ...]
    crc: int


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What became of the records a loader was given: the sum of all is their number.

    skipped: left out by a trigger, a rule or a constraint that refuses nothing.
    """

    created: int
    rejects: tuple[Reject, ...] = ()
    skipped: int = 0


class Loader(Protocol):
    """Puts batches into one table. May remember between batches what it learned (that duplicates
    occur, which keys it may have met), never what it wrote. One loader belongs to one lane.
    """

    def load(self, connection: Connection, batch: InputBatch) -> LoadOutcome:
        """Write the batch inside the connection's open transaction.

        A row the database refuses becomes a reject and costs no other row. Transient and systemic
        errors are raised as SQLAlchemy's, and leave the transaction to be rolled back.
        """
        ...
