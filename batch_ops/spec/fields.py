"""Field declarations: `integer`, `string(20)`, `decimal(10,2)`, or a mapping with more."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batch_ops.errors import UnknownNameError
from batch_ops.spec.model import Field, FieldType, Reference

if TYPE_CHECKING:
    from batch_ops.spec.nodes import Node

ALIASES = {
    "int": FieldType.INTEGER,
    "int2": FieldType.INTEGER,
    "int4": FieldType.INTEGER,
    "smallint": FieldType.INTEGER,
    "int8": FieldType.BIGINT,
    "long": FieldType.BIGINT,
    "varchar": FieldType.STRING,
    "char": FieldType.STRING,
    "str": FieldType.STRING,
    "bool": FieldType.BOOLEAN,
    "numeric": FieldType.DECIMAL,
    "money": FieldType.DECIMAL,
    "double": FieldType.FLOAT,
    "double precision": FieldType.FLOAT,
    "real": FieldType.FLOAT,
    "datetime": FieldType.TIMESTAMP,
    "timestamptz": FieldType.TIMESTAMP,
    "jsonb": FieldType.JSON,
    "bytes": FieldType.BINARY,
    "bytea": FieldType.BINARY,
    "blob": FieldType.BINARY,
}
TYPES = {**{kind.value: kind for kind in FieldType}, **ALIASES}

_TYPE = re.compile(r"([a-z][a-z0-9 ]*?)\s*(?:\(\s*(\d{1,9})\s*(?:,\s*(\d{1,9})\s*)?\))?")
FIELD_PARTS = ("type", "nullable", "unique", "default", "references", "check")
REFERENCE = re.compile(r"([A-Za-z_]\w*)\.([A-Za-z_]\w*)")
MAX_LENGTH, MAX_PRECISION = 10_485_760, 1000


def read_type(node: Node) -> tuple[FieldType, int | None, tuple[int, int] | None]:
    """A type's text as type, length of a `string(n)`, and precision of a `decimal(p,s)`."""
    found = _TYPE.fullmatch(node.text.strip().lower())
    name = found.group(1) if found else node.text
    if found is None or name not in TYPES:
        raise UnknownNameError("type", name, sorted(TYPES), location=node.location)
    kind, (first, second) = TYPES[name], (found.group(2), found.group(3))
    if first and kind is FieldType.DECIMAL:
        return kind, None, _precision(node, int(first), int(second or 0))
    if first and kind is FieldType.STRING and not second:
        return kind, _length(node, int(first)), None
    if first:
        raise node.error(f"The type {kind} takes no size.", f"Write {name}.")
    return kind, None, None


def _length(node: Node, length: int) -> int:
    if not 1 <= length <= MAX_LENGTH:
        raise node.wrong(f"a length of 1 to {MAX_LENGTH:,}")
    return length


def _precision(node: Node, digits: int, scale: int) -> tuple[int, int]:
    if not 1 <= digits <= MAX_PRECISION or scale > digits:
        raise node.wrong(f"decimal(digits, scale) with up to {MAX_PRECISION} digits")
    return digits, scale


def read_field(name: str, node: Node) -> Field:
    """One field of an entity: a type's text, or a mapping with `type` and more."""
    if isinstance(node.value, str):
        kind, length, precision = read_type(node)
        return Field(name, kind, length=length, precision=precision)
    parts = _parts(node)
    kind, length, precision = read_type(parts["type"])
    field = Field(
        name,
        kind,
        nullable=_flag(parts, "nullable", default=True),
        unique=_flag(parts, "unique", default=False),
        length=length,
        precision=precision,
        references=_reference(parts.get("references")),
    )
    return _with_default(field, parts.get("default"))


def _parts(node: Node) -> dict[str, Node]:
    for name, part in node.items.items():
        if name not in FIELD_PARTS:
            raise UnknownNameError("field option", name, FIELD_PARTS, location=part.label)
    if "type" not in node.items:
        raise node.error("The field has no type.", "Write `type: …`.")
    return dict(node.items)


def _flag(parts: dict[str, Node], name: str, *, default: bool) -> bool:
    node = parts.get(name)
    if node is None:
        return default
    if not isinstance(node.value, bool):
        raise node.wrong("true or false")
    return node.value


def _reference(node: Node | None) -> Reference | None:
    if node is None:
        return None
    found = REFERENCE.fullmatch(node.text)
    if not found:
        raise node.wrong("entity.field")
    return Reference(found.group(1), found.group(2))


def _with_default(field: Field, node: Node | None) -> Field:
    if node is None:
        return field
    check_literal(field, node)
    return replace(field, default=node.plain)


def check_literal(field: Field, node: Node) -> None:
    """Refuse a literal that cannot be a value of the field.

    Raises:
        DeclarationError: it cannot; the message says what the column takes.
    """
    if node.value is None:
        if not field.nullable:
            raise node.error(f"The column {field.name!r} may not be NULL.")
    elif not fits(field.type, node.plain):
        raise node.wrong(f"a value of type {field.type} for {field.name!r}", _SQL_HINT)
    elif field.length and isinstance(node.value, str) and len(node.value) > field.length:
        raise node.wrong(f"at most {field.length} characters for {field.name!r}")


_SQL_HINT = 'Write an SQL expression as {sql: "…"} and a text in quotes.'


def fits(kind: FieldType, value: Any) -> bool:
    """Whether a value, as a declaration can hold it, is one of the type."""
    match kind:
        case FieldType.INTEGER | FieldType.BIGINT:
            return isinstance(value, int) and not isinstance(value, bool)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.DECIMAL | FieldType.FLOAT:
            return (isinstance(value, (int, float)) and not isinstance(value, bool)) or _decimal(
                value
            )
        case FieldType.JSON:
            return True
        case _:
            return isinstance(value, str) and _reads(kind, value)


def _decimal(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


_READERS: dict[FieldType, Any] = {
    FieldType.UUID: UUID,
    FieldType.DATE: date.fromisoformat,
    FieldType.TIME: time.fromisoformat,
    FieldType.TIMESTAMP: datetime.fromisoformat,
}


def _reads(kind: FieldType, text: str) -> bool:
    reader = _READERS.get(kind)
    try:
        return reader is None or bool(str(reader(text)))
    except ValueError:
        return False
