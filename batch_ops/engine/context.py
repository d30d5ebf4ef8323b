"""What is known of an execution this process has opened: its declaration, tables, settings."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database import ddl, reflect
from batch_ops.database.bounds import Bounds
from batch_ops.database.render import Renderer
from batch_ops.engine import parameters
from batch_ops.engine.conditions import Ground
from batch_ops.engine.examine import require_key
from batch_ops.engine.notices import Notices
from batch_ops.engine.own_calls import own_calls
from batch_ops.engine.reading import ChunkInfo, chunk_infos, read_result
from batch_ops.engine.waits import LockWaits
from batch_ops.events import Progress
from batch_ops.journal.outputs import output_name
from batch_ops.journal.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from batch_ops.database import Database, Table
    from batch_ops.database.render import Bind
    from batch_ops.engine.options import Launch, RunOptions
    from batch_ops.engine.project import Project
    from batch_ops.events import Event, Listener
    from batch_ops.journal import ExecutionRow, Journal
    from batch_ops.results import Result, Status
    from batch_ops.spec.catalog import Catalog
    from batch_ops.spec.model import Entity, Expression, Operation, Settings, Step


class Context:
    """An execution as its parts see it: facts and what follows from them, no deeds.

    Everything stands in the journal: any process can open it again at any time.

    Attributes:
        verb: the command that goes on with it.
    """

    verb = "resume"

    def __init__(
        self,
        project: Project,
        journal: Journal,
        catalog: Catalog,
        row: ExecutionRow,
        options: RunOptions,
        launch: Launch,
        listen: Listener,
    ) -> None:
        self.project, self.journal, self.catalog = project, journal, catalog
        self.row, self.options, self.launch, self._listen = row, options, launch, listen
        self.operation: Operation = catalog.operation(row.operation)
        self.status_before: Status | None = None
        self.opened_at = utc_now()
        self._tables: dict[str, Table] = {}
        self._calls = own_calls(row.actor or "", project.place.permits(launch.actor))
        self.notices, self.waits = Notices(self), LockWaits(journal.database)

    # what it is

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The values of its parameters: those it began with, and secrets as they are now.

        Raises:
            ParameterError: a secret is missing.
        """
        return parameters.load(self.row.parameters) | parameters.secrets(self.operation)

    @property
    def id(self) -> str:
        """The execution's id, a UUID as text."""
        return self.row.id

    @property
    def database(self) -> Database:
        """The database that holds the target tables and the journal."""
        return self.journal.database

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The declared entities it began with."""
        return self.catalog.entities

    @property
    def lost(self) -> bool:
        """Whether another process struck this one out."""
        beat = self.project.heartbeats.get(self.id)
        return beat is not None and beat.lost.is_set()

    @property
    def finished(self) -> bool:
        """Whether it has ended for good."""
        return self.result().status.finished

    @property
    def next_step(self) -> str | None:
        """The first step that is not finished; None when all are."""
        return self.result().next_step

    def result(self) -> Result:
        """The execution as the journal knows it now."""
        return read_result(self.journal, self.operation, self.id)

    def chunks(self, step: str) -> tuple[ChunkInfo, ...]:
        """The chunks of a step, in plan order; empty when it is not planned."""
        return chunk_infos(self.journal, self.id, step)

    # what its parts ask of it

    def emit(self, event: Event) -> None:
        """Tell the listener; in the calling thread. Of progress only where it is to be told."""
        if self.operation.telling.progress or not isinstance(event, Progress):
            self._listen(event)

    def output_name(self, number: int) -> str:
        """The table that keeps the rows of the step of that number."""
        return output_name(self.row.short_id, number)

    def settings(self, step: Step) -> Settings:
        """The sizes and limits that hold for a step."""
        settings = self.options.settings(step.settings)
        writers = self.database.dialect.capabilities.concurrent_writers
        if settings.parallel is False or not writers:
            return replace(settings, max_workers=1)
        size = settings.worker_batch_size
        if size and settings.max_workers > 1 and self.options.batch_size is None:
            return replace(settings, batch_size=size)
        return settings

    def bounds(self, step: Step) -> Bounds:
        """How long a statement of a step, and its waiting for a lock, may take."""
        settings = self.settings(step)
        return Bounds(settings.statement_timeout, settings.lock_timeout)

    def entity(self, step: Step) -> Entity:
        """The step's target entity."""
        return self.entities[step.entity]

    def table(self, step: Step) -> Table:
        """The step's target table; made when it is missing and its entity allows it.

        Raises:
            DatabaseUnfitError: it is missing, or has no key where one is needed.
        """
        if step.entity not in self._tables:
            self._tables[step.entity] = self._find_table(step)
        table = self._tables[step.entity]
        require_key(step, table)
        return table

    def _find_table(self, step: Step) -> Table:
        if step.kind.adds:
            return ddl.ensure_table(self.database, self.entity(step), self.entities)
        with self.database.reading() as connection:
            return reflect.require(connection, self.entity(step))

    def calls(self) -> Mapping[str, Callable[..., Any]]:
        """What the functions mean that Python answers; each call is made once. Permissions are
        those of whoever works on it now: asked again of whoever resumes.
        """
        return self._calls

    def binds(self) -> dict[str, Bind]:
        """What the parameters bind in expressions."""
        return parameters.binds(self.operation, self.parameters)

    def scalar(self, connection: Connection, expression: Expression) -> Any:
        """The value of an expression that reads no rows."""
        dialect = self.database.dialect
        renderer = Renderer(dialect, self.binds(), utc_now(), calls=self.calls())
        statement = text(f"SELECT {renderer.sql(expression)}")
        return connection.execute(statement, renderer.parameters).scalar()

    def ground(self) -> Ground:
        """What its preconditions are judged on."""
        return Ground(
            self.database,
            self.operation,
            self.entities,
            self.binds(),
            self.row.moment,
            self._calls,
        )
