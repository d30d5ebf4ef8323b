"""Stand-ins for custom functions: they remember what they were given and give what is needed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from batch_ops.database.values import plain
from batch_ops.engine.outputs import spelled
from batch_ops.spec.model import Expression, StepKind
from batch_ops.testing.values import Values, distinct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from batch_ops.spec.model import Entity, Field, Operation, Step
    from batch_ops.testing.pools import Pools
    from batch_ops.testing.rows import Row

ALONE = 6
"""Records of a function that is given no rows."""
_FIRST = 5_000


@dataclass
class StandIn:
    """Stands in for the function of a step. The same input gives the same records.

    Attributes:
        fields: what later steps read of its records, by name: the field it feeds.
        same: names of fields that are the input itself, where that is a key.
        given: every input of a call, in order.
    """

    step: Step
    fields: Mapping[str, Field]
    same: frozenset[str]
    pools: Pools
    now: datetime
    known: Mapping[str, Sequence[Row]]
    given: list[Any] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        operation: Operation,
        step: Step,
        entities: Mapping[str, Entity],
        pools: Pools,
        now: datetime,
        known: Mapping[str, Sequence[Row]],
    ) -> StandIn:
        """One that gives what the later steps of an operation read."""
        fields: dict[str, Field] = {}
        same: set[str] = set()
        for other in operation.steps:
            if other.records == step.name:
                for column, value in other.values.items():
                    if isinstance(value, Expression):
                        fed = entities[other.entity].field(column)
                        fields |= {name: fed for _, name in value.fields}
                same |= {*(other.conflict_target or entities[other.entity].key)} & fields.keys()
            for name in other.names_of(step):
                if name.endswith("_ids"):
                    entity = entities[other.entity]
                    keys = [k for k in (*spelled(name, step), *entity.key) if k in entity.columns]
                    fields |= {key: entity.field(key) for key in keys[:1]}
                    same |= set(keys[:1])
        return cls(step, fields, frozenset(same), pools, now, known)

    @property
    def by_rows(self) -> bool:
        """Whether it is called for each batch of an earlier step's rows."""
        return self.step.input.name is not None

    def __call__(self, given: Any = None) -> list[dict[str, Any]] | None:
        """What the engine calls."""
        self.given.append(given)
        return self.records(given)

    def records(self, given: Any) -> list[dict[str, Any]] | None:
        """What it gives; nothing where nothing is read."""
        if not self.fields:
            return None
        if isinstance(given, list):
            return [self._record(item, 0) for item in given]
        return [self._record(given, number) for number in range(ALONE)]

    def _record(self, item: Any, number: int) -> dict[str, Any]:
        return {name: self._value(name, fed, item, number) for name, fed in self.fields.items()}

    def _value(self, name: str, fed: Field, item: Any, number: int) -> Any:
        if isinstance(item, dict) and name in item and self.by_rows:
            return item[name]
        whole = not isinstance(item, dict | list | tuple) and item is not None
        if name in self.same and self.by_rows and whole:
            return item
        seed = zlib.crc32(repr((plain(item), number, name)).encode())
        if fed.references is not None:
            there = self.known.get(fed.references.entity, ())
            return there[seed % len(there)][fed.references.field] if there else None
        if name in self.same or fed.unique:
            return distinct(fed, _FIRST + (seed % 100_000 if self.by_rows else number))
        return Values(self.pools, Random(seed), self.now).value(fed, nulls=False)


def stand_ins(
    operation: Operation,
    entities: Mapping[str, Entity],
    pools: Pools,
    now: datetime,
    known: Mapping[str, Sequence[Row]],
) -> dict[str, StandIn]:
    """One for each step that calls a function, by step."""
    return {
        step.name: StandIn.of(operation, step, entities, pools, now, known)
        for step in operation.steps
        if step.kind is StepKind.FUNCTION
    }
