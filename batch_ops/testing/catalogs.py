"""The declarations a test is about, with what they refer to, and with other sizes."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from batch_ops.engine.placefile import read_place
from batch_ops.engine.project import definition_folders, project_folder
from batch_ops.errors import BatchOpsError, UnknownNameError, UsageError
from batch_ops.spec.catalog import Catalog, declaration_files
from batch_ops.spec.meaning import entities_of
from batch_ops.spec.model import Notification
from batch_ops.spec.yamlfile import read
from batch_ops.testing.tables import with_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from batch_ops.spec.model import Entity, Operation


def catalog_of(file: Path) -> Catalog:
    """The file's declarations, with those of its project or its folder that they refer to.

    Raises:
        DeclarationError, UnknownNameError: the file is wrong.
    """
    path = file.resolve()
    folder = project_folder(path.parent)
    read_place(folder).import_modules(folder)
    others = [_project_files(folder), lambda: declaration_files(path.parent)]
    for listed in others:
        try:
            return _loaded(path, listed())
        except BatchOpsError:
            continue
    return _loaded(path, ())


def _project_files(folder: Path) -> Any:
    def listed() -> Iterator[Path]:
        for each in definition_folders(folder):
            yield from declaration_files(each)

    return listed


def _loaded(path: Path, others: Iterable[Path]) -> Catalog:
    paths = {str(path): path, **{str(p.resolve()): p for p in others}}
    return Catalog.from_texts({name: read(p, name) for name, p in paths.items()})


def operations_in(catalog: Catalog, file: Path) -> list[Operation]:
    """The operations that the file itself declares."""
    name = str(file.resolve())
    mine = [e for e in catalog.entities.values() if e.location and e.location.file == name]
    return sorted((o for e in mine for o in e.operations), key=lambda each: each.name)


def operation_in(catalog: Catalog, file: Path, name: str) -> tuple[Operation, dict[str, Entity]]:
    """An operation of the file, and the entities it needs, each with a key.

    Raises:
        UnknownNameError: the file has no such operation.
    """
    known = operations_in(catalog, file)
    found = next((each for each in known if each.name == name), None)
    if found is None:
        raise UnknownNameError("operation", name, [each.name for each in known])
    owner = next(e.name for e in catalog.entities.values() if found in e.operations)
    names = entities_of(found, catalog.entities, owner)
    entities = {each: with_key(catalog.entities[each], found) for each in names}
    _judge(found, entities)
    return found, entities


def _judge(operation: Operation, entities: dict[str, Entity]) -> None:
    if len({entity.connection for entity in entities.values()}) > 1:
        what = f"The entities of {operation.name!r} are in several databases."
        raise UsageError(what, todo="Write its tests by hand.")


def resized(
    catalog: Catalog, operation: Operation, entities: dict[str, Entity], **sizes: Any
) -> Catalog:
    """The same declarations with other sizes of one operation; nobody is told of its end."""
    steps = tuple(replace(s, settings=replace(s.settings, **sizes)) for s in operation.steps)
    changed = replace(
        operation,
        steps=steps,
        settings=replace(operation.settings, **sizes),
        notification=Notification(),
    )
    every = {**catalog.entities, **entities}
    made = {
        name: replace(
            entity,
            operations=tuple(
                changed if each.name == operation.name else each for each in entity.operations
            ),
        )
        for name, entity in every.items()
    }
    return Catalog(MappingProxyType(made), catalog.texts)
