"""An execution as a retry of its rejects sees it, and this process as the one that works on it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from batch_ops.engine import closing
from batch_ops.engine.examine import fitting
from batch_ops.engine.execution import Execution
from batch_ops.engine.joining import refuse_beside, strike_out
from batch_ops.engine.opening import start
from batch_ops.engine.outputs import is_needed, output_of
from batch_ops.engine.reading import find
from batch_ops.engine.taking import acquire, target_tables
from batch_ops.errors import DatabaseUnfitError, EngineFault, UsageError
from batch_ops.events import BatchCommitted, Progress
from batch_ops.journal import executions, outputs, ownership
from batch_ops.results import Counts
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.model import ErrorHandling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batch_ops.engine.options import Launch, RunOptions
    from batch_ops.engine.project import Project
    from batch_ops.events import Event, Listener
    from batch_ops.journal import ExecutionRow, Journal
    from batch_ops.journal.outputs import Output
    from batch_ops.spec.model import ErrorLimit, Operation, Step


class Retry(Execution):
    """A bad row costs itself here, whatever the operation says of errors: all of them were bad.

    What a step hands on goes to a table beside its output, so that later steps can be given these
    rows alone; at the end they are put to the others.

    Attributes:
        number: of the retry, from 1; 0 before it begins.
        limit: how many rows may be refused again.
        sided: the numbers of the steps whose rows are in the tables beside their outputs.
    """

    verb = "retry"

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
        self.limit: ErrorLimit | None = options.max_errors
        kept = replace(replace(options, max_errors=None).over(row.options), max_errors=None)
        super().__init__(project, journal, catalog, row, kept, launch, listen)
        self.operation = _lenient(self.operation)
        self.number = 0
        self._trying = self._done = 0
        self.sided: frozenset[int] = frozenset()

    def beside(self, steps: Iterable[Step]) -> Self:
        """The same, with the rows of these steps in the tables beside their outputs."""
        part = copy.copy(self)
        part.sided = frozenset(self.operation.number_of(step) for step in steps)
        return part

    def output_name(self, number: int) -> str:
        name = super().output_name(number)
        return f"{name}_r{self.number}" if number in self.sided else name

    def trying(self, rows: int) -> None:
        """So many rejects of a step are tried now: progress is told of them."""
        self._trying, self._done = rows, 0

    def emit(self, event: Event) -> None:
        """Of progress what share of the rejects was tried: their counters are differences."""
        if self._trying and isinstance(event, BatchCommitted):
            size = self.settings(self.operation.step(event.step)).batch_size
            self._done = min(event.number * size, self._trying)
        if self._trying and isinstance(event, Progress):
            done = Counts(total=self._done)
            event = replace(event, counts=done, planned_rows=self._trying)
        super().emit(event)

    def table_beside(self, step: Step) -> Output | None:
        """The table for the rows this retry makes a step hand on; None where nobody takes them."""
        return output_of(self.beside([step]), step) if is_needed(self.operation, step) else None

    def make_beside(self, step: Step) -> None:
        """Make that table where it is not there."""
        output = self.table_beside(step)
        if output is None or self.has_beside(output):
            return
        with self.database.writing() as connection:
            outputs.create(self.journal, connection, output)

    def has_beside(self, output: Output) -> bool:
        """Whether a table beside an output was made."""
        with self.database.reading() as connection:
            return inspect(connection).has_table(output.name, schema=output.schema)


def _lenient(operation: Operation) -> Operation:
    settings = replace(operation.settings, max_errors=None, max_errors_per_worker=None)
    return replace(operation, settings=settings, error_handling=ErrorHandling.CONTINUE)


def open_retry(
    project: Project, execution_id: str, options: RunOptions, launch: Launch, listen: Listener
) -> Retry:
    """Take an execution nobody works on, to retry its rejects.

    Raises:
        UnknownNameError: there is none of that id.
        OwnershipError: somebody works on it, or another execution holds a table.
    """
    journal, row = find(project, execution_id)
    catalog = Catalog.from_texts(row.declaration)
    refuse_undone(row, catalog.operation(row.operation))
    telling = catalog.operation(row.operation).telling
    journal = journal.named(telling.log_table, telling.metrics_table)
    retry = Retry(project, journal, catalog, row, options, launch, listen)
    with fitting(journal):
        journal.ensure()
        take_alone(retry)
    start(retry, resumed=True)
    return retry


def refuse_undone(row: ExecutionRow, operation: Operation) -> None:
    """Rows a retry recovers have no images yet: an undo would leave them."""
    if operation.undo:
        raise UsageError(
            f"Rejects of {row.operation} cannot be retried: it says `undo: true`, and of rows that"
            " a retry recovers no images are kept.",
            todo="Import the mended rows by a run of their own.",
            execution_id=row.id,
        )


def give_back(execution: Execution) -> None:
    """This process works on it no longer; where the database is gone, others find out."""
    try:
        closing.leave(execution)
    except (DBAPIError, DatabaseUnfitError):
        closing.stop_beating(execution)


def take_alone(execution: Execution) -> None:
    """Take an execution that nobody works on; its status stays.

    Raises:
        OwnershipError: somebody works on it, or another execution holds a table.
    """
    journal, identifier = execution.journal, execution.id
    with journal.database.reading() as connection:
        for worker in ownership.living(journal, connection, identifier):
            refuse_beside(execution, worker, exclusive=True)
        tables = target_tables(execution.catalog, execution.operation)
        ownership.refuse_held(journal, connection, identifier, tables)
    with journal.database.locked() as connection:
        strike_out(execution, connection, exclusive=True)
        acquire(journal, connection, identifier, execution.operation, execution.project)
        mine, every = execution.project.worker(), execution.operation.telling.heartbeat
        ownership.register(journal, connection, identifier, mine, every)
        now = executions.get(journal, connection, identifier)
        if now is None:
            raise EngineFault(f"Execution {identifier} is gone.", execution_id=identifier)
        execution.row, execution.status_before = now, now.status
        executions.set_status(journal, connection, identifier, now.status, control=None)
