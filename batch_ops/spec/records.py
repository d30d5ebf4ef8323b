"""Where records come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.spec.kinds import FileFormat
    from batch_ops.spec.terms import Expression


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file. `path` is a path or `package://<package>/<path in it>`; None: a parameter of
    the name `source_path` gives it. `mapping` maps target column to header name, or to the place
    of a column, from 1.
    """

    path: str | None
    delimiter: str = ","
    quote: str = '"'
    has_header: bool = True
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("",)
    mapping: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of records. `path` as in CsvSource; `mapping` maps target column to field name."""

    format: FileFormat
    path: str | None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowsSource:
    """Rows handed over in memory: the parameter that holds the list of records; None: one record
    without fields, made of the step's values alone.
    """

    parameter: str | None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntitySource:
    """The rows of another entity's table, in the same database; `where` chooses among them."""

    entity: str
    where: Expression | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuerySource:
    """The rows of one SELECT on declared entities; `columns` are their names, in order."""

    select: Expression
    columns: tuple[str, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)


Stream = CsvSource | RecordFile | RowsSource
"""Records from outside the database, read in order."""

Source = Stream | EntitySource | QuerySource
