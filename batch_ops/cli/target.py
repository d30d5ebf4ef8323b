"""Whether the databases fit the declarations: looked at, never touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from batch_ops.errors import BatchOpsError
from batch_ops.spec.model import CsvSource, RecordFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.cli.declarations import Declarations
    from batch_ops.database import Database
    from batch_ops.engine import Project
    from batch_ops.spec.model import Entity


@dataclass
class Looked:
    """What the databases said.

    Attributes:
        findings: what they and the files of sources lack, one sentence each.
        refused: by operation, why a run would be refused by the database as it is.
        unasked: operations whose database could not be asked.
    """

    findings: list[str] = field(default_factory=list)
    refused: dict[str, list[BatchOpsError]] = field(default_factory=dict)
    unasked: list[str] = field(default_factory=list)


def look(checked: Declarations) -> Looked:
    """Ask the databases of the declarations whether they fit."""
    from batch_ops.engine import Project
    from batch_ops.engine.refusals import refusals

    looked, project = Looked(), Project(checked.folder, checked.catalog)
    try:
        reached = set(_reached(checked, project, looked.findings))
        for operation in checked.operations:
            if checked.catalog.entity(operation.entity).connection not in reached:
                looked.unasked.append(operation.name)
            elif errors := refusals(project, operation):
                looked.refused[operation.name] = errors
    finally:
        project.dispose()
    looked.findings += missing_files(checked)
    return looked


def _reached(checked: Declarations, project: Project, findings: list[str]) -> Iterator[str | None]:
    """The connections whose databases are there."""
    every = {entity.connection for entity in checked.entities}
    for name in sorted(every, key=lambda name: name or ""):
        entities = [each for each in checked.entities if each.connection == name]
        try:
            database = project.database(name)
        except BatchOpsError as error:
            findings.append(f"{error.what} {error.todo}".strip())
            continue
        if not database.exists():
            findings.append(f"The database {database.name} is not there yet: it was not asked.")
            continue
        try:
            findings += _lacking(database, entities)
        except BatchOpsError as error:
            findings.append(f"{error.what} It was not asked.")
            continue
        yield name


def _lacking(database: Database, entities: list[Entity]) -> Iterator[str]:
    """Tables that are not there, or not as declared; those of operations are told with these."""
    from batch_ops.database.reflect import reflect

    with database.looking() as connection:
        for entity in entities:
            if entity.operations:
                continue
            try:
                missing = reflect(connection, entity) is None
            except BatchOpsError as error:
                yield f"The table {entity.table!r} does not fit {entity.name}: {error.what}"
                continue
            if missing and not entity.create_table:
                yield (
                    f"The table {entity.table!r} of {entity.name} is not there; create it, or say"
                    " `create_table: true`."
                )


def missing_files(checked: Declarations) -> Iterator[str]:
    """Files of sources that are not there, one sentence each."""
    for operation in checked.operations:
        for step in operation.steps:
            path = step.source.path if isinstance(step.source, CsvSource | RecordFile) else None
            if path and "://" not in path and not (checked.folder / Path(path)).exists():
                yield f"The file {path} that {operation.name} reads is not there."
