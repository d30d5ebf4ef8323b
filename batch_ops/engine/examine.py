"""What can be judged before anything is written: tables, keys, the source."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops.database import ddl, reflect, trial
from batch_ops.database.compute import Computing
from batch_ops.database.faults import first_line
from batch_ops.engine import parameters
from batch_ops.engine.own_calls import own_calls
from batch_ops.errors import DatabaseUnfitError, DeclarationError
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

    from batch_ops.database import Table
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.render import Bind
    from batch_ops.engine.project import Project
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
    for step in operation.steps:
        if step.kind is StepKind.FUNCTION:
            continue
        _refuse_journal(journal, step, project)
        table = with_strict_key(_table(project, journal, step))
        _refuse_key_change(step, table)
        _refuse_conflict(step, table)
        _judge_expressions(journal.database.dialect, step, table, binds)
        if step.stream is not None:
            found = open_source(
                step.stream,
                table,
                project.catalog.entity(step.entity),
                step.rules,
                folder=project.folder,
                parameters=given,
                dialect=journal.database.dialect,
                entities=project.catalog.entities,
                values=step.values,
                compute=Computing(journal.database.reading, binds, calls),
            )
            source = source if step.stream == RowsSource(None) else found
    return source


def _judge_expressions(
    dialect: Dialect, step: Step, table: Table, binds: Mapping[str, Bind]
) -> None:
    """What this database cannot mean is refused before an earlier step has written."""
    for column, value in step.values.items():
        if isinstance(value, Expression):
            trial.judge(dialect, value, binds, table.column(column))
    chosen = [step.where]
    if isinstance(step.source, EntitySource):
        chosen.append(step.source.where)
    for condition in chosen:
        if condition is not None:
            trial.judge_condition(dialect, condition, binds)
    if isinstance(step.source, QuerySource):
        trial.judge(dialect, step.source.select, binds)


def _table(project: Project, journal: Journal, step: Step) -> Table:
    entity, database = project.catalog.entity(step.entity), journal.database
    if database.exists():
        with database.reading() as connection:
            found = reflect.reflect(connection, entity)
            if found is not None:
                return found
            if not (entity.create_table and step.kind.adds):
                return reflect.require(connection, entity)
    elif not (entity.create_table and step.kind.adds):
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
    if entity.table in known or entity.table.startswith(OUTPUT_PREFIX):
        raise DeclarationError(
            f"The table {entity.table!r} of entity {entity.name!r} is the journal's own.",
            todo="Declare an entity on a table of yours.",
            location=entity.location,
        )


def _refuse_conflict(step: Step, table: Table) -> None:
    """Two records are the same only by what the database keeps unique."""
    wanted = step.conflict_target or (table.key if step.kind is StepKind.UPSERT else ())
    if step.merges and wanted and set(wanted) not in [set(group) for group in table.unique]:
        known = "; ".join(", ".join(group) for group in table.unique) or "none"
        raise DatabaseUnfitError(
            f"Nothing keeps {', '.join(wanted)} of {table.full_name!r} unique, and step"
            f" {step.name!r} goes by it.",
            todo=f"Add a unique constraint, or name one that is there as conflict_target: {known}.",
            location=step.location,
        )


def _refuse_key_change(step: Step, table: Table) -> None:
    for name in step.values if step.kind is StepKind.UPDATE else ():
        if name in table.key:
            raise DeclarationError(
                f"Step {step.name!r} would change the key column {name!r}.",
                todo="Insert new rows and delete the old ones instead.",
                location=step.location,
            )
