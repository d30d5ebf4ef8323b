"""JSON Schema of an entity file, for editors: `python -m batch_ops.spec.schema` prints it.

It is made of the vocabulary, so that it knows every option and nothing else. Draft 7 is what
editors understand. It cannot know columns; `batch-ops check` does.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_ops.spec.expectations import EXPECTATIONS
from batch_ops.spec.fields import ALIASES, FIELD_PARTS, REFERENCE
from batch_ops.spec.forms import NAME_PATTERN, closed, either, listed, ref
from batch_ops.spec.loader import PATTERN
from batch_ops.spec.model import FieldType, FileFormat, StepKind
from batch_ops.spec.options import OPTIONS, Place
from batch_ops.spec.origins import SOURCE_OPTIONS
from batch_ops.spec.parameters import VARIABLE
from batch_ops.spec.sqltokens import MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batch_ops.spec.forms import Schema
    from batch_ops.spec.option import Option

FILE = Path(__file__).parent / "entity.schema.json"
DRAFT = "http://json-schema.org/draft-07/schema#"

_NAME: Schema = {"type": "string", "pattern": NAME_PATTERN}
_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_BOOLEAN: Schema = {"type": "boolean"}
_DATA = {
    StepKind.UPDATE: "update_data",
    StepKind.INSERT: "insert_data",
    StepKind.UPSERT: "upsert_data",
    StepKind.FUNCTION: "function",
}


def schema() -> dict[str, Any]:
    """The whole schema."""
    return {
        "$schema": DRAFT,
        "title": "An entity file of batch_ops",
        **_place(Place.ENTITY, ["name", "fields"]),
        "definitions": _definitions(),
    }


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _definitions() -> dict[str, Any]:
    return {
        "operation": _operation(),
        "step": _step(),
        "fields": {**_by_name(ref("field")), "minProperties": 1},
        "field": either(ref("type"), _field()),
        "type": _type(FieldType),
        "parameters": _by_name(either(ref("parameter_type"), _parameter())),
        "parameter_type": either(
            _type([*FieldType, "list", *(f"{kind}[]" for kind in FieldType)], ending=r"(\[\])?")
        ),
        "values": {**_by_name(ref("value")), "minProperties": 1},
        "value": _value(),
        "input": either({"type": "string", "pattern": r"^\s*:[A-Za-z_]\w*\s*$"}, _inputs()),
        "expression": {
            "type": "string",
            "pattern": r"\S",
            "maxLength": MAX_LENGTH,
            "description": "One SQL expression that only reads, in PostgreSQL's words.",
        },
        "source": either(
            {"enum": ["csv_file", *FileFormat, "table", "query"]},
            {"type": "string", "pattern": r"^\s*:[A-Za-z_]\w*\s*$"},
        ),
        "check": either(ref("expression"), _row_rule(), _expectation()),
    }


# places


def _place(place: Place, required: Iterable[str]) -> dict[str, Any]:
    found = {o.name: o.schema for o in OPTIONS.values() if place in o.places and o.form}
    return {**closed(required, **found)}


def _operation() -> dict[str, Any]:
    made = _place(Place.OPERATION, ["name", "operation"])
    made["properties"]["name"] = {"const": PATTERN, "description": f"Always `{PATTERN}`."}
    alone = [o.name for o in OPTIONS.values() if o.work and Place.OPERATION in o.places]
    work = either(*({"required": [name]} for name in ("steps", "operation_type", "data_source")))
    made["allOf"] = [work, _if_there("steps", forbidden=alone), *_conditions(Place.OPERATION)]
    return made


def _step() -> dict[str, Any]:
    made = _place(Place.STEP, ["name"])
    work = either({"required": ["operation_type"]}, {"required": ["data_source"]})
    others = [kind for kind in StepKind if kind is not StepKind.FUNCTION]
    made["allOf"] = [
        work,
        *_conditions(Place.STEP),
        {"if": _is(others), "then": {"properties": {"timeout": False}}},
    ]
    return made


def _conditions(place: Place) -> list[Schema]:
    """Which options belong to which kind of step, and to a source."""
    options = [o for o in OPTIONS.values() if place in o.places and o.form]
    rules = [_of_kind(kind, options) for kind in StepKind]
    of_source = [option for option in SOURCE_OPTIONS if option in OPTIONS]
    needs = {"dependencies": {option: ["data_source"] for option in of_source}}
    csv = [option for option in of_source if option.startswith("csv_")]
    other = {"properties": {"data_source": {"not": {"const": "csv_file"}}}}
    return [*rules, needs, _if(other, "data_source", forbidden=csv)]


def _of_kind(kind: StepKind, options: Iterable[Option]) -> Schema:
    forbidden = [o.name for o in options if o.kinds and kind not in o.kinds]
    then: dict[str, Any] = {"properties": dict.fromkeys(forbidden, False)}
    if kind in (StepKind.UPDATE, StepKind.FUNCTION):
        then["required"] = [_DATA[kind]]
    if kind.adds:
        then |= either({"required": [_DATA[kind]]}, {"required": ["data_source"]})
    return {"if": _is([kind]), "then": then}


def _is(kinds: Iterable[StepKind]) -> Schema:
    """Whether a step is of one of these kinds; without a word a source makes it an insert."""
    kinds = list(kinds)
    said = {"properties": {"operation_type": {"enum": kinds}}, "required": ["operation_type"]}
    if StepKind.INSERT not in kinds:
        return said
    unsaid = {"required": ["data_source"], "not": {"required": ["operation_type"]}}
    return either(said, unsaid)


def _if_there(option: str, forbidden: Iterable[str]) -> Schema:
    return _if({}, option, forbidden)


def _if(shape: Mapping[str, Any], option: str, forbidden: Iterable[str]) -> Schema:
    then = {"properties": dict.fromkeys(forbidden, False)}
    return {"if": {**shape, "required": [option]}, "then": then}


# fields and parameters


def _by_name(shape: Schema) -> dict[str, Any]:
    return {"type": "object", "propertyNames": _NAME, "additionalProperties": shape}


def _type(choices: Iterable[str], ending: str = "") -> Schema:
    """A type: the plain words are proposed, sizes and other ways to write it are taken."""
    sized = {
        FieldType.STRING: r"\s*\(\s*\d+\s*\)",
        FieldType.DECIMAL: r"\s*\(\s*\d+\s*(,\s*\d+\s*)?\)",
    }
    ways = [_blind(name) for name in (*FieldType, *ALIASES)]
    for kind, size in sized.items():
        named = [kind, *(alias for alias, meant in ALIASES.items() if meant is kind)]
        ways.append(f"({'|'.join(map(_blind, named))}){size}")
    return either(
        {"enum": list(choices)},
        {"type": "string", "pattern": rf"^\s*({'|'.join(ways)}){ending}\s*$"},
    )


def _blind(text: str) -> str:
    """A pattern that passes over case, which editors have no sign for."""
    return re.sub("[a-z]", lambda found: f"[{found.group()}{found.group().upper()}]", text)


def _field() -> Schema:
    shapes = {
        "type": ref("type"),
        "nullable": {**_BOOLEAN, "default": True},
        "unique": {**_BOOLEAN, "default": False},
        "default": {"description": "What the column gets where nothing is said."},
        "references": {"type": "string", "pattern": f"^{REFERENCE.pattern}$"},
        "check": ref("expression"),
    }
    return closed(["type"], **{name: shapes[name] for name in FIELD_PARTS})


def _parameter() -> Schema:
    return closed(
        type=ref("parameter_type"),
        default={"description": "The value where none is given."},
        required={**_BOOLEAN, "default": True},
        identifying={**_BOOLEAN, "default": True},
        description=_TEXT,
        env={"type": "string", "pattern": f"^{VARIABLE.pattern}$"},
    )


# values and checks


def _value() -> Schema:
    return {
        "description": "A literal, `:name`, `:name.field`, one call of a function, or {sql: …}.",
        "if": {"type": "object", "required": ["sql"], "maxProperties": 1},
        "then": {"properties": {"sql": ref("expression")}},
    }


def _inputs() -> Schema:
    return _by_name(ref("value"))


def _row_rule() -> Schema:
    return closed(["row"], row=ref("expression"), name=_check_name(), description=_TEXT)


def _expectation() -> Schema:
    arguments = sorted({name for names in EXPECTATIONS.values() for name in names})
    parts: dict[str, Schema] = {
        **{name: {} for name in arguments},
        "type": {"enum": sorted(EXPECTATIONS)},
        "name": _check_name(),
        "description": _TEXT,
        "column": {"type": "string"},
        "column_list": either({"type": "string"}, listed({"type": "string"})),
    }
    return closed(["type"], **parts)


def _check_name() -> Schema:
    return {"type": "string", "pattern": "^[a-z0-9_]{1,100}$"}


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201
