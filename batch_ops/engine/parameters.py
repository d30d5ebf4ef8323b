"""The values of an execution's parameters: known, complete, of their declared types."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from batch_ops.database import values
from batch_ops.database.render import Bind, ListOf, Scalar
from batch_ops.errors import ParameterError, UnknownNameError
from batch_ops.spec.model import CsvSource, FieldType, Operation, Parameter, RecordFile
from batch_ops.spec.origins import PATH_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def parameters_of(operation: Operation) -> dict[str, Parameter]:
    """The operation's parameters, with `source_path` where its file source has none."""
    known = {parameter.name: parameter for parameter in operation.parameters}
    for step in operation.steps:
        if isinstance(step.source, CsvSource | RecordFile):
            required = step.source.path is None
            known.setdefault(
                PATH_PARAMETER,
                Parameter(PATH_PARAMETER, FieldType.TEXT, required=required, identifying=False),
            )
    return known


def resolve(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters' values, converted to their types; defaults filled in.

    Raises:
        UnknownNameError: a value for a name that is no parameter, or is bound to a step.
        ParameterError: a value is missing or has the wrong type.
    """
    known = parameters_of(operation)
    for name in given:
        if name not in known:
            _refuse_bound(operation, name)
            raise UnknownNameError("parameter", name, known)
    found: dict[str, Any] = {}
    for name, parameter in known.items():
        if name in given:
            found[name] = _typed(parameter, given[name])
        elif parameter.default is not None:
            found[name] = _typed(parameter, parameter.default)
        elif parameter.required:
            raise ParameterError(
                f"The parameter {name!r} of {operation.name} has no value.",
                todo=f"Give it one: -p {name}=…",
            )
        else:
            found[name] = None
        _judge_texts(name, found[name])
    return found


def _judge_texts(name: str, value: Any, *, of_record: bool = False) -> None:
    """Refuse texts that nobody can keep: half a sign of UTF-16; outside of records, which are
    judged row by row, also NUL, at which some databases end a text.
    """
    if isinstance(value, str):
        broken = not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value)
        if broken or ("\0" in value and not of_record):
            sign = "half a sign, which is no Unicode" if broken else "the sign NUL"
            raise ParameterError(
                f"The value of parameter {name!r} holds {sign}.",
                todo="Databases cannot keep it in a text: take it out.",
            )
    elif isinstance(value, dict):
        for item in (*value, *value.values()):
            _judge_texts(name, item, of_record=True)
    elif isinstance(value, list | tuple):
        for item in value:
            _judge_texts(name, item, of_record=of_record)


def _refuse_bound(operation: Operation, name: str) -> None:
    for step in operation.steps:
        if name in step.outputs:
            raise ParameterError(
                f"The name {name!r} stands for the rows of step {step.outputs[name]!r}; it takes no"
                " value.",
                todo="Leave it out, or declare a parameter of this name under `parameters:`.",
            )


def _typed(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_typed(parameter, item) for item in value]
    if parameter.type is None:
        return _number_or_text(value)
    if value is None or isinstance(value, dict):
        return value
    try:
        return _CONVERTERS.get(parameter.type, str)(value)
    except (ValueError, TypeError, InvalidOperation) as error:
        raise ParameterError(
            f"The value {value!r} of parameter {parameter.name!r} is no {parameter.type}.",
            todo=f"Give a value of type {parameter.type}.",
        ) from error


def _number_or_text(value: Any) -> Any:
    """Where no type is declared and none can be seen, what reads as a number is one."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    return int(value) if value.lstrip("-").isdigit() else Decimal(value)


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in ("true", "t", "yes", "y", "on", "1"):
        return True
    if text in ("false", "f", "no", "n", "off", "0"):
        return False
    raise ValueError(text)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    return int(value)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_CONVERTERS: dict[FieldType, Callable[[Any], Any]] = {
    FieldType.INTEGER: _whole,
    FieldType.BIGINT: _whole,
    FieldType.FLOAT: float,
    FieldType.DECIMAL: lambda v: Decimal(str(v)),
    FieldType.BOOLEAN: _boolean,
    FieldType.UUID: lambda v: str(UUID(str(v))),
    FieldType.DATE: lambda v: v if isinstance(v, date) else date.fromisoformat(str(v)),
    FieldType.TIME: lambda v: v if isinstance(v, time) else time.fromisoformat(str(v)),
    FieldType.TIMESTAMP: _moment,
    FieldType.JSON: lambda v: v,
}


def binds(operation: Operation, given: Mapping[str, Any]) -> dict[str, Bind]:
    """What the parameters bind in expressions."""
    known = parameters_of(operation)
    return {name: _bind(value, known[name].type) for name, value in given.items()}


def _bind(value: Any, kind: FieldType | None) -> Bind:
    return ListOf(value, kind) if isinstance(value, list) else Scalar(value, kind)


def dump(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON-safe values, for the journal."""
    return {name: _encode(value) for name, value in parameters.items()}


def load(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters `dump` was given."""
    return {name: _decode(value) for name, value in stored.items()}


def _encode(value: Any) -> Any:
    if isinstance(value, list):
        return {"list": [_encode(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): _encode(item) for key, item in value.items()}}
    return values.encode(value)


def _decode(value: Any) -> Any:
    if isinstance(value, dict) and "list" in value:
        return [_decode(item) for item in value["list"]]
    if isinstance(value, dict) and "dict" in value:
        return {key: _decode(item) for key, item in value["dict"].items()}
    return values.decode(value)


def identity(operation: Operation, parameters: Mapping[str, Any], digest: str | None) -> str:
    """What makes two executions the same: operation, source digest, identifying parameters."""
    known = parameters_of(operation)
    told = {name: _encode(v) for name, v in parameters.items() if known[name].identifying}
    text = orjson.dumps([operation.name, digest, told], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
