"""What a correct run must do, found out without the engine: one row after the other, in plain SQL.

Everything is done in a transaction that is rolled back. A condition is evaluated once for every
row of its table by one SELECT; rows are then changed by their key, each in a savepoint of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.spec.model import Expression, Literal, StepKind
from batch_ops.testing.adding import Adding
from batch_ops.testing.ground import OUTCOMES, StepModel, World, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.spec.model import Entity, Operation, Step, Value


class Model(Adding):
    """Goes through the steps of an operation."""

    def step(self, step: Step) -> StepModel:
        """Do a step; what it did."""
        done = StepModel(step.name)
        self.outputs[step.name] = []
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
                self.outputs[step.name].append(row)
            elif self._done(self._statement(step, entity, key)):
                done.count("updated" if step.kind is StepKind.UPDATE else "deleted")
                done.changed.append((key, row))
                self.outputs[step.name].append(row)
            else:
                done.count("rejects")

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

    # custom_function

    def _function(self, step: Step, done: StepModel) -> None:
        stand_in, given = self._world.stand_ins[step.name], self._handed(step)
        found = stand_in.records(given) or []
        done.total = len(given) if isinstance(given, list) else len(found)
        done.count("selected", done.total)
        self.outputs[step.name] = found

    def _handed(self, step: Step) -> Any:
        name = step.input.name
        if step.input.values is not None:
            return {n: self._value(step, v) for n, v in step.input.values.items()}
        if name is None:
            return None
        if name not in step.outputs:
            return self._world.parameters.get(name)
        source = self._world.operation.step(step.outputs[name])
        rows = self.outputs[source.name]
        return rows if not name.endswith("_ids") else self._keys(name, source)

    def _value(self, step: Step, value: Value) -> Any:
        """One of the values a function is given by name."""
        if isinstance(value, Literal):
            return value.value
        name = value.text.strip().removeprefix(":")
        if name in step.outputs:
            source = self._world.operation.step(step.outputs[name])
            keys = name.endswith("_ids")
            return self._keys(name, source) if keys else self.outputs[source.name]
        if name in self._world.parameters:
            return self._world.parameters[name]
        renderer = self._renderer(self._world.binds)
        query = text(f"SELECT {renderer.sql(value)}")
        return self._connection.execute(query, renderer.parameters).scalar()


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


__all__ = ["OUTCOMES", "Model", "StepModel", "World", "typed", "volatile_columns"]
