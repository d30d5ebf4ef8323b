"""Rows in: files and records in memory, screened batch by batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from batch_ops.database.tables import Column
from batch_ops.sources.asked import Asked
from batch_ops.sources.assemble import assembled
from batch_ops.sources.kept import KeptRecords, open_kept
from batch_ops.sources.opening import open_csv, open_records, open_rows
from batch_ops.sources.source import MAX_RANGES, Range, Source, SourcePlan
from batch_ops.spec.model import CsvSource, Field, FieldType, RecordFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from batch_ops.database.compute import Computing
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.spec.model import Entity, Rule, Stream, Value

__all__ = ["MAX_RANGES", "KeptRecords", "Range", "Source", "SourcePlan", "open_source"]

NOTHING: Mapping[str, Any] = MappingProxyType({})


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
    kept: KeptRecords | None = None,
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
        kept: records of the source that are read in its place.

    Raises:
        SourceError: it cannot be read as declared.
        ParameterError: a parameter it needs is missing.
    """
    asked = Asked(
        table=_with_number(table, numbered, dialect) if numbered else table,
        entity=entity,
        rules=rules,
        folder=folder,
        parameters=parameters,
        dialect=dialect,
        entities=entities or {},
        now=now or datetime.now(UTC),
        values=values,
        constants=constants,
        numbered=numbered,
        compute=compute,
    )
    if kept is not None:
        return assembled(open_kept(step_source, kept, asked), asked)
    if isinstance(step_source, CsvSource):
        return assembled(open_csv(step_source, asked), asked)
    if isinstance(step_source, RecordFile):
        return assembled(open_records(step_source, asked), asked)
    return assembled(open_rows(step_source, asked), asked)


def _with_number(table: Table, name: str, dialect: Dialect) -> Table:
    """The table with a column for row numbers."""
    if name in table.column_names:
        return table
    kind = FieldType.BIGINT
    column = Column(name, dialect.field_sql(Field(name, kind)), kind, nullable=False)
    return replace(table, columns=(*table.columns, column))
