"""The forms a value can have: how it is read, and the same as JSON Schema for editors.

A schema may be more lenient than its reader, which knows columns and other options, and is never
stricter. `#/definitions/…` are those of `schema.py`.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.spec import values
from batch_ops.spec.model import ErrorHandling, LoggingLevel, OnConflict, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batch_ops.spec.nodes import Node

Reader = Callable[["Node"], Any]
Schema = Mapping[str, Any]

NAME_PATTERN = f"^{values.NAME.pattern}$"
_FUNCTION_PATTERN = r"^\s*[A-Za-z_]\w*((\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)?\s*$"
_DURATION_PATTERN = r"^\s*(P[0-9WDTHMS.]+|([0-9]+(\.[0-9]+)?\s*[A-Za-z]+[\s,]*)+)\s*$"
_AMOUNT_PATTERN = r"^\s*[0-9]{1,15}(\.[0-9]{1,6})?\s*[kKmMgGtT]?[iI]?[bB]\s*$"
_PERCENT_PATTERN = r"^\s*[0-9]{1,3}(\.[0-9]{1,6})?\s*%\s*$"


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is read, and what it looks like as JSON Schema."""

    read: Reader
    schema: Schema


def ref(name: str) -> Schema:
    """A definition of the schema."""
    return {"$ref": f"#/definitions/{name}"}


def closed(required: Iterable[str] = (), /, **parts: Schema) -> Schema:
    """A mapping with these parts and no others."""
    shape: dict[str, Any] = {"type": "object", "properties": parts, "additionalProperties": False}
    return shape | ({"required": list(required)} if required else {})


def either(*shapes: Schema) -> Schema:
    """One of several shapes."""
    return {"anyOf": list(shapes)}


def word(choices: Iterable[str]) -> Schema:
    """One of several words."""
    return {"enum": list(choices)}


def listed(shape: Schema, least: int = 0) -> Schema:
    """A list of one shape."""
    return {"type": "array", "items": shape} | ({"minItems": least} if least else {})


def number(low: float, high: float) -> Schema:
    """A number from low to high."""
    return {"type": "number", "minimum": low, "maximum": high}


def integer(low: int, high: int) -> Form:
    """A whole number from low to high."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Form(values.integer(low, high), schema)


def kept(schema: Schema) -> Form:
    """A value the loader reads itself, when it knows the entities."""
    return Form(values.keep, schema)


_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_NAME: Schema = {"type": "string", "pattern": NAME_PATTERN}
_NAMES = either(_NAME, {**listed(_NAME, 1), "uniqueItems": True})
_BOOLEAN: Schema = {"type": "boolean"}
_DURATION: Schema = {"type": "string", "pattern": _DURATION_PATTERN}
_DELAY = either(number(0, 86_400), _DURATION)

TEXT = Form(values.text, _TEXT)
NAME = Form(values.name, _NAME)
OWN_NAME = Form(values.own_name, {**_NAME, "not": word(keyword.kwlist)})
NAMES = Form(values.names, _NAMES)
NAMES_OR_NONE = Form(values.names_or_none, either(_NAME, {**listed(_NAME), "uniqueItems": True}))
TABLE = Form(
    values.table,
    {"type": "string", "pattern": r"^\s*[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?\s*$"},
)
BOOLEAN = Form(values.boolean, _BOOLEAN)
CHARACTER = Form(values.character, {"type": "string", "minLength": 1, "maxLength": 1})
ENCODING = Form(values.encoding, _TEXT)
TEXTS = Form(values.texts, either({"type": "string"}, listed({"type": "string"})))
DURATION = Form(values.duration, _DURATION)
ERROR_LIMIT = Form(
    values.error_limit,
    either({"type": "integer", "minimum": 0}, {"type": "string", "pattern": _PERCENT_PATTERN}),
)
AMOUNT = Form(values.amount, {"type": "string", "pattern": _AMOUNT_PATTERN})
_BATCHES: Schema = {"type": "integer", "minimum": 1, "maximum": 1_000}
CIRCUIT_BREAKER = Form(
    values.circuit_breaker,
    either(
        _BATCHES,
        closed(
            ["batches"], batches=_BATCHES, share={"type": "string", "pattern": _PERCENT_PATTERN}
        ),
    ),
)
ERROR_HANDLING = Form(values.error_handling, word(ErrorHandling))
ON_CONFLICT = Form(values.on_conflict, word(OnConflict))
LOGGING_LEVEL = Form(values.logging_level, word(LoggingLevel))
RETRY = Form(
    values.retry,
    closed(
        max_retries={"type": "integer", "minimum": 0, "maximum": 100},
        initial_delay=_DELAY,
        max_delay=_DELAY,
        backoff_factor=number(1, 100),
    ),
)
THROTTLE = Form(
    values.throttle,
    either(
        _DURATION,
        {
            **closed(
                pause=_DURATION,
                rows_per_second=number(0.001, 10**9),
                max_active={"type": "integer", "minimum": 1, "maximum": 100_000},
            ),
            "minProperties": 1,
        },
    ),
)
HEARTBEAT = Form(values.heartbeat, _DURATION)
FUNCTION_NAME = Form(values.function_name, {"type": "string", "pattern": _FUNCTION_PATTERN})
CHANNELS = Form(values.channels, _NAMES)
MESSAGE = Form(values.message, _TEXT)
SCHEDULE = Form(
    values.schedule,
    either(_TEXT, closed(["cron"], cron=_TEXT, timezone=_TEXT, confirm=_BOOLEAN)),
)
SENSOR = Form(values.sensor, closed(["folder"], folder=_TEXT, pattern=_TEXT, confirm=_BOOLEAN))

KIND = Form(values.text, word(StepKind))
SOURCE = Form(values.text, ref("source"))
FIELDS = kept(ref("fields"))
EXPIRES = kept(closed(["column", "after"], column=_NAME, after=_DURATION))
PATTERNS = kept(listed(ref("operation")))
STEPS = kept(listed(ref("step"), 1))
PARAMETERS = kept(ref("parameters"))
VALUES = kept(ref("values"))
INPUT = kept(ref("input"))
EXPRESSION = kept(ref("expression"))
RULES = kept(listed(ref("expression")))
CHECKS = kept(listed(ref("check")))
MAPPING = kept(
    {"type": "object", "propertyNames": _NAME, "additionalProperties": {"type": "string"}}
)
