"""Functions in expressions that Python answers: what they are handed, and what their answer is."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlglot import exp

from batch_ops.errors import BatchOpsError, EngineFault, ExecutionError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BIGGEST = 2**63
_TYPES: tuple[tuple[type, FieldType], ...] = (
    (bool, FieldType.BOOLEAN),
    (int, FieldType.BIGINT),
    (Decimal, FieldType.DECIMAL),
    (float, FieldType.FLOAT),
    (str, FieldType.TEXT),
    (datetime, FieldType.TIMESTAMP),
    (date, FieldType.DATE),
    (time, FieldType.TIME),
    (UUID, FieldType.UUID),
)


def answer(
    call: exp.Anonymous,
    calls: Mapping[str, Callable[..., Any]],
    parameter: Callable[[str], Any],
) -> Any:
    """What a function answers to its arguments.

    Args:
        call: the call in an expression; its arguments are literals, parameters and such calls.
        calls: what to call, by the function's name in lower case.
        parameter: the value of a parameter; one of many values is a list.

    Raises:
        ExecutionError: nobody knows what to call, it failed, or it gave what is no single value.
    """
    name = call.name.lower()
    called = calls.get(name)
    if called is None:
        raise ExecutionError(
            f"Nothing here can answer the function {name.upper()}().",
            todo="Register it with @batch_ops.sql_function, in a module that this process imports.",
        )
    arguments = [_argument(each, calls, parameter) for each in call.expressions]
    value = _called(name, called, arguments)
    if value is not None:
        type_of(value, name)
    return value


def type_of(value: Any, name: str) -> FieldType:
    """The type a function's answer has, by its Python type.

    Raises:
        ExecutionError: it is no single value.
    """
    found = kind_of_value(value)
    if found is not None:
        return found
    raise ExecutionError(
        f"The function {name.upper()}() answered with a {type(value).__name__}.",
        todo="Let it return one bool, number, text, date, time, datetime, UUID or None.",
    )


def kind_of_value(value: Any) -> FieldType | None:
    """The type of a Python value; None where expressions have none for it."""
    if isinstance(value, int) and not -_BIGGEST <= value < _BIGGEST:
        return FieldType.DECIMAL
    return next((found for kind, found in _TYPES if isinstance(value, kind)), None)


def _called(name: str, called: Callable[..., Any], arguments: list[Any]) -> Any:
    try:
        return called(*arguments)
    except BatchOpsError:
        raise
    except Exception as error:
        raise ExecutionError(
            f"The function {name.upper()}() failed: {type(error).__name__}: {error}",
            todo="Mend the function, then resume.",
        ) from error


def _argument(
    node: exp.Expr, calls: Mapping[str, Callable[..., Any]], parameter: Callable[[str], Any]
) -> Any:
    node = node.unnest()
    if isinstance(node, exp.Neg):
        return -_argument(node.this, calls, parameter)
    if isinstance(node, exp.Anonymous):
        return answer(node, calls, parameter)
    if isinstance(node, exp.Placeholder):
        return parameter(node.name)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else _number(node.name)
    raise EngineFault(f"{node.sql()!r} passed as an argument of a function.")


def _number(text: str) -> int | Decimal:
    return int(text) if text.isdigit() else Decimal(text)
