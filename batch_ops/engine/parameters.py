"""The values of an execution's parameters: known, complete, of their declared types."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from batch_ops.database import values
from batch_ops.database.intervals import parse as parse_interval
from batch_ops.database.plain import plain_value
from batch_ops.database.render import Bind, ListOf, Scalar
from batch_ops.errors import ParameterError, UnknownNameError, keep_secret
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
        _refuse_given_secret(operation, known[name])
    found: dict[str, Any] = {}
    for name, parameter in known.items():
        if parameter.env is not None:
            found[name] = _secret(operation, parameter)
        elif name in given:
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
        _judge(name, found[name])
    return found


def _refuse_given_secret(operation: Operation, parameter: Parameter) -> None:
    if parameter.env is not None:
        raise ParameterError(
            f"The parameter {parameter.name!r} of {operation.name} is a secret: it takes no value.",
            todo=f"Put it into the variable {parameter.env}.",
        )


def secrets(operation: Operation) -> dict[str, Any]:
    """The values that stand in the environment, which the journal does not keep.

    Raises:
        ParameterError: one is missing or has the wrong type.
    """
    known = parameters_of(operation).values()
    return {each.name: _secret(operation, each) for each in known if each.env is not None}


def _secret(operation: Operation, parameter: Parameter) -> Any:
    assert parameter.env is not None
    value = os.environ.get(parameter.env)
    if value is None:
        if not parameter.required:
            return None
        raise ParameterError(
            f"The parameter {parameter.name!r} of {operation.name} stands in the variable"
            f" {parameter.env}, which is not set.",
            todo="Set it.",
        )
    keep_secret(value)
    try:
        typed = _typed(parameter, value)
        _judge(parameter.name, typed)
    except ParameterError as error:
        kind = parameter.type or "text"
        what = f"What stands in the variable {parameter.env} is no {kind}."
        raise ParameterError(what, todo="Set it to one.") from error
    return typed


def _judge(name: str, value: Any, *, of_record: bool = False) -> None:
    """Refuse what nobody can keep: half a sign of UTF-16; values of a kind no database has; outside
    of records, which are judged row by row, also NUL, at which some databases end a text.
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
        if odd := [key for key in value if not isinstance(key, str)]:
            raise ParameterError(
                f"The parameter {name!r} holds a record with a field {odd[0]!r}, which is no text.",
                todo="Fields of records are named by texts.",
            )
        for item in (*value, *value.values()):
            _judge(name, item, of_record=True)
    elif isinstance(value, list | tuple):
        for item in value:
            _judge(name, item, of_record=of_record)
    elif value is not None and not isinstance(value, _KEPT):
        raise ParameterError(
            f"The parameter {name!r} holds a value of type {type(value).__name__}, which no"
            " database can keep.",
            todo="Give texts, numbers, dates, times, UUIDs or bytes, or lists and records of them.",
        )


def _refuse_bound(operation: Operation, name: str) -> None:
    for step in operation.steps:
        if name in step.outputs:
            raise ParameterError(
                f"The name {name!r} stands for the rows of step {step.outputs[name]!r}; it takes no"
                " value.",
                todo="Leave it out, or declare a parameter of this name under `parameters:`.",
            )


def _typed(parameter: Parameter, value: Any) -> Any:
    value = value if value is None or isinstance(value, _KEPT) else plain_value(value)
    if isinstance(value, list | tuple):
        return [_typed(parameter, item) for item in value]
    if parameter.type is None:
        return _number_or_text(value)
    if value is None:
        return None
    convert: Callable[[Any], Any] = _CONVERTERS.get(parameter.type, _text)
    try:
        return convert(value)
    except (ValueError, TypeError, InvalidOperation, OverflowError) as error:
        raise ParameterError(
            f"The value {value!r} of parameter {parameter.name!r} is no {parameter.type}.",
            todo=f"Give a value of type {parameter.type}.",
        ) from error


def _text(value: Any) -> str:
    if isinstance(value, dict):
        raise TypeError(value)
    return str(value)


def _number_or_text(value: Any) -> Any:
    """Where no type is declared and none can be seen, what reads as a number is one. Whole ones of
    more than 64 bits are decimals.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value) if value.lstrip("-").isdigit() else Decimal(value)
    large = isinstance(value, int) and not -_INT64 <= value < _INT64
    return Decimal(value) if large else value


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
    if not -_INT64 <= (number := int(value)) < _INT64:
        raise OverflowError(value)
    return number


def _decimal(value: Any) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(value)
    return number


def _interval(value: Any) -> Any:
    if not isinstance(value, timedelta):
        parse_interval(_text(value))
    return value


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_CONVERTERS: dict[FieldType, Callable[[Any], Any]] = {
    FieldType.INTEGER: _whole,
    FieldType.BIGINT: _whole,
    FieldType.FLOAT: float,
    FieldType.DECIMAL: _decimal,
    FieldType.BOOLEAN: _boolean,
    FieldType.UUID: lambda v: str(UUID(str(v))),
    FieldType.DATE: lambda v: v if isinstance(v, date) else date.fromisoformat(str(v)),
    FieldType.TIME: lambda v: v if isinstance(v, time) else time.fromisoformat(str(v)),
    FieldType.TIMESTAMP: _moment,
    FieldType.INTERVAL: _interval,
    FieldType.JSON: lambda v: v,
}
_KEPT = (str, int, float, Decimal, date, time, timedelta, UUID, bytes, memoryview)
"""What a value may be besides NULL, and lists and records of them."""
_INT64 = 2**63


def binds(operation: Operation, given: Mapping[str, Any]) -> dict[str, Bind]:
    """What the parameters bind in expressions."""
    known = parameters_of(operation)
    return {name: _bind(value, known[name].type) for name, value in given.items()}


def _bind(value: Any, kind: FieldType | None) -> Bind:
    return ListOf(value, kind) if isinstance(value, list) else Scalar(value, kind)


def dump(operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON-safe values, for the journal; without secrets."""
    known = parameters_of(operation)
    kept = {name: value for name, value in parameters.items() if known[name].env is None}
    return {name: _encode(value) for name, value in kept.items()}


def load(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters `dump` was given."""
    return {name: _decode(value) for name, value in stored.items()}


def _encode(value: Any) -> Any:
    if isinstance(value, list | tuple):
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
