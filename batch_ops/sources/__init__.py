"""Rows in: files and records in memory, screened batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from batch_ops.database.load import Layout, Position
from batch_ops.errors import EngineFault, ParameterError, SourceError
from batch_ops.sources.csv_source import CsvRows, Store, after_bom, fields_of_first, read_header
from batch_ops.sources.cut import Marks
from batch_ops.sources.files import digest_of, locate, open_stream
from batch_ops.sources.header import Fields, by_header, by_position
from batch_ops.sources.normal import Shape
from batch_ops.sources.records import Form
from batch_ops.sources.rows import NULL_TEXT, columns_of, records_of, store_of
from batch_ops.sources.rules import RuleContext, prepare
from batch_ops.sources.screen import Screens
from batch_ops.sources.source import MAX_RANGES, Range, Source, SourcePlan
from batch_ops.spec.model import CsvSource, RecordFile, RowsSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from batch_ops.database.compute import Computing
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.sources.files import Bytes
    from batch_ops.spec.model import Entity, Rule, Stream, Value

__all__ = ["MAX_RANGES", "Range", "Source", "SourcePlan", "open_source"]

PATH_PARAMETER = "source_path"
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FileStore:
    """A file of any packing and encoding."""

    path: Path
    encoding: str
    name: str

    def open(self, offset: int) -> AbstractContextManager[Bytes]:
        """Its text as UTF-8, from an offset on."""
        return open_stream(self.path, self.encoding, offset)

    def digest(self) -> tuple[str, int]:
        """SHA-256 (hex) of the bytes on disk, and how many there are."""
        return digest_of(self.path)


def open_source(
    step_source: Stream,
    table: Table,
    entity: Entity,
    rules: Sequence[Rule],
    *,
    folder: Path,
    parameters: Mapping[str, Any],
    dialect: Dialect,
    entities: Mapping[str, Entity] | None = None,
    now: datetime | None = None,
    values: Mapping[str, Value] = NOTHING,
    constants: Mapping[str, Any] = NOTHING,
    numbered: str | None = None,
    compute: Computing | None = None,
) -> Source:
    """The source of a step, looked at as far as its header.

    Args:
        step_source: as declared.
        table: the table its rows go to.
        entity: the declared entity of that table.
        rules: judged for each row before it is written.
        folder: where relative paths begin.
        parameters: the values the declaration refers to by name.
        dialect: of the database the table is in.
        entities: the declared entities, for sub-selects of rules.
        now: what NOW() means in a rule; default: this moment.
        values: what each target column is made of; empty: of the records' fields as they are.
        constants: ready values for target columns that neither `values` nor the record sets.
        numbered: the name of a column that gets each record's row number.
        compute: with what values are computed that are more than a field or a constant; without
            it, batches of a source that has such values cannot be read.

    Raises:
        SourceError: it cannot be read as declared.
        ParameterError: a parameter it needs is missing.
    """
    context = RuleContext(table, dialect, parameters, entities or {}, now or datetime.now(UTC))
    if isinstance(step_source, RecordFile) or values or constants or numbered:
        raise EngineFault("This source is not read yet.")
    if isinstance(step_source, RowsSource):
        return _open_rows(step_source, rules, context)
    return _open_csv(step_source, entity, rules, context, folder)


def _open_csv(
    declared: CsvSource, entity: Entity, rules: Sequence[Rule], context: RuleContext, folder: Path
) -> Source:
    path = context.parameters.get(PATH_PARAMETER) or declared.path
    if not isinstance(path, str | Path) or not str(path):
        what = f"The parameter {PATH_PARAMETER!r} is missing."
        raise ParameterError(what, todo=f"Give the file: -p {PATH_PARAMETER}=….")
    store = FileStore(locate(str(path), folder), declared.encoding, str(path))
    marks = Marks(_sign(declared.delimiter, "delimiter"), _sign(declared.quote, "quote"))
    fields, first = _fields(store, declared, entity, marks, context.table)
    layout = Layout(fields.columns, declared.delimiter, declared.quote, declared.null_values)
    return _source(store, layout, fields, first, rules, context)


def _sign(text: str, what: str) -> int:
    if len(text.encode()) != 1 or text in "\r\n\0":
        todo = f"Set csv_{what} to one character of the keyboard's plain ones, as , ; or |."
        raise SourceError(f"The {what} {text!r} is not one ASCII character.", todo=todo)
    return ord(text)


def _fields(
    store: Store, declared: CsvSource, entity: Entity, marks: Marks, table: Table
) -> tuple[Fields, Position]:
    if declared.has_header:
        header, first = read_header(store, marks, declared.encoding)
        return by_header(header, declared.mapping, table, store.name), first
    first = after_bom(store)
    fields = by_position(entity, table, store.name)
    found = fields_of_first(store, marks, first)
    if found not in (None, len(fields.names)):
        what = (
            f"The first row of {store.name} has {found} fields; {len(fields.names)} are declared."
        )
        todo = f"They are, in this order: {', '.join(fields.names)}."
        raise SourceError(what, todo=todo)
    return fields, first


def _open_rows(declared: RowsSource, rules: Sequence[Rule], context: RuleContext) -> Source:
    rows = records_of(context.parameters, declared.parameter)
    columns = columns_of(rows)
    fields = by_header(columns, {}, context.table, "rows")
    layout = Layout(fields.columns, null_values=(NULL_TEXT,))
    given = rules if rows else ()
    return _source(store_of(rows, columns), layout, fields, Position(0, 1), given, context)


def _source(
    store: Store,
    layout: Layout,
    fields: Fields,
    first: Position,
    rules: Sequence[Rule],
    context: RuleContext,
) -> CsvRows:
    prepared = tuple(prepare(rules, layout.targets, context))
    layout = Layout(
        layout.columns,
        layout.delimiter,
        layout.quote,
        layout.null_values,
        tuple(rule.stage for rule in prepared),
    )
    marks = Marks(ord(layout.delimiter), ord(layout.quote), single=len(fields.names) == 1)
    kept = tuple(place for place, name in enumerate(layout.columns) if name is not None)
    shape = Shape(marks, len(fields.names), kept)
    form = Form(layout, shape, fields.names, context.table.key, prepared)
    screens = Screens(context.table, layout, prepared, context.dialect)
    return CsvRows(store, form, screens, first)
