"""What steps are modelled on: an open transaction, names, and what earlier steps gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.database.render import Renderer, RowsOf
from batch_ops.database.tables import Column
from batch_ops.engine.outputs import meant_columns, spelled
from batch_ops.spec.model import Expression, Literal, StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.render import Bind
    from batch_ops.spec.model import Entity, Field, Operation, Step, Value
    from batch_ops.testing.rows import Row, Writer
    from batch_ops.testing.sources import Layout, Records
    from batch_ops.testing.stand_ins import StandIn

OUTCOMES = ("created", "updated", "unchanged", "deleted", "selected", "skipped", "rejects")


@dataclass
class StepModel:
    """What one step does. `total`: the rows it meets; `changed`: keys with the row before it;
    `refused`: places of records of its source that are not taken.
    """

    name: str
    total: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    changed: list[tuple[dict[str, Any], Row]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def count(self, outcome: str, number: int = 1) -> None:
        self.counts[outcome] += number


@dataclass(frozen=True)
class World:
    """All that the model needs to know of a scratch database."""

    dialect: Dialect
    operation: Operation
    entities: Mapping[str, Entity]
    writers: Mapping[str, Writer]
    binds: Mapping[str, Bind]
    parameters: Mapping[str, Any]
    records: Mapping[str, tuple[Layout, Records]]
    stand_ins: Mapping[str, StandIn]
    counted: Mapping[str, str]
    calls: Mapping[str, Callable[..., Any]]
    now: datetime

    def column(self, entity: str, name: str) -> Column:
        """A column as it is declared."""
        return typed(self.dialect, self.entities[entity].field(name))


def typed(dialect: Dialect, declared: Field) -> Column:
    """A field as a column to bind values for."""
    return Column(declared.name, dialect.field_sql(declared), declared.type, declared.nullable)


class Ground:
    """An open transaction, and what is known on it.

    Attributes:
        outputs: the rows or records each step gave.
    """

    def __init__(self, world: World, connection: Connection) -> None:
        self._world, self._connection = world, connection
        self._dialect, self._number = world.dialect, 0
        self.outputs: dict[str, list[Any]] = {}

    def _hits(
        self, entity: Entity, where: Expression | None, binds: Mapping[str, Bind]
    ) -> list[Row]:
        """The rows that a condition means: it is evaluated for each of them."""
        quote, name = self._dialect.quote, self._world.writers[entity.name].name
        renderer = self._renderer(binds)
        hit = f"({renderer.sql(where)})" if where else "1 = 1"
        if entity.soft_delete:
            hit = f"{hit} AND {quote(entity.soft_delete)} IS NULL"
        key = ", ".join(map(quote, entity.key))
        query = f"SELECT *, CASE WHEN {hit} THEN 1 ELSE 0 END AS bo_hit FROM {name} ORDER BY {key}"
        rows = self._connection.execute(text(query), renderer.parameters).mappings()
        return [{n: row[n] for n in entity.columns} for row in rows if row["bo_hit"]]

    def _this(self, entity: Entity, key: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        marks = {
            name: self._dialect.bind(f"key_{n}", self._world.column(entity.name, name))
            for n, name in enumerate(key)
        }
        where = " AND ".join(f"{self._dialect.quote(n)} = {mark}" for n, mark in marks.items())
        bound = {f"key_{n}": self._dialect.moment(v) for n, v in enumerate(key.values())}
        return where, bound

    def _sets(self, renderer: Renderer, entity: str, values: Mapping[str, Value]) -> dict[str, str]:
        """What columns are set to, as SQL."""
        sets: dict[str, str] = {}
        for number, (name, value) in enumerate(values.items()):
            column = self._world.column(entity, name)
            if isinstance(value, Literal):
                sets[name] = renderer.literal(f"set_{number}", value.value, column)
            else:
                sets[name] = renderer.assigned(value, column)
        return sets

    def _keys(self, name: str, source: Step) -> list[Any]:
        """What a name for keys stands for: values, or tuples where there are several columns."""
        if source.kind is StepKind.FUNCTION:
            entity = self._world.entities[source.entity]
            return [_key_of(name, source, entity, r) for r in self.outputs[source.name]]
        columns = self._meant(name, source)
        rows = self.outputs[source.name]
        if len(columns) == 1:
            return [row[columns[0]] for row in rows]
        return [tuple(row[column] for column in columns) for row in rows]

    def _meant(self, name: str, source: Step) -> tuple[str, ...]:
        entity = self._world.entities[source.entity]
        return meant_columns(name, source, entity.key, entity.columns)

    def _binds(self, step: Step) -> dict[str, Bind]:
        """What the names of a step mean: parameters, and the rows of earlier steps."""
        binds: dict[str, Bind] = dict(self._world.binds)
        for name, other in step.outputs.items():
            source = self._world.operation.step(other)
            keys = [k if isinstance(k, tuple) else (k,) for k in self._keys(name, source)]
            kinds = self._kinds(name, source, step)
            binds[name] = self._listed(name, keys, kinds)
        return binds

    def _kinds(self, name: str, source: Step, step: Step) -> list[Column]:
        entity = self._world.entities[source.entity]
        if source.kind is StepKind.FUNCTION:
            mine = self._world.entities[step.entity]
            keys = [c for c in (*spelled(name, source), *mine.key) if c in mine.columns]
            return [self._world.column(mine.name, keys[0])]
        return [self._world.column(entity.name, c) for c in self._meant(name, source)]

    def _listed(
        self, name: str, keys: Sequence[tuple[Any, ...]], kinds: Sequence[Column]
    ) -> RowsOf:
        """Keys as a sub-select."""
        bound: dict[str, Any] = {}
        selects: list[str] = []
        for number, key in enumerate(keys):
            marks = [f"{name}_{number}_{place}" for place in range(len(key))]
            told = [self._dialect.bind(m, c) for m, c in zip(marks, kinds, strict=True)]
            bound |= {m: self._dialect.moment(v) for m, v in zip(marks, key, strict=True)}
            selects.append(f"SELECT {', '.join(told)}")
        nothing = ", ".join(f"CAST(NULL AS {column.sql_type})" for column in kinds)
        return RowsOf(" UNION ALL ".join(selects) or f"SELECT {nothing} WHERE 1 = 0", bound)

    def _renderer(self, binds: Mapping[str, Bind]) -> Renderer:
        self._number += 1
        prefix = f"model{self._number}"
        world = self._world
        return Renderer(world.dialect, binds, world.now, prefix=prefix, calls=world.calls)

    def _done(self, statement: tuple[str, dict[str, Any]]) -> bool:
        """Whether the database takes a change of one row."""
        try:
            with self._connection.begin_nested():
                self._connection.execute(text(statement[0]), statement[1])
        except DBAPIError:
            return False
        return True


def _key_of(name: str, source: Step, entity: Entity, record: Any) -> Any:
    if not isinstance(record, dict):
        return record
    return next(record[k] for k in (*spelled(name, source), *entity.key) if k in record)
