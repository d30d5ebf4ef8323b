"""The head of an entity file: table, fields, key. Operations come when all heads are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.expressions import Gate
from batch_ops.spec.fields import read_field
from batch_ops.spec.model import Entity, Expiry, Field, FieldType
from batch_ops.spec.options import Place, read_options
from batch_ops.spec.values import NAME, duration, parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_ops.spec.nodes import Node
    from batch_ops.spec.options import Given


@dataclass(frozen=True, slots=True)
class Head:
    """An entity without its operations, and the nodes these are read from."""

    entity: Entity
    patterns: tuple[Node, ...]
    given: Given


def read_head(root: Node) -> Head:
    """The entity of one file, without operations.

    Raises:
        DeclarationError, UnknownNameError: it is wrong; with file, line and column.
    """
    given = read_options(root, Place.ENTITY)
    name = given.need("name")
    fields = _fields(given)
    key = given.get("key", ())
    _known(given, "key", [field.name for field in fields])
    _known(given, "hidden", [field.name for field in fields])
    schema, table = given.get("table", (None, name))
    entity = Entity(
        name=name,
        table=table,
        fields=tuple(_in_key(field) if field.name in key else field for field in fields),
        key=key,
        schema=schema,
        create_table=given.get("create_table", False),
        connection=given.get("connection"),
        hidden=frozenset(given.get("hidden", ())),
        soft_delete=_moment_column(given, fields, "soft_delete"),
        expires=_expiry(given, fields),
        location=given.place("name"),
    )
    patterns = given.get("patterns")
    return Head(entity, patterns.elements if patterns else (), given)


def _fields(given: Given) -> list[Field]:
    node: Node = given.need("fields")
    for name, child in node.items.items():
        if not NAME.fullmatch(name):
            what = f"{name!r} is no name of a column."
            todo = "Use letters, digits and underscores, 63 at most."
            raise DeclarationError(what, todo=todo, location=child.label)
    if not node.items:
        raise node.wrong("at least one field")
    return [read_field(name, child) for name, child in node.items.items()]


def _moment_column(given: Given, fields: list[Field], option: str) -> str | None:
    if option not in given:
        return None
    return _moment_field(given.nodes[option], fields)


def _moment_field(node: Node, fields: list[Field]) -> str:
    kinds = {field.name: field.type for field in fields}
    if node.text not in kinds:
        raise UnknownNameError("column", node.text, kinds, location=node.location)
    if kinds[node.text] is not FieldType.TIMESTAMP:
        raise node.error(f"The column {node.text!r} is no timestamp.")
    return node.text


def _expiry(given: Given, fields: list[Field]) -> Expiry | None:
    """`{column: expires_at, after: "30 days"}`."""
    if "expires" not in given:
        return None
    node: Node = given.get("expires")
    found = parts(node, ("column", "after"))
    if set(found) != {"column", "after"}:
        raise node.wrong('{column: expires_at, after: "30 days"}')
    return Expiry(_moment_field(found["column"], fields), duration(found["after"]))


def _known(given: Given, option: str, columns: list[str]) -> None:
    for name in given.get(option, ()):
        if name not in columns:
            place = _place_of(given.nodes[option], name)
            raise UnknownNameError("column", name, columns, location=place.location)


def _place_of(node: Node, value: str) -> Node:
    children = node.value if isinstance(node.value, tuple) else ()
    return next((child for child in children if child.value == value), node)


def _in_key(field: Field) -> Field:
    return replace(field, nullable=False)


def collect(heads: Sequence[Head]) -> dict[str, Entity]:
    """The entities by name; names and references are judged.

    Raises:
        DeclarationError: a name is declared twice.
        UnknownNameError: a reference to an entity or field nobody declared.
    """
    entities: dict[str, Entity] = {}
    for head in heads:
        first = entities.setdefault(head.entity.name, head.entity)
        if first is not head.entity:
            what = f"The entity {first.name!r} is declared twice, first in {first.location}."
            raise DeclarationError(what, todo="Rename one.", location=head.entity.location)
    for head in heads:
        _judge_references(head, entities)
    return {head.entity.name: _with_checks(head, entities) for head in heads}


def _with_checks(head: Head, entities: Mapping[str, Entity]) -> Entity:
    """The entity with the CHECK constraints of its fields, which may read all of its columns."""
    gate, nodes = Gate(head.entity, entities), head.given.get("fields").items
    return replace(
        head.entity, fields=tuple(_with_check(f, nodes[f.name], gate) for f in head.entity.fields)
    )


def _with_check(field: Field, node: Node, gate: Gate) -> Field:
    if isinstance(node.value, str) or "check" not in node.items:
        return field
    place = node.items["check"]
    check = gate.expression(place)
    if check.parameters or check.volatile or check.entities or check.calls:
        raise place.error("A check of a column reads its row alone, and always says the same.")
    return replace(field, check=check)


def _judge_references(head: Head, entities: Mapping[str, Entity]) -> None:
    for field in head.entity.fields:
        target = field.references
        if target is None:
            continue
        place = head.given.get("fields").items[field.name].items["references"].location
        if target.entity not in entities:
            raise UnknownNameError("entity", target.entity, entities, location=place)
        columns = entities[target.entity].columns
        if target.field not in columns:
            raise UnknownNameError("column", target.field, columns, location=place)
