"""What an operation does, as one text: two declarations with the same text do the same."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from batch_ops.spec.model import EntitySource, Expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batch_ops.spec.model import Entity, Operation

_HOW = frozenset(
    {
        *("settings", "telling", "notification", "description", "schedule", "sensor"),
        *("location", "operations"),
    }
)


def entities_of(operation: Operation, entities: Mapping[str, Entity], owner: str) -> list[str]:
    """The names of the entities an operation needs, sorted: the one whose file holds it, targets,
    those its expressions read, and those they refer to, directly or not.
    """
    waiting = {owner, operation.entity, *(step.entity for step in operation.steps)}
    for expression in _expressions(operation):
        waiting |= expression.entities
    waiting |= {s.source.entity for s in operation.steps if isinstance(s.source, EntitySource)}
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= _referred(entities[name]) - found
    return sorted(found)


def companions(names: Iterable[str], entities: Mapping[str, Entity]) -> list[str]:
    """The names of all entities whose files must be loaded together with the named ones: those
    any of their operations needs besides, since a file is loaded as a whole.
    """
    waiting, found = set(names), set[str]()
    while waiting:
        name = waiting.pop()
        found.add(name)
        for operation in entities[name].operations:
            waiting |= {*entities_of(operation, entities, name)} - found
    return sorted(found)


def _referred(entity: Entity) -> set[str]:
    return {field.references.entity for field in entity.fields if field.references}


def _expressions(operation: Operation) -> Iterable[Expression]:
    for step in operation.steps:
        yield from step.expressions
    for check in (*operation.preconditions, *operation.postconditions):
        if check.expression:
            yield check.expression


def meaning(operation: Operation, entities: Iterable[Entity]) -> str:
    """Canonical JSON of all that changes what the operation does.

    Sizes, limits, descriptions, schedule and sensor are left out. Steps' expressions count as
    they are rendered, so that blanks and the case of key words do not matter in them.
    """
    said = {"operation": operation, "entities": sorted(entities, key=lambda e: e.name)}
    return json.dumps(_plain(said), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Expression):
        return {"sql": value.tree.sql(dialect="postgres", normalize=True)}
    if isinstance(value, Enum) or value is None or isinstance(value, (str, int, float)):
        return value
    if is_dataclass(value):
        kept = [f.name for f in fields(value) if f.name not in _HOW]
        return {"": type(value).__name__} | {name: _plain(getattr(value, name)) for name in kept}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return {str(key): _plain(item) for key, item in value.items()}
