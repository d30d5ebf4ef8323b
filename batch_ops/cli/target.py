"""Whether the databases fit the declarations: looked at, never touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from batch_ops.errors import BatchOpsError
from batch_ops.spec.model import CsvSource, RecordFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.cli.declarations import Declarations
    from batch_ops.database import Database
    from batch_ops.spec.model import Entity


def database_findings(checked: Declarations) -> list[str]:
    """What the databases and the files of sources lack, one sentence each."""
    return [*_databases(checked), *_sources(checked)]


def _databases(checked: Declarations) -> Iterator[str]:
    from batch_ops.database import default_url, open_database
    from batch_ops.engine.placefile import read_place

    for name in sorted({entity.connection or "" for entity in checked.entities}):
        entities = [each for each in checked.entities if (each.connection or "") == name]
        try:
            url = default_url(checked.folder, name or None, read_place(checked.folder).url)
            database = open_database(url)
        except BatchOpsError as error:
            yield f"{error.what} {error.todo}".strip()
            continue
        try:
            yield from _lacking(database, entities)
        except BatchOpsError as error:
            yield f"{error.what} Its tables were not looked at."
        finally:
            database.dispose()


def _lacking(database: Database, entities: list[Entity]) -> Iterator[str]:
    from batch_ops.database.reflect import reflect

    if not database.exists():
        yield f"The database {database.name} is not there yet; its tables were not looked at."
        return
    with database.reading() as connection:
        for entity in entities:
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


def _sources(checked: Declarations) -> Iterator[str]:
    for operation in checked.operations:
        for step in operation.steps:
            path = step.source.path if isinstance(step.source, CsvSource | RecordFile) else None
            if path and "://" not in path and not (checked.folder / Path(path)).exists():
                yield f"The file {path} that {operation.name} reads is not there."
