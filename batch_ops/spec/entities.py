"""The head of an entity file: table, fields, key. Operations come when all heads are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.fields import read_field
from batch_ops.spec.model import Entity, Field
from batch_ops.spec.options import Place, read_options
from batch_ops.spec.values import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


def collect(heads: Iterable[Head]) -> dict[str, Entity]:
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
    return entities


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
