"""The statements of an operation, made before anybody gave its parameters a value.

A parameter without a default is bound as NULL, of its type where one is known: the database can
say whether it understands the statement, and by which way it would find the rows. A value of no
known type may be a number or a text: who asks can try each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batch_ops.database import ddl, reflect
from batch_ops.database.render import ListOf, Scalar
from batch_ops.database.statements import Target
from batch_ops.engine import parameters
from batch_ops.engine.outputs import rows_meant
from batch_ops.engine.own_calls import own_calls
from batch_ops.spec.model import EntitySource, Expression, StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from batch_ops.database import Database, Table
    from batch_ops.database.render import Bind
    from batch_ops.database.statements import Statement
    from batch_ops.spec.catalog import Catalog
    from batch_ops.spec.model import Entity, Operation, Step


@dataclass(frozen=True, slots=True)
class Meant:
    """What a step asks of a table.

    Attributes:
        entity: the name of the table's entity.
        where: which of its rows; None is all.
        counting: counts them; changing: the statement of a batch, without its range of keys.
        guessed: whether a parameter in them has a stand-in of no known type, or a function of
            Python's is called, which nobody asked.
    """

    step: Step
    entity: str
    table: Table
    where: Expression | None
    counting: Statement
    changing: Statement
    guessed: bool


def stand_ins(operation: Operation, unknown: Any = None) -> dict[str, Bind]:
    """What the names of parameters mean: their defaults, else NULL; `unknown` of no known type."""
    found: dict[str, Bind] = {}
    for name, parameter in parameters.parameters_of(operation).items():
        if parameter.default is not None:
            found |= parameters.binds(operation, {name: parameter.default})
        elif parameter.many:
            found[name] = ListOf([], parameter.type)
        else:
            found[name] = Scalar(None if parameter.type else unknown, parameter.type)
    return found


def untyped(operation: Operation) -> frozenset[str]:
    """The names of parameters that stand for NULL of no known type."""
    known = parameters.parameters_of(operation).items()
    return frozenset(name for name, p in known if p.default is None and p.type is None)


def unasked() -> Mapping[str, Callable[..., Any]]:
    """The functions that Python answers, none of which is called: they answer NULL."""

    def nothing(*_: Any) -> None:
        return None

    return dict.fromkeys(own_calls("", lambda _: False), nothing)


class Meanings:
    """Goes through an operation's steps; reads the shapes of tables, and asks for no row."""

    def __init__(
        self, database: Database, catalog: Catalog, operation: Operation, unknown: Any = None
    ) -> None:
        self._database, self._catalog, self._operation = database, catalog, operation
        self._binds, self._guessed = stand_ins(operation, unknown), untyped(operation)

    def all(self) -> Iterator[Meant]:
        """What each step asks of a table, where that can be told: not of rows that a function or a
        writing step will give first.
        """
        for step in self._operation.steps:
            found = self.of(step)
            if found is not None:
                yield found

    def of(self, step: Step) -> Meant | None:
        """What a step asks of a table; of a select, later ones know its rows from then on."""
        entity, where = self._walked(step)
        if entity is None or any(name not in self._binds for name in step.outputs):
            return None
        table = self._table(entity)
        target = self._target(table, entity, where)
        if step.kind is StepKind.SELECT:
            self._bind_output(step, target)
        return Meant(
            step,
            entity.name,
            table,
            where,
            target.count(),
            self._changing(step, target),
            self._is_guessed(step, where),
        )

    def guesses(self, expression: Expression) -> bool:
        """Whether something in an expression has a stand-in of no known type."""
        return bool(expression.calls or expression.parameters & self._guessed)

    def _is_guessed(self, step: Step, where: Expression | None) -> bool:
        read = [where, *step.values.values()]
        return any(self.guesses(each) for each in read if isinstance(each, Expression))

    def _walked(self, step: Step) -> tuple[Entity | None, Expression | None]:
        if isinstance(step.source, EntitySource):
            return self._catalog.entity(step.source.entity), step.source.where
        by_key = step.kind in (StepKind.SELECT, StepKind.UPDATE, StepKind.DELETE)
        return (self._catalog.entity(step.entity) if by_key else None), step.where

    def _table(self, entity: Entity) -> Table:
        with self._database.reading() as connection:
            found = reflect.reflect(connection, entity)
        if found is not None:
            return found
        return ddl.declared_table(self._database.dialect, entity, self._catalog.entities)

    def _target(self, table: Table, entity: Entity, where: Expression | None) -> Target:
        return Target(
            dialect=self._database.dialect,
            table=table,
            where=where,
            binds=self._binds,
            outputs={},
            moment=datetime.now(UTC),
            calls=unasked(),
            alive=entity.soft_delete,
        )

    def _changing(self, step: Step, target: Target) -> Statement:
        if step.kind is StepKind.UPDATE:
            return target.update(step.values, target.moment, None, None)
        if step.kind is StepKind.DELETE:
            return target.delete(target.moment, None, None)
        return target.keys(None, None) if target.table.key else target.count()

    def _bind_output(self, step: Step, target: Target) -> None:
        self._binds |= rows_meant(self._operation, step, target)
