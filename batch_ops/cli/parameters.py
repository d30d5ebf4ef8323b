"""`-p name=value`: from the texts of a command line to values; the engine gives the types."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_ops.errors import ParameterError, UnknownNameError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from batch_ops.spec.model import Parameter


def read_parameters(
    declared: Mapping[str, Parameter],
    given: Sequence[str] | None,
    columns: Collection[str] = (),
) -> dict[str, Any]:
    """The values of `-p name=value`: texts, lists, or what a file holds.

    Args:
        declared: the operation's parameters by name.
        given: as they stand in the command line.
        columns: names that the head line of a one-column CSV file may have.

    Raises:
        UnknownNameError: a parameter the operation does not have.
        ParameterError: one that has no value, is given twice, or is read from a wrong file.
    """
    found: dict[str, Any] = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        if name not in declared:
            raise UnknownNameError("parameter", name, declared)
        if not sign:
            raise ParameterError(f"-p {name} has no value.", todo=f"Write -p {name}=VALUE.")
        if name in found:
            raise ParameterError(f"The parameter {name!r} is given twice.", todo="Give it once.")
        found[name] = _value(declared[name], value, columns)
    return found


def local_path(path: str) -> str:
    """A path as the person means it: of the current folder where it is there, else as it is (then
    it is of the project folder, or `package://…`).
    """
    here = Path(path)
    return str(here.absolute()) if "://" not in path and here.exists() else path


def _value(parameter: Parameter, text: str, columns: Collection[str]) -> Any:
    if text.startswith("@@"):
        return _plain(parameter, text[1:])
    if text.startswith("@"):
        return _from_file(parameter, Path(text[1:]), columns)
    if parameter.name == "source_path":
        return local_path(text)
    return _plain(parameter, text)


def _plain(parameter: Parameter, text: str) -> Any:
    """A text; JSON where the type is JSON, or where a list is wanted and the text is one."""
    if parameter.type is FieldType.JSON:
        return _json(parameter, text)
    if text.startswith("[") and (parameter.many or parameter.type is None):
        return _json(parameter, text)
    return [text] if parameter.many else text


def _json(parameter: Parameter, text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ParameterError(
            f"The value of parameter {parameter.name!r} is no JSON: {error}",
            todo=f"Write -p '{parameter.name}=[1, 2]', or -p {parameter.name}=@FILE.json.",
        ) from error


def _from_file(parameter: Parameter, file: Path, columns: Collection[str]) -> Any:
    what = f"The parameter {parameter.name!r} cannot be read from {file}"
    if file.suffix.lower() not in {".json", ".csv"}:
        todo = "Give a .json or .csv file; a text that begins with @ is written with @@."
        raise ParameterError(f"{what}.", todo=todo)
    try:
        if file.suffix.lower() == ".json":
            return json.loads(file.read_text(encoding="utf-8-sig"))
        return _records(parameter, file, columns)
    except (OSError, ValueError, csv.Error, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        todo = "Give a file that is there and is whole, in UTF-8."
        raise ParameterError(f"{what}: {reason}", todo=todo) from error


def _records(parameter: Parameter, file: Path, columns: Collection[str]) -> list[Any]:
    """One column: a list of values; several: a list of records, named by the head line.

    The head line of a single column is told from a value by its name: the parameter's, its
    singular, or a column's.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = [row for row in csv.reader(lines, strict=True) if row]
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ValueError(f"line {number} has {len(row)} columns, the first {len(rows[0])}")
    if rows and len(rows[0]) > 1:
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    heads = {parameter.name, parameter.name.removesuffix("s"), *columns}
    values = [row[0] for row in rows]
    return values[1:] if values and values[0] in heads else values
