"""Where the rows of an insert come from: the options of a source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.model import CsvSource, FieldType, Parameter, RowsSource
from batch_ops.spec.values import NAME

if TYPE_CHECKING:
    from batch_ops.spec.model import Entity, Source
    from batch_ops.spec.nodes import Node
    from batch_ops.spec.options import Given
    from batch_ops.spec.references import Names

_NOT_YET = ("json", "jsonl", "parquet", "yaml", "toml", "table", "query")
_BY_POSITION = re.compile(r"csv_column_\d+")
_CSV = {
    "csv_delimiter": "delimiter",
    "csv_quote": "quote",
    "csv_has_header": "has_header",
    "csv_encoding": "encoding",
    "csv_null_values": "null_values",
}
SOURCE_OPTIONS = ("source_path", *_CSV, "field_mapping")
PATH_PARAMETER = "source_path"


def read_source(given: Given, entity: Entity, names: Names, *, watched: bool) -> Source:
    """The source that `data_source` and the options beside it declare.

    Args:
        given: the step's options.
        entity: the target.
        names: takes the parameters the source needs.
        watched: whether a sensor hands files over: then the declared path is the default of the
            parameter `source_path`.

    Raises:
        DeclarationError, UnknownNameError: a source nobody knows, or options it does not take.
    """
    word: str = given.need("data_source")
    node = given.nodes["data_source"]
    if word.startswith(":"):
        return _rows(word[1:], given, names)
    if word in _NOT_YET:
        raise node.error(f"The data source {word!r} is not available yet.", "Known: csv_file.")
    if word != "csv_file":
        known = ("csv_file", ":name")
        raise UnknownNameError("data source", word, known, location=node.location)
    return _csv(given, entity, names, watched=watched)


def _rows(name: str, given: Given, names: Names) -> RowsSource:
    if not NAME.fullmatch(name):
        raise given.nodes["data_source"].wrong("a parameter (`:name`)")
    for option in SOURCE_OPTIONS:
        if option in given:
            what = f"The option {option!r} is for files; :{name} hands records over."
            raise DeclarationError(what, location=given.place(option))
    names.add(Parameter(name, many=True))
    return RowsSource(name)


def _csv(given: Given, entity: Entity, names: Names, *, watched: bool) -> CsvSource:
    path = _path(given)
    if path is None or watched:
        parameter = Parameter(PATH_PARAMETER, FieldType.TEXT, path, path is None, False)
        names.add(parameter)
    settings: dict[str, Any] = {
        field: given.get(option) for option, field in _CSV.items() if option in given
    }
    _judge_signs(given)
    mapping = _mapping(given, entity)
    return CsvSource(None if watched else path, mapping=mapping, **settings)


def _path(given: Given) -> str | None:
    path: str | None = given.get("source_path")
    if path is not None and path.startswith(":"):
        todo = f"Leave it out: then the parameter {PATH_PARAMETER!r} gives the path."
        raise given.nodes["source_path"].wrong("a path or package://…", todo)
    return path


def _judge_signs(given: Given) -> None:
    if given.get("csv_delimiter", ",") == given.get("csv_quote", '"'):
        what = "The delimiter and the quote are the same character."
        raise DeclarationError(what, location=given.place("csv_delimiter"))


def _mapping(given: Given, entity: Entity) -> dict[str, str]:
    if "field_mapping" not in given:
        return {}
    node: Node = given.get("field_mapping")
    if given.get("csv_has_header") is False:
        raise node.error("A field_mapping goes by header name, and this file has no header.")
    for column, header in node.items.items():
        if column not in entity.columns:
            raise UnknownNameError("column", column, entity.columns, location=header.label)
        if _BY_POSITION.fullmatch(header.text):
            what = f"A mapping by position ({header.text}) is not available yet."
            raise header.error(what, "Write the header's name.")
    return {column: header.text for column, header in node.items.items()}
