"""Records for the source of a step: as a file of its format, or as a list for a parameter."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database.kinds import kind_of, settle
from batch_ops.database.values import as_text, plain
from batch_ops.errors import UsageError
from batch_ops.spec.model import (
    CsvSource,
    Expression,
    Field,
    FieldType,
    FileFormat,
    RecordFile,
    RowsSource,
    StepKind,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from batch_ops.spec.model import Entity, Step
    from batch_ops.testing.rows import Row, RowMaker

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Layout:
    """What a step's records hold.

    Attributes:
        fields: by name in the record, the field it is like.
        columns: target column → name in the record, where the record gives it as it is.
    """

    fields: Mapping[str, Field]
    columns: Mapping[str, str]


def layout_of(step: Step, entity: Entity, counted: str | None) -> Layout:
    """What the records of a step's source must hold."""
    if step.values:
        return _read_by_values(step, entity)
    mapping = getattr(step.source, "mapping", {})
    if mapping:
        columns = {column: str(name) for column, name in mapping.items()}
    else:
        columns = {name: name for name in entity.columns if name != counted}
    return Layout({name: entity.field(column) for column, name in columns.items()}, columns)


def _read_by_values(step: Step, entity: Entity) -> Layout:
    fields: dict[str, Field] = {}
    columns: dict[str, str] = {}
    for column, value in step.values.items():
        if not isinstance(value, Expression):
            continue
        tree = value.tree.unnest()
        if isinstance(tree, exp.Dot) and isinstance(tree.this, exp.Placeholder):
            columns[column] = tree.name
            fields[tree.name] = entity.field(column)
            continue
        for dot in value.tree.find_all(exp.Dot):
            fields.setdefault(dot.name, _computed_from(dot, entity))
    return Layout(fields, columns)


def _computed_from(dot: exp.Dot, entity: Entity) -> Field:
    """The field of a record that an expression reads, typed as it is used there."""
    if dot.name in entity.columns:
        return replace(entity.field(dot.name), nullable=False)
    parent = dot.parent
    if isinstance(parent, exp.Cast):
        settle(parent)
        return Field(dot.name, kind_of(parent) or FieldType.TEXT, nullable=False)
    return Field(dot.name, FieldType.TEXT, nullable=False)


def make_records(
    step: Step, layout: Layout, maker: RowMaker, count: int, present: Sequence[Row]
) -> Records:
    """Records that are new, for an upsert some that are there; some break the step's rules."""
    rows = maker.rows(count, first=len(present) + 1_000 % 97)
    same = step.conflict_target or maker.entity.key
    if step.kind is StepKind.UPSERT:
        for row, there in zip(rows[::2], present, strict=False):
            row |= {name: there[name] for name in same}
    by_name = {name: column for column, name in layout.columns.items()}
    return [
        {
            name: row[by_name[name]] if name in by_name else maker.other(field)
            for name, field in layout.fields.items()
        }
        for row in rows
    ]


def store(step: Step, layout: Layout, records: Records, folder: Path) -> tuple[str, Any] | None:
    """Put the records where the step finds them: the parameter and its value; None: a file that
    the declaration itself names.

    Raises:
        UsageError: no such source can be made.
    """
    source = step.source
    if isinstance(source, RowsSource):
        return (source.parameter, _handed(records)) if source.parameter else None
    assert isinstance(source, CsvSource | RecordFile)
    if isinstance(source, CsvSource):
        file = folder / "source.csv"
        file.write_bytes(_csv(source, layout, records).encode(source.encoding))
        return "source_path", str(file)
    if source.format is FileFormat.PARQUET or (source.path or "").startswith(("/", "package:")):
        what = f"No source of step {step.name!r} can be made: {source.path or source.format}"
        raise UsageError(what, todo="Write its tests by hand.")
    file = folder / (source.path or f"source.{source.format}")
    file.parent.mkdir(parents=True, exist_ok=True)
    told = [_plain(record) for record in records]
    lines = "\n".join(json.dumps(record) for record in told)
    file.write_text(lines if source.format is FileFormat.JSONL else json.dumps(told))
    return ("source_path", str(file)) if source.path is None else None


def _handed(records: Records) -> Records:
    return [_plain(record) for record in records]


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int | float | str | None) else as_text(value)
        for name, value in record.items()
    }


def _csv(source: CsvSource, layout: Layout, records: Records) -> str:
    places = [place for place in source.mapping.values() if isinstance(place, int)]
    names: list[str] = list(layout.fields)
    if places:
        names = [str(place) for place in range(1, max(places) + 1)]
    null = source.null_values[0] if source.null_values else ""
    made = io.StringIO()
    writer = csv.writer(
        made, delimiter=source.delimiter, quotechar=source.quote, lineterminator="\n"
    )
    if source.has_header:
        writer.writerow([f"column {name}" for name in names] if places else names)
    for record in records:
        texts = (as_text(record.get(name)) for name in names)
        writer.writerow([null if text is None else text for text in texts])
    return made.getvalue()


def shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a person reads it."""
    return {name: plain(value) for name, value in record.items()}
