"""Where the records of an insert or upsert come from: the options of a source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.expressions import Gate
from batch_ops.spec.model import (
    CsvSource,
    EntitySource,
    FieldType,
    FileFormat,
    Parameter,
    QuerySource,
    RecordFile,
    RowsSource,
)
from batch_ops.spec.queries import read_query
from batch_ops.spec.values import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.spec.model import Entity, Source
    from batch_ops.spec.nodes import Node
    from batch_ops.spec.options import Given
    from batch_ops.spec.references import Names

BY_POSITION = re.compile(r"csv_column_(\d{1,4})")
"""How a field of a CSV file is named by its place, from 1."""
_CSV = {
    "csv_delimiter": "delimiter",
    "csv_quote": "quote",
    "csv_has_header": "has_header",
    "csv_encoding": "encoding",
    "csv_null_values": "null_values",
}
SOURCE_OPTIONS = ("source_path", *_CSV, "field_mapping")
PATH_PARAMETER = "source_path"
"""The parameter that gives the path of a file, or replaces the declared one."""
_FORMATS = tuple(kind.value for kind in FileFormat)
KNOWN = ("csv_file", *_FORMATS, "table", "query", ":name")


def read_source(
    given: Given, entity: Entity, entities: Mapping[str, Entity], names: Names, *, watched: bool
) -> Source:
    """The source that `data_source` and the options beside it declare.

    Args:
        given: the step's options.
        entity: the target.
        entities: all declared ones.
        names: takes the parameters the source needs.
        watched: whether a sensor hands files over: then the declared path is the default of the
            parameter `source_path`.

    Raises:
        DeclarationError, UnknownNameError: a source nobody knows, or options it does not take.
    """
    word: str = given.need("data_source")
    if word == "csv_file":
        return _csv(given, entity, names, watched=watched)
    if word not in KNOWN and not word.startswith(":"):
        place = given.nodes["data_source"].location
        raise UnknownNameError("data source", word, KNOWN, location=place)
    _refuse_csv_options(given, word)
    if word.startswith(":"):
        return _rows(word[1:], given, entity, names)
    if word in _FORMATS:
        path = _path(given, names, watched=watched)
        return RecordFile(FileFormat(word), path, _mapping(given, entity))
    if word == "table":
        return _table(given, entity, entities)
    select, columns = read_query(_place(given, "query"), Gate(entity, entities))
    return QuerySource(select, columns, _mapping(given, entity, columns))


def _refuse_csv_options(given: Given, word: str) -> None:
    for option in _CSV:
        if option in given:
            what = f"The option {option!r} is for CSV files; this source is {word}."
            raise DeclarationError(what, location=given.place(option))


def _rows(name: str, given: Given, entity: Entity, names: Names) -> RowsSource:
    if not NAME.fullmatch(name):
        raise given.nodes["data_source"].wrong("a parameter (`:name`)")
    if "source_path" in given:
        what = f"The option 'source_path' is for files; :{name} hands records over."
        raise DeclarationError(what, location=given.place("source_path"))
    names.add(Parameter(name, many=True))
    return RowsSource(name, _mapping(given, entity))


def _table(given: Given, entity: Entity, entities: Mapping[str, Entity]) -> EntitySource:
    node = _place(given, "table")
    name = node.text.strip()
    if name not in entities:
        raise UnknownNameError("entity", name, entities, location=node.location)
    source = entities[name]
    if name == entity.name:
        raise node.error("A step that reads the table it writes would meet its own rows.")
    where = given.get("where_condition")
    condition = Gate(source, entities).expression(where) if where else None
    return EntitySource(name, condition, _mapping(given, entity, source.columns))


def _place(given: Given, word: str) -> Node:
    """What `source_path` names of a table or query."""
    if "source_path" not in given:
        told = {"table": "names the entity", "query": "is the SELECT"}[word]
        what = f"The data source {word!r} has no source_path, which {told}."
        raise DeclarationError(what, location=given.place("data_source"))
    return given.nodes["source_path"]


def _csv(given: Given, entity: Entity, names: Names, *, watched: bool) -> CsvSource:
    path = _path(given, names, watched=watched)
    settings: dict[str, Any] = {
        field: given.get(option) for option, field in _CSV.items() if option in given
    }
    _judge_signs(given)
    return CsvSource(path, mapping=_csv_mapping(given, entity), **settings)


def _path(given: Given, names: Names, *, watched: bool) -> str | None:
    """The declared path; without one, or where files are handed over, it is a parameter."""
    path: str | None = given.get("source_path")
    if path is not None and path.startswith(":"):
        todo = f"Leave it out: then the parameter {PATH_PARAMETER!r} gives the path."
        raise given.nodes["source_path"].wrong("a path or package://…", todo)
    if path is None or watched:
        names.add(Parameter(PATH_PARAMETER, FieldType.TEXT, path, path is None, False))
    return None if watched else path


def _judge_signs(given: Given) -> None:
    if given.get("csv_delimiter", ",") == given.get("csv_quote", '"'):
        what = "The delimiter and the quote are the same character."
        raise DeclarationError(what, location=given.place("csv_delimiter"))


def _mapping(given: Given, entity: Entity, known: tuple[str, ...] | None = None) -> dict[str, str]:
    """Target column → field of the record; `known`: the fields there are."""
    if "field_mapping" not in given:
        return {}
    node: Node = given.get("field_mapping")
    for column, field in node.items.items():
        if column not in entity.columns:
            raise UnknownNameError("column", column, entity.columns, location=field.label)
        if known is not None and field.text not in known:
            raise UnknownNameError("column", field.text, known, location=field.location)
    return {column: field.text for column, field in node.items.items()}


def _csv_mapping(given: Given, entity: Entity) -> dict[str, str | int]:
    """By header name, or by position as `csv_column_1`; not both in one mapping."""
    mapping: dict[str, str | int] = {}
    for column, name in _mapping(given, entity).items():
        place = BY_POSITION.fullmatch(name)
        mapping[column] = int(place.group(1)) if place else name
    if not mapping:
        return mapping
    node: Node = given.get("field_mapping")
    named = [column for column, field in mapping.items() if isinstance(field, str)]
    if named and given.get("csv_has_header") is False:
        raise node.error("A field_mapping goes by header name, and this file has no header.")
    if named and len(named) < len(mapping):
        raise node.items[named[0]].error("A mapping goes by name or by position, not by both.")
    if 0 in mapping.values():
        raise node.error("The first column is csv_column_1.")
    return mapping
