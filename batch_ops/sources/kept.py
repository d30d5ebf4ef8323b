"""Records that were refused once, read again as what they were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batch_ops.database.load import Position
from batch_ops.sources.assemble import Opened
from batch_ops.sources.header import Naming, by_declaration, by_header, by_place
from batch_ops.sources.spool import Spool
from batch_ops.sources.texts import NULL_TEXT, as_csv
from batch_ops.spec.model import CsvSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    from batch_ops.sources.asked import Asked
    from batch_ops.sources.header import Fields
    from batch_ops.spec.model import FieldType, Stream

    Record = Sequence[str | None]

NAME = "the rejects"


@dataclass(frozen=True, slots=True)
class KeptRecords:
    """What is read in the place of a declared source.

    Attributes:
        fields: of the source the records come from: name and, where it is known, type.
        records: gives the fields' texts of each record, in order; again and again the same.
    """

    fields: tuple[tuple[str, FieldType | None], ...]
    records: Callable[[], Iterator[Sequence[Record]]]


def open_kept(declared: Stream, kept: KeptRecords, asked: Asked) -> Opened:
    """The records as a source; their fields mean what they mean in the declared one."""
    spool = Spool(NAME, lambda file: _write(kept, file), lambda: ("", 0))
    return Opened(spool, _fields(declared, kept, asked), Position(0, 1))


def _write(kept: KeptRecords, file: IO[bytes]) -> None:
    for some in kept.records():
        texts = [[NULL_TEXT if text is None else text for text in record] for record in some]
        file.write(as_csv(texts).encode("utf-8", "surrogatepass"))


def _fields(declared: Stream, kept: KeptRecords, asked: Asked) -> Fields:
    names = tuple(name for name, _ in kept.fields)
    kinds = tuple(kind for _, kind in kept.fields)
    naming, read = Naming.records(NAME), bool(asked.values)
    if not isinstance(declared, CsvSource):
        return by_header(names, declared.mapping, asked.table, naming, read=read, kinds=kinds)
    named = {column: n for column, n in declared.mapping.items() if isinstance(n, str)}
    placed = {column: n for column, n in declared.mapping.items() if isinstance(n, int)}
    counted = not declared.has_header and names[0] == "csv_column_1"
    if placed or counted:
        fields = by_place(names, placed, asked.table, naming)
    elif declared.has_header:
        fields = by_header(names, named, asked.table, naming, read=read)
    else:
        fields = by_declaration(asked.entity, asked.table, naming, read=read)
    return replace(fields, counted=True)
