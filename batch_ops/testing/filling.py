"""Filling a scratch database, and all that the model has to know of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlglot import exp

from batch_ops.database.render import Renderer
from batch_ops.engine.own_calls import own_calls
from batch_ops.engine.parameters import binds, resolve
from batch_ops.errors import UsageError
from batch_ops.journal.store import utc_now
from batch_ops.spec.model import CheckKind, CsvSource, RecordFile, RowsSource, StepKind
from batch_ops.testing.given import choose
from batch_ops.testing.model import World, typed, volatile_columns
from batch_ops.testing.pools import Pools
from batch_ops.testing.rows import RowMaker, Writer, in_order
from batch_ops.testing.sources import layout_of, make_records, store
from batch_ops.testing.stand_ins import StandIn, stand_ins
from batch_ops.testing.tables import Spoiled, Tables, counted_key
from batch_ops.testing.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

    from sqlalchemy import Connection

    from batch_ops.database import Database
    from batch_ops.spec.model import Check, Entity, Expression, Operation
    from batch_ops.testing.expected import Expected
    from batch_ops.testing.rows import Row
    from batch_ops.testing.sources import Layout, Records

FEW = 15
"""Rows of tables that are only referred to, or that get more by the operation."""


class Filling:
    """The rows, parameters, sources and stand-ins of a scratch database."""

    def __init__(
        self,
        database: Database,
        operation: Operation,
        entities: dict[str, Entity],
        folder: Path,
        actor: str,
    ) -> None:
        self.database, self.operation, self.entities = database, operation, entities
        self._folder = folder
        counted = {n: key for n, e in entities.items() if (key := counted_key(e, operation))}
        self.tables = Tables(database, entities, counted, _unique(operation, entities))
        self.pools = Pools.of(operation, entities)
        self.volatile = volatile_columns(operation, entities)
        self.parameters: dict[str, Any] = {}
        self.records: dict[str, tuple[Layout, Records]] = {}
        self.stand_ins: dict[str, StandIn] = {}
        self.now = utc_now()
        self._put: dict[str, list[Row]] = {}
        permitted = self.permissions(operation)
        self._calls = partial(own_calls, actor, permitted.__contains__)
        self.writers = {
            name: Writer(database, e, {f.name: typed(database.dialect, f) for f in e.fields})
            for name, e in entities.items()
        }

    @staticmethod
    def permissions(operation: Operation) -> list[str]:
        """The permissions its conditions ask for."""
        found: set[str] = set()
        for expression in _all_expressions(operation):
            for call in expression.tree.find_all(exp.Anonymous):
                if call.name.lower() == "current_user_has_permission":
                    found |= {part.this for part in call.expressions if part.is_string}
        return sorted(found)

    # rows

    def fill(self, count: int, chance: Random) -> None:
        """New rows in empty tables, then parameters and sources that go with them."""
        self.now = utc_now()
        values = Values(self.pools, chance, self.now)
        known: dict[str, list[Row]] = {}
        self._put = {}
        for entity in in_order(self.entities, self.pools):
            rows = RowMaker(entity, values, known).rows(self._share(entity, count))
            counted = self.tables.counted.get(entity.name)
            given = [{n: v for n, v in row.items() if n != counted} for row in rows]
            with self.database.writing() as connection:
                self._put[entity.name] = self.writers[entity.name].put(connection, given)
                self._keep_to_row_rules(entity, connection)
                known[entity.name] = list(self.writers[entity.name].read(connection))
        self.parameters = choose(self.operation, self.entities, values, known)
        self.stand_ins = stand_ins(self.operation, self.entities, self.pools, self.now, known)
        self._make_sources(values, known, count)

    def _share(self, entity: Entity, count: int) -> int:
        """How many rows of an entity: all where the operation goes through them, else few."""
        walked = {
            s.entity
            for s in self.operation.steps
            if s.kind in (StepKind.SELECT, StepKind.UPDATE, StepKind.DELETE)
        }
        walked |= {getattr(s.source, "entity", "") for s in self.operation.steps}
        return count if entity.name in walked else min(count, FEW)

    def _keep_to_row_rules(self, entity: Entity, connection: Connection) -> None:
        """Rows that break a row rule of a precondition are taken out again."""
        if entity.name != self.operation.entity:
            return
        table = self.writers[entity.name].name
        for check in self.operation.preconditions:
            if check.kind is CheckKind.ROW and check.expression:
                renderer = self._renderer({})
                sql = renderer.sql(check.expression)
                gone = text(f"DELETE FROM {table} WHERE CASE WHEN ({sql}) THEN 0 ELSE 1 END = 1")
                connection.execute(gone, renderer.parameters)
                self._put[entity.name] = list(self.writers[entity.name].read(connection))

    def put_again(self) -> None:
        """The same rows into tables that were made anew."""
        for entity in in_order(self.entities, self.pools):
            with self.database.writing() as connection:
                self.writers[entity.name].put(connection, self._put[entity.name])

    def read(self, connection: Connection) -> dict[str, list[Row]]:
        """All rows of all tables."""
        return {name: list(writer.read(connection)) for name, writer in self.writers.items()}

    # sources

    def _make_sources(self, values: Values, known: dict[str, list[Row]], count: int) -> None:
        self.records = {}
        for step in self.operation.steps:
            outside = isinstance(step.source, CsvSource | RecordFile) or (
                isinstance(step.source, RowsSource) and step.source.parameter
            )
            if outside:
                entity = self.entities[step.entity]
                layout = layout_of(step, entity, self.tables.counted.get(entity.name))
                maker = RowMaker(entity, values, known)
                records = make_records(step, layout, maker, count, known[entity.name])
                self.records[step.name] = layout, records
        self._store()

    def _store(self) -> None:
        for name, (layout, records) in self.records.items():
            stored = store(self.operation.step(name), layout, records, self._folder)
            if stored is not None:
                self.parameters[stored[0]] = stored[1]

    def keep_good(self, modelled: Callable[[], Expected]) -> None:
        """Take the records out of sources that cannot be taken."""
        steps = modelled().steps
        for name, (layout, records) in self.records.items():
            refused = set(steps[name].refused)
            good = [record for place, record in enumerate(records) if place not in refused]
            self.records[name] = layout, good
        self._store()

    # what is known

    def world(self) -> World:
        """For the model."""
        given = resolve(self.operation, self.parameters)
        return World(
            dialect=self.database.dialect,
            operation=self.operation,
            entities=self.entities,
            writers=self.writers,
            binds=binds(self.operation, given),
            parameters=given,
            records=self.records,
            stand_ins=self.stand_ins,
            counted=self.tables.counted,
            calls=self._calls(),
            now=utc_now(),
        )

    def _renderer(self, known: Mapping[str, Any]) -> Renderer:
        return Renderer(self.database.dialect, known, utc_now(), calls=self._calls())

    def _rendered(self, expression: Expression) -> tuple[str, dict[str, Any]]:
        """A condition as SQL with what it binds."""
        known = binds(self.operation, resolve(self.operation, self.parameters))
        renderer = self._renderer(known)
        return renderer.sql(expression), renderer.parameters

    def ready(self) -> bool:
        """Whether the conditions among the preconditions hold."""
        checks = [c for c in self.operation.preconditions if c.kind is CheckKind.CONDITION]
        return all(map(self._holds, checks))

    def _holds(self, check: Check) -> bool:
        assert check.expression is not None
        sql, bound = self._rendered(check.expression)
        table = self.writers[self.operation.entity].name
        source = f" FROM {table}" if check.expression.tree.find(exp.AggFunc) else ""
        query = text(f"SELECT CASE WHEN ({sql}) THEN 1 ELSE 0 END{source}")
        with self.database.reading() as connection:
            return bool(connection.execute(query, bound).scalar())

    def enough(self) -> bool:
        """Whether the first condition means some rows and passes over others."""
        step = next((s for s in self.operation.steps if s.where is not None), None)
        if step is None or step.outputs:
            return True
        assert step.where is not None
        sql, bound = self._rendered(step.where)
        table = self.writers[step.entity].name
        query = text(f"SELECT count(*), sum(CASE WHEN ({sql}) THEN 1 ELSE 0 END) FROM {table}")
        with self.database.reading() as connection:
            rows, hits = connection.execute(query, bound).one()
        return 4 <= int(hits or 0) < int(rows)

    def choose_spoiled(self, expected: Expected, number: int) -> list[Spoiled]:
        """Rows that a step changes, to be refused.

        Raises:
            UsageError: no step changes rows that are there.
        """
        for step in self.operation.steps:
            entity, changed = self.entities[step.entity], expected.steps[step.name].changed
            if not changed or step.kind is StepKind.SELECT:
                continue
            names = [entity.soft_delete] if entity.soft_delete else []
            if step.kind is StepKind.UPDATE:
                names = list(step.values)
            return [
                Spoiled(entity.name, key, {n: row[n] for n in names if n})
                for key, row in changed[:: max(1, len(changed) // number)][:number]
            ]
        raise UsageError("No step changes rows that could be refused.")


def _unique(
    operation: Operation, entities: Mapping[str, Entity]
) -> list[tuple[str, tuple[str, ...]]]:
    """What steps tell records apart by, besides the key and unique fields."""
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    for step in operation.steps:
        entity, target = entities[step.entity], step.conflict_target
        lone = len(target) == 1 and entity.field(target[0]).unique
        if target and set(target) != set(entity.key) and not lone:
            found[entity.name, target] = None
    return list(found)


def _all_expressions(operation: Operation) -> list[Expression]:
    steps = [each for step in operation.steps for each in step.expressions]
    checks = (*operation.preconditions, *operation.postconditions)
    return [*steps, *(check.expression for check in checks if check.expression)]
