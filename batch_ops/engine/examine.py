"""What can be judged before anything is written: tables, keys, the source."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops import registry
from batch_ops.database import ddl, ranges, reflect, trial
from batch_ops.database.compute import Computing
from batch_ops.database.faults import first_line
from batch_ops.engine import parameters
from batch_ops.engine.conflicts import refuse_conflict, refuse_unmatched
from batch_ops.engine.keepable import refuse_unkept
from batch_ops.engine.own_calls import own_calls
from batch_ops.errors import (
    BatchOpsError,
    DatabaseUnfitError,
    DeclarationError,
    UsageError,
)
from batch_ops.journal.images import IMAGES_PREFIX
from batch_ops.journal.outputs import OUTPUT_PREFIX
from batch_ops.sources import open_source
from batch_ops.spec.model import (
    EntitySource,
    Expression,
    QuerySource,
    RowsSource,
    StepKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batch_ops.database import Database, Table
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.faults import Fault
    from batch_ops.database.render import Bind
    from batch_ops.engine.project import Project
    from batch_ops.errors import Location
    from batch_ops.journal import Journal
    from batch_ops.sources import Source
    from batch_ops.spec.model import Operation, Step


@contextmanager
def fitting(journal: Journal) -> Iterator[None]:
    """A database's error before the first row: the database does not fit."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnfitError(
            f"The database {journal.database.name} refused: {first_line(error)}",
            todo="Mend it and try again.",
        ) from error


def refused_by(
    database: Database, what: str, operation: Operation, fault: Fault, place: Location | None
) -> DatabaseUnfitError:
    """The error for a statement that a database does not understand, or does not allow."""
    return DatabaseUnfitError(
        f"The database {database.name} refuses {what} of {operation.name}: {fault.message}",
        todo="Mend the declaration or the database.",
        location=place,
    )


def connection_of(project: Project, operation: Operation) -> str | None:
    """The connection the operation's entities name."""
    names = {project.catalog.entity(step.entity).connection for step in operation.steps}
    if len(names) > 1:
        raise DeclarationError(
            f"The steps of {operation.name!r} write to several connections.",
            todo="Let all its entities name the same `connection`.",
            location=operation.location,
        )
    return names.pop()


def examine(
    project: Project, journal: Journal, operation: Operation, given: Mapping[str, Any], actor: str
) -> Source | None:
    """Judge what can be judged before anything is written: tables, keys, expressions, the source.

    Returns:
        The source whose digest tells one execution from another; None where there is none.
    """
    source: Source | None = None
    binds = parameters.binds(operation, given)
    calls = own_calls(actor, project.place.permits(actor))
    judge_throttle(journal.database, operation)
    for check in (*operation.preconditions, *operation.postconditions):
        if check.expression is not None:
            ranges.judge_numbers(journal.database.dialect, check.expression, binds)
    for step in operation.steps:
        if step.kind is StepKind.FUNCTION:
            resolve_function(step)
            continue
        table = judge_step(project, journal, step, binds)
        if operation.undo:
            refuse_unkept(journal.database, step, table)
        if step.stream is not None:
            computing = Computing(journal.database.reading, binds, calls)
            found = open_records(project, step, table, given, journal.database.dialect, computing)
            source = source if step.stream == RowsSource(None) else found
    return source


def resolve_function(step: Step) -> None:
    """Find the function of a step.

    Raises:
        UnknownNameError: there is none of that name.
        UsageError: its module cannot be imported.
    """
    assert step.function is not None
    try:
        registry.resolve(step.function, step.location)
    except BatchOpsError:
        raise
    except Exception as error:
        raise UsageError(
            f"The module of {step.function!r} cannot be imported: {type(error).__name__}: {error}",
            todo="Mend it, or what it imports.",
            location=step.location,
        ) from error


def require_key(step: Step, table: Table) -> None:
    """Refuse a table without a key where a step goes by it.

    Raises:
        DatabaseUnfitError: it has none.
    """
    keyless = step.kind in (StepKind.INSERT, StepKind.FUNCTION) or step.conflict_target
    if not keyless and not table.key:
        raise DatabaseUnfitError(
            f"The table {table.full_name!r} has no key, and step {step.name!r} needs one.",
            todo="Give it a primary key, or declare `key:` in the entity.",
            location=step.location,
        )


