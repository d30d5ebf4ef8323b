"""What one step after the other would do, counted on the data as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.database import ddl, reflect
from batch_ops.database.compute import Computing
from batch_ops.database.faults import FaultKind
from batch_ops.database.render import Renderer
from batch_ops.database.statements import Target
from batch_ops.database.values import plain
from batch_ops.engine.checks import evaluate
from batch_ops.engine.discretion import MASK
from batch_ops.engine.examine import judge_expressions
from batch_ops.engine.outputs import expiry, rows_meant
from batch_ops.engine.streams import screened_table
from batch_ops.errors import DatabaseUnfitError
from batch_ops.planning.chunks import chunk_size, spacing
from batch_ops.sources import open_source
from batch_ops.spec.model import EntitySource, Expression, QuerySource, StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.database import Database, Table
    from batch_ops.database.render import Bind
    from batch_ops.database.statements import Statement
    from batch_ops.engine.conditions import Ground
    from batch_ops.engine.options import RunOptions
    from batch_ops.engine.project import Project
    from batch_ops.results import CheckResult
    from batch_ops.spec.model import Entity, Step

SAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class StepPreview:
    """What one step would do.

    estimate: earlier steps will have changed what it finds; the figures are of the data as it is.
    rows, chunks, batches: None where only the run will tell. sql: the statement of one batch; of a
    custom function its name. sample: rows it would touch, hidden columns masked.
    """

    name: str
    kind: str
    entity: str
    rows: int | None
    chunks: int | None
    batches: int | None
    sql: str
    estimate: bool
    sample: tuple[dict[str, Any], ...] = ()


class DryRun:
    """Goes through the steps of an operation; reads, and writes nothing."""

    def __init__(
        self, project: Project, ground: Ground, given: Mapping[str, Any], options: RunOptions
    ) -> None:
        self._project, self._ground, self._given, self._options = project, ground, given, options
        self._binds: dict[str, Bind] = dict(ground.binds)
        self._rows: dict[str, int | None] = {}
        self.notes: list[str] = []

    @property
    def _database(self) -> Database:
        return self._ground.database

    def checks(self) -> tuple[CheckResult, ...]:
        """The preconditions, judged now; none where the table is not there yet."""
        if not self._database.exists() or self._missing(self._ground.entity):
            return ()
        return evaluate(self._ground, self._ground.operation.preconditions)

    def step(self, step: Step) -> StepPreview:
        """The next step in DAG order."""
        told = self._told(step)
        self._rows[step.name] = told.rows
        limit = self._options.settings(step.settings).max_records
        if limit is not None and step.kind.writes and (told.rows or 0) > limit:
            self.notes.append(
                f"Step {step.name!r} would be refused: {told.rows} rows, max_records is {limit}."
            )
        return told

    def _told(self, step: Step) -> StepPreview:
        if step.kind is StepKind.FUNCTION:
            return self._preview(step, self._function_rows(step), f"{step.function}(…)")
        table = self._table(step, self._ground.entities[step.entity])
        judge_expressions(self._database.dialect, step, table, self._binds)
        if step.stream is not None:
            return self._of_stream(step, table)
        if step.kind.adds:
            return self._of_rows(step, table)
        return self._of_table(step, table)

    def _preview(
        self,
        step: Step,
        rows: int | None,
        sql: str,
        sample: tuple[dict[str, Any], ...] = (),
        chunks: int | None = None,
    ) -> StepPreview:
        settings = self._options.settings(step.settings)
        every = spacing(settings.batch_size, settings.chunk_rows)
        if rows is not None and chunks is None:
            chunks = max(-(-rows // chunk_size(rows, settings.chunk_rows, every)), 1)
        return StepPreview(
            name=step.name,
            kind=str(step.kind),
            entity=step.entity,
            rows=rows,
            chunks=chunks,
            batches=None if rows is None else -(-rows // settings.batch_size),
            sql=sql,
            estimate=self._depends_on_writes(step),
            sample=sample,
        )

    # tables

    def _missing(self, entity: Entity) -> bool:
        with self._database.reading() as connection:
            return reflect.reflect(connection, entity) is None

    def _table(self, step: Step, entity: Entity) -> Table:
        creates = entity.create_table and step.kind.adds
        if self._database.exists():
            with self._database.reading() as connection:
                if found := reflect.reflect(connection, entity):
                    return found
                if not creates:
                    return reflect.require(connection, entity)
        elif not creates:
            raise DatabaseUnfitError(
                f"The database {self._database.name} is not there.",
                todo="Set BATCH_OPS_DATABASE_URL to the one you mean, or import something first.",
            )
        self.notes.append(f"The table {entity.table!r} would be created.")
        return ddl.declared_table(self._database.dialect, entity, self._ground.entities)

    # steps that put records in

    def _of_stream(self, step: Step, table: Table) -> StepPreview:
        assert step.stream is not None
        ground = self._ground
        source = open_source(
            step.stream,
            screened_table(step, table),
            ground.entities[step.entity],
            step.rules,
            folder=self._project.folder,
            parameters=self._given,
            dialect=self._database.dialect,
            entities=ground.entities,
            now=ground.moment,
            values=step.values,
            constants=expiry(step, ground.entities[step.entity]),
            compute=Computing(self._database.reading, ground.binds, ground.calls),
        )
        self.notes += source.notes
        plan = source.scan(self._options.settings(step.settings).chunk_rows)
        sql = self._insert_sql(step, table, source.layout.targets)
        return self._preview(step, plan.rows, sql, chunks=max(len(plan.ranges), 1))

    def _of_rows(self, step: Step, table: Table) -> StepPreview:
        """Rows of the same database: of an entity, a query, or an earlier step."""
        columns = tuple(step.values) or table.column_names
        return self._preview(step, self._source_rows(step), self._insert_sql(step, table, columns))

    def _source_rows(self, step: Step) -> int | None:
        if step.records is not None:
            return self._rows.get(step.records)
        if isinstance(step.source, EntitySource):
            entity = self._ground.entities[step.source.entity]
            with self._database.reading() as connection:
                table = reflect.require(connection, entity)
            goal = self._target(step, table, entity, step.source.where)
            return self._count(goal.count())
        assert isinstance(step.source, QuerySource)
        ground = self._ground
        renderer = Renderer(self._database.dialect, self._binds, ground.moment, calls=ground.calls)
        query = f"SELECT count(*) FROM {renderer.sql(step.source.select)} AS q"
        return self._count((query, renderer.parameters))

    def _insert_sql(self, step: Step, table: Table, columns: tuple[str, ...]) -> str:
        dialect = self._database.dialect
        names = ", ".join(dialect.quote(name) for name in columns)
        word = "UPSERT" if step.kind is StepKind.UPSERT else "INSERT"
        return f"{word} INTO {dialect.table_sql(table.name, table.schema)} ({names})"

    def _function_rows(self, step: Step) -> int | None:
        name = step.input.name or ""
        if name in step.outputs:
            return self._rows.get(step.outputs[name])
        value = self._given.get(name)
        return len(value) if isinstance(value, list) else 1

    # steps over their own table

    def _of_table(self, step: Step, table: Table) -> StepPreview:
        entity = self._ground.entities[step.entity]
        target = self._target(step, table, entity, step.where)
        sql = ""
        if any(name not in self._binds for name in step.outputs):
            # it goes by what a function or a writing step will give
            return self._preview(step, None, str(step.where.text if step.where else ""))
        sql = _batch_sql(step, target)
        rows = self._count(target.count())
        sample = self._sample(step, target)
        if step.kind is StepKind.SELECT:
            self._bind_output(step, target)
        return self._preview(step, rows, sql, sample)

    def _count(self, statement: Statement) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(text(statement[0]), statement[1]).scalar_one())

    def _sample(self, step: Step, target: Target) -> tuple[dict[str, Any], ...]:
        """Some rows; of an update each changed column before and after."""
        columns = self._shown(step, target.table)
        query, bound = target.sample(columns, step.values, self._ground.moment, SAMPLE_ROWS)
        try:
            with self._database.reading() as connection:
                rows = [tuple(row) for row in connection.execute(text(query), bound)]
        except DBAPIError as error:
            if self._database.dialect.fault(error).kind is not FaultKind.ROW:
                raise
            self.notes.append(
                f"Step {step.name!r}: a new value cannot be computed for some row;"
                " such rows would become rejects."
            )
            return ()
        names = list(columns)
        found = [dict(zip(names, row, strict=False)) for row in rows]
        for record, row in zip(found, rows, strict=True):
            for name, after in zip(step.values, row[len(names) :], strict=True):
                record[name] = {"before": record[name], "after": after}
        return tuple(self._masked(step, record) for record in found)

    def _target(self, step: Step, table: Table, entity: Entity, where: Any) -> Target:
        ground = self._ground
        return Target(
            dialect=ground.database.dialect,
            table=table,
            where=where,
            binds=self._binds,
            outputs={},
            moment=ground.moment,
            calls=ground.calls,
            alive=entity.soft_delete,
        )

    def _bind_output(self, step: Step, target: Target) -> None:
        """Later steps refer to rows nobody wrote yet: the select itself stands for them."""
        self._binds |= rows_meant(self._ground.operation, step, target)

    def _shown(self, step: Step, table: Table) -> tuple[str, ...]:
        wanted = (*table.key, *step.select_fields, *step.values)
        known = wanted if step.values or step.select_fields else table.column_names
        return tuple(dict.fromkeys(known))

    def _masked(self, step: Step, row: Mapping[str, Any]) -> dict[str, Any]:
        hidden = self._ground.entities[step.entity].hidden
        told = [
            n for n, v in step.values.items() if isinstance(v, Expression) and v.columns & hidden
        ]
        hidden = hidden.union(told)
        return {name: MASK if name in hidden else plain(value) for name, value in row.items()}

    def _depends_on_writes(self, step: Step) -> bool:
        earlier = set(step.depends_on)
        for other in reversed(self._ground.operation.steps):
            if other.name in earlier:
                if other.kind is not StepKind.SELECT:
                    return True
                earlier |= set(other.depends_on)
        return False


def _batch_sql(step: Step, target: Target) -> str:
    """The statement of one batch, its bounds as bound parameters."""
    bound = tuple(None for _ in target.table.key)
    if step.kind is StepKind.UPDATE:
        return target.update(step.values, target.moment, bound, bound)[0]
    if step.kind is StepKind.DELETE:
        return target.delete(target.moment, bound, bound)[0]
    return target.keys(bound, bound)[0]
