"""What a correct run must do, found out without the engine: one row after the other, in plain SQL.

Everything is done in a transaction that is rolled back. A condition is evaluated once for every
row of its table by one SELECT; rows are then changed by their key, each in a savepoint of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.database.render import Renderer, RowsOf, SqlText
from batch_ops.database.tables import Column
from batch_ops.engine.outputs import meant_columns, spelled
from batch_ops.errors import UsageError
from batch_ops.spec.model import (
    EntitySource,
    Expression,
    Field,
    FieldType,
    Literal,
    OnConflict,
    QuerySource,
    StepKind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.render import Bind
    from batch_ops.spec.model import Entity, Operation, Step, Value
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


class Model:
    """Goes through the steps of an operation on an open transaction."""

    def __init__(self, world: World, connection: Connection) -> None:
        self._world, self._connection = world, connection
        self._dialect, self._number = world.dialect, 0
        self._outputs: dict[str, list[Any]] = {}

    def step(self, step: Step) -> StepModel:
        """Do a step; what it did."""
        done = StepModel(step.name)
        self._outputs[step.name] = []
        if step.kind is StepKind.FUNCTION:
            self._function(step, done)
        elif step.kind.adds:
            self._add(step, done)
        else:
            self._change(step, done)
        return done

    # select, update, delete

    def _change(self, step: Step, done: StepModel) -> None:
        entity = self._world.entities[step.entity]
        for row in self._hits(entity, step.where, self._binds(step)):
            key = {name: row[name] for name in entity.key}
            done.total += 1
            if step.kind is StepKind.SELECT:
                done.count("selected")
                self._outputs[step.name].append(row)
            elif self._done(self._statement(step, entity, key)):
                done.count("updated" if step.kind is StepKind.UPDATE else "deleted")
                done.changed.append((key, row))
                self._outputs[step.name].append(row)
            else:
                done.count("rejects")

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

    def _statement(
        self, step: Step, entity: Entity, key: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """The change of one row."""
        name = self._world.writers[entity.name].name
        where, bound = self._this(entity, key)
        if step.kind is StepKind.DELETE and not entity.soft_delete:
            return f"DELETE FROM {name} WHERE {where}", bound
        renderer = self._renderer(self._binds(step))
        values: dict[str, Value] = dict(step.values)
        if step.kind is StepKind.DELETE and entity.soft_delete:
            values = {entity.soft_delete: Literal(self._world.now)}
        sets = self._sets(renderer, entity.name, values)
        listed = ", ".join(f"{self._dialect.quote(c)} = {sql}" for c, sql in sets.items())
        return f"UPDATE {name} SET {listed} WHERE {where}", bound | renderer.parameters

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

    # insert, upsert

    def _add(self, step: Step, done: StepModel) -> None:
        entity = self._world.entities[step.entity]
        for place, (sets, bound) in enumerate(self._proposed(step)):
            done.total += 1
            outcome = self._put(step, entity, sets, bound)
            done.count(outcome)
            if outcome == "rejects":
                done.refused.append(place)

    def _proposed(self, step: Step) -> Iterable[tuple[dict[str, str], dict[str, Any]]]:
        """Each row as SQL by column, with what it binds."""
        entity = self._world.entities[step.entity]
        for binds, bound, taken in self._given(step):
            renderer = self._renderer({**self._binds(step), **binds})
            sets = {**taken, **self._sets(renderer, step.entity, step.values)}
            if entity.expires and entity.expires.column not in sets:
                moment = Literal(self._world.now + entity.expires.after)
                sets |= self._sets(renderer, step.entity, {entity.expires.column: moment})
            yield sets, bound | renderer.parameters

    def _given(
        self, step: Step
    ) -> Iterable[tuple[dict[str, Bind], dict[str, Any], dict[str, str]]]:
        """Each record: what its fields bind, the values, and the columns it gives as they are."""
        if step.records is not None:
            source = self._world.operation.step(step.records)
            yield from (self._record(step, r, source) for r in self._outputs[step.records])
        elif isinstance(step.source, EntitySource):
            other = self._world.entities[step.source.entity]
            rows = self._hits(other, step.source.where, self._binds(step))
            yield from (self._copied(step, other, row, step.source.mapping) for row in rows)
        elif isinstance(step.source, QuerySource):
            raise UsageError(
                f"The rows of the query of step {step.name!r} are not followed by generated tests.",
                todo="Write its tests by hand.",
            )
        elif step.name in self._world.records:
            layout, records = self._world.records[step.name]
            yield from (self._from_source(step, layout, record) for record in records)
        else:
            yield {}, {}, {}

    def _record(
        self, step: Step, record: Mapping[str, Any], source: Step
    ) -> tuple[dict[str, Bind], dict[str, Any], dict[str, str]]:
        """A function's record, or a row of an earlier step; each field is typed like the column it
        feeds, or as it is declared.
        """
        fed: dict[tuple[str, str], Field] = {}
        entity = self._world.entities[step.entity]
        for column, value in step.values.items():
            for pair in sorted(value.fields) if isinstance(value, Expression) else ():
                fed.setdefault(pair, entity.field(column))
        if source.kind is not StepKind.FUNCTION:
            origin = self._world.entities[source.entity]
            fed = {pair: origin.field(pair[1]) for pair in fed}
        return (*self._bound(fed, record), {})

    def _bound(
        self, fields: Mapping[tuple[str, str], Field], record: Mapping[str, Any]
    ) -> tuple[dict[str, Bind], dict[str, Any]]:
        binds: dict[str, Bind] = {}
        bound: dict[str, Any] = {}
        for (name, part), declared in fields.items():
            mark = self._mark()
            sql = self._dialect.bind(mark, typed(self._dialect, declared))
            binds[f"{name}.{part}"] = SqlText(sql, declared.type)
            bound[mark] = self._dialect.moment(record.get(part))
        return binds, bound

    def _from_source(
        self, step: Step, layout: Layout, record: Mapping[str, Any]
    ) -> tuple[dict[str, Bind], dict[str, Any], dict[str, str]]:
        read = {
            pair
            for value in step.values.values()
            if isinstance(value, Expression)
            for pair in value.fields
        }
        fields = {pair: layout.fields[pair[1]] for pair in sorted(read)}
        binds, bound = self._bound(fields, record)
        taken: dict[str, str] = {}
        for column, name in layout.columns.items() if not step.values else ():
            mark = self._mark()
            taken[column] = self._dialect.bind(mark, self._world.column(step.entity, column))
            bound[mark] = self._dialect.moment(record.get(name))
        return binds, bound, taken

    def _copied(
        self, step: Step, other: Entity, row: Row, mapping: Mapping[str, str]
    ) -> tuple[dict[str, Bind], dict[str, Any], dict[str, str]]:
        read = {
            pair
            for value in step.values.values()
            if isinstance(value, Expression)
            for pair in value.fields
        }
        binds, bound = self._bound({pair: other.field(pair[1]) for pair in read}, row)
        columns = self._world.entities[step.entity].columns
        names = mapping or {name: name for name in columns if name in other.columns}
        taken: dict[str, str] = {}
        for column, name in names.items() if not step.values else ():
            mark = self._mark()
            taken[column] = self._dialect.bind(mark, self._world.column(step.entity, column))
            bound[mark] = self._dialect.moment(row[name])
        return binds, bound, taken

    def _mark(self) -> str:
        self._number += 1
        return f"given_{self._number}"

    def _put(
        self, step: Step, entity: Entity, sets: Mapping[str, str], bound: Mapping[str, Any]
    ) -> str:
        """Put one row into the table; its outcome."""
        if not all(self._holds(step, rule.expression, sets, bound) for rule in step.rules):
            return "rejects"
        target = step.conflict_target or entity.key
        there = self._there(entity, target, sets, bound)
        if there is None:
            return "rejects"
        if there and step.on_conflict is OnConflict.SKIP:
            return "skipped"
        if there and step.on_conflict in (OnConflict.UPDATE, OnConflict.REPLACE):
            return self._merge(step, entity, target, sets, bound, there[0])
        quote = self._dialect.quote
        columns, values = ", ".join(map(quote, sets)), ", ".join(sets.values())
        name = self._world.writers[entity.name].name
        if not self._done((f"INSERT INTO {name} ({columns}) VALUES ({values})", dict(bound))):
            return "rejects"
        self._outputs[step.name] += self._newest(entity, sets, bound)
        return "created"

    def _holds(
        self,
        step: Step,
        rule: Expression,
        sets: Mapping[str, str],
        bound: Mapping[str, Any],
    ) -> bool:
        """Whether a rule is true for a row that is not in the table yet."""
        renderer = self._renderer(self._world.binds)
        sql = renderer.sql(rule)
        columns = {c: sets.get(c) or self._null(step.entity, c) for c in sorted(rule.columns)}
        row = ", ".join(f"{value} AS {self._dialect.quote(n)}" for n, value in columns.items())
        source = f" FROM (SELECT {row}) AS r" if row else ""
        query = text(f"SELECT CASE WHEN ({sql}) THEN 1 ELSE 0 END{source}")
        try:
            with self._connection.begin_nested():
                return bool(
                    self._connection.execute(query, {**bound, **renderer.parameters}).scalar()
                )
        except DBAPIError:
            return False

    def _null(self, entity: str, column: str) -> str:
        return f"CAST(NULL AS {self._world.column(entity, column).sql_type})"

    def _there(
        self,
        entity: Entity,
        target: Sequence[str],
        sets: Mapping[str, str],
        bound: Mapping[str, Any],
    ) -> list[Row] | None:
        """The rows that are the same; None where the values cannot be computed."""
        if not all(name in sets for name in target):
            return []
        name = self._world.writers[entity.name].name
        where = " AND ".join(f"{self._dialect.quote(n)} = {sets[n]}" for n in target)
        try:
            with self._connection.begin_nested():
                found = self._connection.execute(text(f"SELECT * FROM {name} WHERE {where}"), bound)
                return [dict(row) for row in found.mappings()]
        except DBAPIError:
            return None

    def _merge(
        self,
        step: Step,
        entity: Entity,
        target: Sequence[str],
        sets: Mapping[str, str],
        bound: Mapping[str, Any],
        before: Row,
    ) -> str:
        key = {name: before[name] for name in entity.key}
        where, known = self._this(entity, key)
        values = {n: sql for n, sql in sets.items() if n not in target}
        if step.on_conflict is OnConflict.REPLACE:
            others = [n for n in entity.columns if n not in sets and n not in entity.key]
            values |= {n: self._null(entity.name, n) for n in others}
        listed = ", ".join(f"{self._dialect.quote(n)} = {sql}" for n, sql in values.items())
        name = self._world.writers[entity.name].name
        change = f"UPDATE {name} SET {listed} WHERE {where}"
        if values and not self._done((change, {**bound, **known})):
            return "rejects"
        found = self._connection.execute(text(f"SELECT * FROM {name} WHERE {where}"), known)
        after = dict(found.mappings().one())
        self._outputs[step.name].append(after)
        return "unchanged" if after == before else "updated"

    def _newest(
        self, entity: Entity, sets: Mapping[str, str], bound: Mapping[str, Any]
    ) -> list[Row]:
        """The row that was put in: by its key, or the one with the highest counted key."""
        found = self._there(entity, entity.key, sets, bound)
        if found:
            return found
        name, key = self._world.writers[entity.name].name, self._dialect.quote(entity.key[0])
        query = text(f"SELECT * FROM {name} ORDER BY {key} DESC LIMIT 1")
        return [dict(row) for row in self._connection.execute(query).mappings()]

    # custom_function

    def _function(self, step: Step, done: StepModel) -> None:
        stand_in, given = self._world.stand_ins[step.name], self._handed(step)
        found = stand_in.records(given) or []
        done.total = len(given) if isinstance(given, list) else len(found)
        done.count("selected", done.total)
        self._outputs[step.name] = found

    def _handed(self, step: Step) -> Any:
        name = step.input.name
        if step.input.values is not None:
            return {n: self._value(step, v) for n, v in step.input.values.items()}
        if name is None:
            return None
        if name not in step.outputs:
            return self._world.parameters.get(name)
        source = self._world.operation.step(step.outputs[name])
        rows = self._outputs[source.name]
        return rows if not name.endswith("_ids") else self._keys(name, source)

    def _value(self, step: Step, value: Value) -> Any:
        """One of the values a function is given by name."""
        if isinstance(value, Literal):
            return value.value
        name = value.text.strip().removeprefix(":")
        if name in step.outputs:
            source = self._world.operation.step(step.outputs[name])
            keys = name.endswith("_ids")
            return self._keys(name, source) if keys else self._outputs[source.name]
        if name in self._world.parameters:
            return self._world.parameters[name]
        renderer = self._renderer(self._world.binds)
        query = text(f"SELECT {renderer.sql(value)}")
        return self._connection.execute(query, renderer.parameters).scalar()

    def _keys(self, name: str, source: Step) -> list[Any]:
        """What a name for keys stands for: values, or tuples where there are several columns."""
        if source.kind is StepKind.FUNCTION:
            entity = self._world.entities[source.entity]
            return [_key_of(name, source, entity, r) for r in self._outputs[source.name]]
        columns = self._meant(name, source)
        rows = self._outputs[source.name]
        if len(columns) == 1:
            return [row[columns[0]] for row in rows]
        return [tuple(row[column] for column in columns) for row in rows]

    def _meant(self, name: str, source: Step) -> tuple[str, ...]:
        entity = self._world.entities[source.entity]
        return meant_columns(name, source, entity.key, entity.columns)

    # names

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


def volatile_columns(operation: Operation, entities: Mapping[str, Entity]) -> dict[str, set[str]]:
    """By entity, the columns that are set to the moment something is done."""
    found: dict[str, set[str]] = {name: set() for name in entities}
    for step in operation.steps:
        for column, value in step.values.items():
            if isinstance(value, Expression) and value.volatile:
                found[step.entity].add(column)
        entity = entities[step.entity]
        found[step.entity] |= {entity.soft_delete} if entity.soft_delete else set()
        found[step.entity] |= {entity.expires.column} if entity.expires else set()
    return found


__all__ = ["FieldType", "Model", "StepModel", "World", "typed", "volatile_columns"]
