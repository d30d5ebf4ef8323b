"""Reading declarations that may be wrong: every error of every file that can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batch_ops.errors import BatchOpsError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from batch_ops.spec.catalog import Catalog
    from batch_ops.spec.model import Entity, Operation

_NAME = re.compile(r"""^["']?name["']?\s*:\s*["']?(\w+)""", re.MULTILINE)


@dataclass
class Declarations:
    """What was read.

    Attributes:
        folder: the project folder.
        files: the files that were to be checked, by name.
        catalog: all that is right, including what the files refer to.
        errors: one per file that is wrong.
        warnings: what is not wrong, and worth to know.
    """

    folder: Path
    files: list[str]
    catalog: Catalog
    errors: list[BatchOpsError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def entities(self) -> list[Entity]:
        """The entities the files declare."""
        every = self.catalog.entities.values()
        return [each for each in every if each.location and each.location.file in self.files]

    @property
    def operations(self) -> list[Operation]:
        """The operations the files declare, sorted by name."""
        found = [operation for entity in self.entities for operation in entity.operations]
        return sorted(found, key=lambda operation: operation.name)


def load(files: Sequence[Path]) -> Declarations:
    """The given files, together with the project's own; without files those alone.

    Raises:
        UsageError: a file or the project's folder is not there.
    """
    from batch_ops.engine.placefile import read_place
    from batch_ops.engine.project import definition_folders, project_folder

    folder = project_folder()
    read_place(folder).import_modules(folder)
    try:
        folders = definition_folders(folder)
    except UsageError:
        if not files:
            raise
        folders = []
    own = {path.resolve(): str(path) for each in folders for path in _declared(each)}
    given = {path.resolve(): str(path) for path in files}
    asked = list((given or own).values())
    return _load(folder, {**own, **given}, asked)


def _declared(folder: Path) -> list[Path]:
    from batch_ops.spec.catalog import declaration_files

    return list(declaration_files(folder))


def _load(folder: Path, paths: dict[Path, str], asked: list[str]) -> Declarations:
    from batch_ops.spec.catalog import Catalog
    from batch_ops.spec.yamlfile import read

    errors: dict[str, BatchOpsError] = {}
    texts: dict[str, str] = {}
    for path, name in paths.items():
        try:
            texts[name] = read(path, name)
        except BatchOpsError as error:
            errors[name] = error
    catalog: Catalog | None = None
    dropped: set[str] = set()
    while catalog is None:
        try:
            catalog = Catalog.from_texts(texts)
        except BatchOpsError as error:
            name = _file_of(error, texts)
            dropped |= set(_NAME.findall(texts.pop(name))[:1])
            if not _follows(error, dropped):
                errors[name] = error
    return _sorted_out(Declarations(folder, asked, catalog), errors)


def _file_of(error: BatchOpsError, texts: dict[str, str]) -> str:
    if error.location is None or error.location.file not in texts:
        raise error
    return error.location.file


def _follows(error: BatchOpsError, dropped: set[str]) -> bool:
    """Whether it only says that an entity is missing whose own file is wrong."""
    return isinstance(error, UnknownNameError) and error.name.partition(".")[0] in dropped


def _sorted_out(checked: Declarations, errors: dict[str, BatchOpsError]) -> Declarations:
    for name, error in errors.items():
        if name in checked.files:
            checked.errors.append(error)
        else:
            checked.warnings.append(f"{name} was not to be checked and is wrong: {error.what}")
    return checked
