"""The tables of a project in one database: what operations need of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.database import reflect
from batch_ops.engine.doctor.findings import Finding, of_error, problem, sound, warning
from batch_ops.engine.doctor.indexes import missing_indexes
from batch_ops.engine.examine import asks_how_busy
from batch_ops.engine.refusals import refusals
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.database import Table
    from batch_ops.engine.project import Project
    from batch_ops.spec.model import Entity, Operation

RIGHTS = {
    StepKind.SELECT: ("SELECT",),
    StepKind.INSERT: ("SELECT", "INSERT"),
    StepKind.UPDATE: ("SELECT", "UPDATE"),
    StepKind.UPSERT: ("SELECT", "INSERT", "UPDATE"),
    StepKind.DELETE: ("SELECT", "DELETE"),
}


def look(project: Project, name: str | None) -> Iterator[Finding]:
    """Tables, keys, rights, what `run` would refuse, indexes for large tables."""
    entities = [e for e in project.catalog.entities.values() if e.connection == name]
    operations = [
        each
        for each in project.catalog.operations
        if project.catalog.entity(each.entity).connection == name
    ]
    for entity in entities:
        yield from _entity(project, name, entity)
    for operation in operations:
        yield from _operation(project, operation)
    yield from _throttle(project, name, operations)
    yield from missing_indexes(project, name, operations)


def _entity(project: Project, name: str | None, entity: Entity) -> Iterator[Finding]:
    database = project.database(name)
    with database.looking() as connection:
        table = reflect.reflect(connection, entity)
        if table is None:
            yield _not_there(entity)
            return
        lacks = database.dialect.looks().lacking(connection, table, _wanted(project, entity))
    if lacks:
        what = f"The role has no {', '.join(lacks)} on {table.full_name}, which operations need."
        todo = f"GRANT {', '.join(lacks)} ON {table.full_name} to it."
        yield problem("rights", what, todo)
    yield _keyed(table)


def _not_there(entity: Entity) -> Finding:
    if entity.create_table:
        return sound("tables", f"{entity.table} is not there yet: the first import makes it.")
    todo = f"Create it, or say `create_table: true` in the entity {entity.name!r}."
    return problem("tables", f"{entity.table} is not there.", todo)


def _keyed(table: Table) -> Finding:
    if table.key:
        return sound("tables", f"{table.full_name}, key {', '.join(table.key)}.")
    todo = "Updates, deletes and selects need one: a primary key, or `key:` in the entity."
    return warning("tables", f"{table.full_name} has no key.", todo)


def _wanted(project: Project, entity: Entity) -> set[str]:
    """The rights that the operations need on an entity's table."""
    steps = [step for operation in project.catalog.operations for step in operation.steps]
    return {
        right
        for step in steps
        if step.entity == entity.name and step.kind in RIGHTS
        for right in RIGHTS[step.kind]
    }


def _operation(project: Project, operation: Operation) -> Iterator[Finding]:
    for error in refusals(project, operation):
        found = of_error("operations", error)
        yield problem("operations", f"{operation.name} would be refused: {found.what}", found.todo)


def _throttle(project: Project, name: str | None, operations: list[Operation]) -> Iterator[Finding]:
    asking = [each.name for each in operations if asks_how_busy(each)]
    database = project.database(name)
    if not asking:
        return
    with database.looking() as connection:
        sees = database.dialect.looks().sees_sessions(connection)
    if not sees:
        what = f"The role may not see what other sessions do, which {', '.join(asking)} goes by."
        yield problem("rights", what, "GRANT pg_read_all_stats to it.")
