"""The dry run: what an operation would do, found out without writing anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database import ddl, reflect
from batch_ops.database.render import RowsOf
from batch_ops.database.statements import Target
from batch_ops.database.values import plain
from batch_ops.engine import parameters as values
from batch_ops.engine.checks import evaluate
from batch_ops.engine.conditions import Ground
from batch_ops.engine.options import RunOptions
from batch_ops.engine.plans import output_meaning
from batch_ops.engine.reading import MASK
from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal.store import utc_now
from batch_ops.planning.chunks import chunk_size, spacing
from batch_ops.sources import open_source
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.database import Database, Table
    from batch_ops.database.render import Bind
    from batch_ops.engine.project import Project
    from batch_ops.results import CheckResult
    from batch_ops.spec.model import Entity, Operation, Step

SAMPLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class StepPreview:
    """What one step would do.

    estimate: earlier steps will have changed what it finds; the figures are of the data as it is.
    sql: the statement of one batch. sample: rows it would touch, hidden columns masked.
    """

    name: str
    kind: str
    entity: str
    rows: int
    chunks: int
    batches: int
    sql: str
    estimate: bool
    sample: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would do. bindings: what each `:name` means. notes: what to know."""

    operation: str
    steps: tuple[StepPreview, ...]
    checks: tuple[CheckResult, ...]
    bindings: dict[str, str]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """One JSON-safe object."""
        told: dict[str, Any] = plain(asdict(self))
        return told


def preview(
    project: Project,
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    options: RunOptions = RunOptions(),
) -> Preview:
    """Plan an operation without writing: no row, no table, no journal.

    Raises:
        UnknownNameError, ParameterError, SourceError: as `run` would.
        DatabaseUnfitError: the database or a table is not there.
    """
    declared = project.catalog.operation(operation)
    given = values.resolve(declared, parameters or {})
    entity = project.catalog.entity(declared.entity)
    database = project.database(entity.connection)
    ground = Ground(
        database, declared, project.catalog.entities, values.binds(declared, given), utc_now()
    )
    dry = _DryRun(project, ground, given, options)
    steps = tuple(dry.step(step) for step in declared.steps)
    checks = dry.checks()
    return Preview(declared.name, steps, checks, bindings_of(declared), tuple(dry.notes))


def bindings_of(operation: Operation) -> dict[str, str]:
    """What each `:name` of the operation means."""
    told = {p.name: f"parameter {p.name}" for p in operation.parameters}
    for step in operation.steps:
        told |= {name: f"rows of step {source}" for name, source in step.outputs.items()}
    return told


class _DryRun:
    def __init__(
        self, project: Project, ground: Ground, given: Mapping[str, Any], options: RunOptions
    ) -> None:
        self._project, self._ground, self._given, self._options = project, ground, given, options
        self._binds: dict[str, Bind] = dict(ground.binds)
        self.notes: list[str] = []

    @property
    def _database(self) -> Database:
        return self._ground.database

    def checks(self) -> tuple[CheckResult, ...]:
        if not self._database.exists() or self._missing(self._ground.entity):
            return ()
        return evaluate(self._ground)

    def step(self, step: Step) -> StepPreview:
        entity = self._ground.entities[step.entity]
        table = self._table(step, entity)
        told = self._of_source(step, entity, table) if step.source else self._of_table(step, table)
        limit = self._options.settings(step.settings).max_records
        if limit is not None and step.kind.writes and told.rows > limit:
            self.notes.append(
                f"Step {step.name!r} would be refused: {told.rows} rows, max_records is {limit}."
            )
        return told

    def _missing(self, entity: Entity) -> bool:
        with self._database.reading() as connection:
            return reflect.reflect(connection, entity) is None

    def _table(self, step: Step, entity: Entity) -> Table:
        creates = entity.create_table and step.kind is StepKind.INSERT
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

    def _of_source(self, step: Step, entity: Entity, table: Table) -> StepPreview:
        assert step.source is not None
        settings = self._options.settings(step.settings)
        source = open_source(
            step.source,
            table,
            entity,
            step.rules,
            folder=self._project.folder,
            parameters=self._given,
            dialect=self._database.dialect,
        )
        plan = source.scan(settings.chunk_rows)
        dialect = self._database.dialect
        names = ", ".join(dialect.quote(name) for name in source.layout.targets)
        return StepPreview(
            name=step.name,
            kind=str(step.kind),
            entity=step.entity,
            rows=plan.rows,
            chunks=max(len(plan.ranges), 1),
            batches=-(-plan.rows // settings.batch_size),
            sql=f"INSERT INTO {dialect.table_sql(table.name, table.schema)} ({names})",
            estimate=False,
        )

    def _of_table(self, step: Step, table: Table) -> StepPreview:
        target = self._target(step, table)
        with self._database.reading() as connection:
            query, bound = target.count()
            rows = int(connection.execute(text(query), bound).scalar_one())
            query, bound = target.sample(self._shown(step, table), SAMPLE_ROWS)
            sample = [dict(row) for row in connection.execute(text(query), bound).mappings()]
        self._bind_output(step, target)
        settings = self._options.settings(step.settings)
        every = spacing(settings.batch_size, settings.chunk_rows)
        size = chunk_size(rows, settings.chunk_rows, every)
        return StepPreview(
            name=step.name,
            kind=str(step.kind),
            entity=step.entity,
            rows=rows,
            chunks=max(-(-rows // size), 1),
            batches=-(-rows // settings.batch_size),
            sql=_batch_sql(step, target),
            estimate=self._depends_on_writes(step),
            sample=tuple(self._masked(step, row) for row in sample),
        )

    def _target(self, step: Step, table: Table) -> Target:
        ground = self._ground
        return Target(
            dialect=ground.database.dialect,
            table=table,
            where=step.where,
            binds=self._binds,
            outputs={},
            moment=ground.moment,
        )

    def _bind_output(self, step: Step, target: Target) -> None:
        """Later steps refer to rows nobody wrote yet: the select itself stands for them."""
        for other in self._ground.operation.steps:
            for name in (n for n, source in other.outputs.items() if source == step.name):
                columns = output_meaning(name, step, target.table.key)
                self._binds[name] = RowsOf(*target.rows_select(columns))

    def _shown(self, step: Step, table: Table) -> tuple[str, ...]:
        wanted = (*table.key, *step.select_fields, *step.values)
        known = wanted if step.values or step.select_fields else table.column_names
        return tuple(dict.fromkeys(known))

    def _masked(self, step: Step, row: Mapping[str, Any]) -> dict[str, Any]:
        hidden = self._ground.entities[step.entity].hidden
        return {name: MASK if name in hidden else plain(value) for name, value in row.items()}

    def _depends_on_writes(self, step: Step) -> bool:
        earlier = set(step.depends_on)
        for other in reversed(self._ground.operation.steps):
            if other.name in earlier:
                if other.kind.writes:
                    return True
                earlier |= set(other.depends_on)
        return False


def _batch_sql(step: Step, target: Target) -> str:
    """The statement of one batch, its bounds as bound parameters."""
    bound = tuple(None for _ in target.table.key)
    if step.kind is StepKind.UPDATE:
        return target.update(step.values, target.moment, bound, bound)[0]
    if step.kind is StepKind.DELETE:
        return target.delete(bound, bound)[0]
    return target.keys(bound, bound)[0]
