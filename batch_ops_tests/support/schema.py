"""Judging entity files by the schema for editors."""

from __future__ import annotations

from functools import cache

from jsonschema import Draft7Validator

from batch_ops.spec.schema import schema
from batch_ops.spec.yamlfile import parse


@cache
def validator() -> Draft7Validator:
    """The schema, ready to judge."""
    found = schema()
    Draft7Validator.check_schema(found)
    return Draft7Validator(found)


def complaints(text: str) -> list[str]:
    """What the schema says against the text of an entity file; empty: nothing."""
    plain = parse(text, "judged.yaml").plain
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(plain)]