def judge_step(
    project: Project,
    journal: Journal,
    step: Step,
    binds: Mapping[str, Bind],
    *,
    made_before: bool = False,
) -> Table:
    """Judge one step, its records aside; the table it writes to.

    made_before: take a table that may be made as if it had been.

    Raises:
        DeclarationError, DatabaseUnfitError: a run would be refused.
    """
    _refuse_journal(journal, step, project)
    table = with_strict_key(_table(project, journal, step, made_before=made_before))
    require_key(step, table)
    _refuse_key_change(step, table)
    refuse_conflict(step, table)
    judge_expressions(journal.database.dialect, step, table, binds)
    return table


def open_records(
    project: Project,
    step: Step,
    table: Table,
    given: Mapping[str, Any],
    dialect: Dialect,
    computing: Computing,
) -> Source:
    """The records of a step that reads some, as far as the names of their fields.

    Raises:
        SourceError: they cannot be read, or lack what tells which row a record means.
    """
    assert step.stream is not None
    source = open_source(
        step.stream,
        table,
        project.catalog.entity(step.entity),
        step.rules,
        folder=project.folder,
        parameters=given,
        dialect=dialect,
        entities=project.catalog.entities,
        values=step.values,
        compute=computing,
    )
    refuse_unmatched(step, table, source)
    return source


def asks_how_busy(operation: Operation) -> bool:
    """Whether its pace goes by what other sessions do."""
    every = [operation.settings, *(step.settings for step in operation.steps)]
    return any(one.throttle and one.throttle.max_active is not None for one in every)


def judge_throttle(database: Database, operation: Operation) -> None:
    """What cannot be told of this database, or to this role, is refused before the first row."""
    if asks_how_busy(operation) and database.exists():
        with database.reading() as connection:
            database.dialect.at_work(connection)


def judge_expressions(
    dialect: Dialect, step: Step, table: Table, binds: Mapping[str, Bind]
) -> None:
    """What this database cannot mean, or has no place for, is refused before an earlier step has
    written.

    Raises:
        DeclarationError, DatabaseUnfitError: a run would be refused.
    """
    columns = {column.name: column for column in table.columns}
    for name, value in step.values.items():
        column = columns.get(name)
        if isinstance(value, Expression):
            trial.judge(dialect, value, binds, column)
        elif column is not None:
            told = f"The value {value.value} of step {step.name!r}"
            ranges.judge_number(dialect, column, value.value, told, step.location)
    chosen = [step.where]
    if isinstance(step.source, EntitySource):
        chosen.append(step.source.where)
    for condition in chosen:
        if condition is not None:
            trial.judge_condition(dialect, condition, binds)
    if isinstance(step.source, QuerySource):
        trial.judge(dialect, step.source.select, binds)


def _table(project: Project, journal: Journal, step: Step, *, made_before: bool) -> Table:
    entity, database = project.catalog.entity(step.entity), journal.database
    may_be_made = entity.create_table and (step.kind.adds or made_before)
    if database.exists():
        with database.reading() as connection:
            found = reflect.reflect(connection, entity)
            if found is not None:
                return found
            if not may_be_made:
                return reflect.require(connection, entity)
    elif not may_be_made:
        raise DatabaseUnfitError(
            f"The database {database.name} is not there.",
            todo="Set BATCH_OPS_DATABASE_URL to the one you mean, or import something first.",
        )
    return ddl.declared_table(database.dialect, entity, project.catalog.entities)


def with_strict_key(table: Table) -> Table:
    """The table as rows are put into it: a declared key column takes no NULL, whatever the
    database would let pass.
    """
    columns = tuple(
        replace(column, nullable=column.nullable and column.name not in table.key)
        for column in table.columns
    )
    return replace(table, columns=columns)


def _refuse_journal(journal: Journal, step: Step, project: Project) -> None:
    entity = project.catalog.entity(step.entity)
    known = {table.name for table in journal.tables.metadata.tables.values()}
    if entity.table in known or entity.table.startswith((OUTPUT_PREFIX, IMAGES_PREFIX)):
        raise DeclarationError(
            f"The table {entity.table!r} of entity {entity.name!r} is the journal's own.",
            todo="Declare an entity on a table of yours.",
            location=entity.location,
        )


def _refuse_key_change(step: Step, table: Table) -> None:
    for name in step.values if step.kind is StepKind.UPDATE else ():
        if name in table.key:
            raise DeclarationError(
                f"Step {step.name!r} would change the key column {name!r}.",
                todo="Insert new rows and delete the old ones instead.",
                location=step.location,
            )
