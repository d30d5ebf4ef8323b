"""Opening a source of each kind: as far as the names of its fields."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from batch_ops.database.load import Position
from batch_ops.errors import SourceError
from batch_ops.sources import json_files, parquet
from batch_ops.sources.assemble import Opened
from batch_ops.sources.csv_source import after_bom, fields_of_first, read_header
from batch_ops.sources.cut import Marks
from batch_ops.sources.header import NO_FIELD, Naming, by_declaration, by_header, by_place
from batch_ops.sources.rows import records_of, store_of
from batch_ops.sources.spool import Spool, write_items
from batch_ops.sources.survey import survey
from batch_ops.spec.model import FileFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch_ops.sources.asked import Asked
    from batch_ops.sources.files import FileStore
    from batch_ops.sources.header import Fields
    from batch_ops.sources.json_files import Item
    from batch_ops.sources.survey import Survey
    from batch_ops.spec.model import CsvSource, RecordFile, RowsSource

_NUMBERED = re.compile(r"csv_column_\d{1,4}")


def open_csv(declared: CsvSource, asked: Asked) -> Opened:
    """A CSV file."""
    store = asked.file(declared.path, declared.encoding)
    marks = Marks(_sign(declared.delimiter, "delimiter"), _sign(declared.quote, "quote"))
    fields, first = (_with_header if declared.has_header else _without_header)(
        store, declared, marks, asked
    )
    fields = replace(fields, counted=True)
    signs = (declared.delimiter, declared.quote)
    return Opened(store, fields, first, *signs, declared.null_values)


def _sign(text: str, what: str) -> int:
    if len(text.encode()) != 1 or text in "\r\n\0":
        todo = f"Set csv_{what} to one character of the keyboard's plain ones, as , ; or |."
        raise SourceError(f"The {what} {text!r} is not one ASCII character.", todo=todo)
    return ord(text)


def _with_header(
    store: FileStore, declared: CsvSource, marks: Marks, asked: Asked
) -> tuple[Fields, Position]:
    header, first = read_header(store, marks, declared.encoding)
    named, placed = _by_kind(declared)
    naming = Naming.header(store.name)
    if placed:
        return by_place(_told_apart(header), placed, asked.table, naming), first
    read = bool(asked.values)
    return by_header(header, named, asked.table, naming, read=read), first


def _without_header(
    store: FileStore, declared: CsvSource, marks: Marks, asked: Asked
) -> tuple[Fields, Position]:
    first = after_bom(store)
    found = fields_of_first(store, marks, first)
    _, placed = _by_kind(declared)
    counted = [int(n.rpartition("_")[2]) for n in asked.fields_read if _NUMBERED.fullmatch(n)]
    naming = Naming(store.name, f"The file {store.name} has", "columns")
    if placed or counted:
        number = max([*placed.values(), *counted]) if found is None else found
        return by_place(_told_apart([""] * number), placed, asked.table, naming), first
    fields = by_declaration(asked.entity, asked.table, naming, read=bool(asked.values))
    if found not in (None, len(fields.names)):
        what = (
            f"The first row of {store.name} has {found} fields; {len(fields.names)} are declared."
        )
        todo = f"They are, in this order: {', '.join(fields.names)}."
        raise SourceError(what, todo=todo)
    return fields, first


def _by_kind(declared: CsvSource) -> tuple[dict[str, str], dict[str, int]]:
    """The mapping by header names, and the one by places."""
    mapping = declared.mapping.items()
    named = {column: name for column, name in mapping if isinstance(name, str)}
    return named, {column: place for column, place in mapping if isinstance(place, int)}


def _told_apart(header: Sequence[str]) -> list[str]:
    """The names, with a number instead where there is none or another column has it too."""
    once = {name for name in header if name and header.count(name) == 1}
    return [name if name in once else f"csv_column_{n}" for n, name in enumerate(header, 1)]


def open_rows(declared: RowsSource, asked: Asked) -> Opened:
    """Records in memory."""
    rows = records_of(asked.parameters, declared.parameter)
    found = survey(rows, whole=True)
    fields = _fields_of(found, declared, asked, Naming.records("rows"))
    store = store_of(rows, fields.names)
    return Opened(store, fields, Position(0, 1), empty=not rows)


def open_records(declared: RecordFile, asked: Asked) -> Opened:
    """A file of records."""
    store = asked.file(declared.path)
    if declared.format is FileFormat.PARQUET:
        return _open_parquet(store, declared, asked)
    state = store.path.stat()
    listed = declared.format is FileFormat.JSON
    whole = not (declared.mapping or asked.values)
    found = _surveyed(store, listed, whole, (state.st_mtime_ns, state.st_size, state.st_ino))
    fields = _fields_of(found, declared, asked, Naming.records(store.name))
    names = fields.names
    spool = Spool(
        store.name, lambda file: write_items(_items(store, listed), names, file), store.digest
    )
    return Opened(spool, fields, Position(0, 1), odd=True, empty=not found.any)


def _items(store: FileStore, listed: bool) -> Iterator[Item]:
    with store.open(0) as stream:
        yield from json_files.elements(stream, store.name) if listed else json_files.lines(stream)


@functools.lru_cache(maxsize=16)
def _surveyed(store: FileStore, listed: bool, whole: bool, _state: tuple[int, ...]) -> Survey:
    """Remembered, for a source is opened several times before it is read."""
    return survey(_items(store, listed), whole=whole)


def _fields_of(
    found: Survey, declared: RowsSource | RecordFile, asked: Asked, naming: Naming
) -> Fields:
    """The fields of records that name their fields themselves."""
    names = tuple(found.kinds)
    if not found.any:  # nothing is there that could lack a field
        names = tuple(dict.fromkeys([*declared.mapping.values(), *asked.fields_read]))
    kinds = tuple(found.kinds.get(name) for name in names)
    return by_header(
        names or (NO_FIELD,),
        declared.mapping,
        asked.table,
        naming,
        read=bool(asked.values),
        kinds=kinds or (None,),
    )


def _open_parquet(store: FileStore, declared: RecordFile, asked: Asked) -> Opened:
    columns = parquet.columns(store)
    fields = by_header(
        [column.name for column in columns],
        declared.mapping,
        asked.table,
        Naming.records(store.name),
        read=bool(asked.values),
        kinds=tuple(column.kind for column in columns),
    )
    spool = Spool(store.name, lambda file: parquet.write(store, columns, file), store.digest)
    return Opened(spool, fields, Position(0, 1))
