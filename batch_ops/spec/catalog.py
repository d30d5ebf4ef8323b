"""The catalog: all declared entities and operations, found by name."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from batch_ops.errors import UnknownNameError, UsageError
from batch_ops.spec.yamlfile import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from batch_ops.spec.model import Entity, Operation

_ENDINGS = frozenset({".yaml", ".yml"})
_NOT_OURS = frozenset({"defs.yaml", "defs.yml"})
"""The files of Dagster components, which may stand beside the declarations."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Declared entities by name, and the texts they were read from by file name."""

    entities: Mapping[str, Entity]
    texts: Mapping[str, str]

    @classmethod
    def load(cls, folders: Sequence[Path]) -> Self:
        """Read every declaration in the folders and below them.

        Raises:
            UsageError: a folder is not there.
            DeclarationError, UnknownNameError: a file is wrong.
        """
        files = {str(path): path for folder in folders for path in declaration_files(folder)}
        return cls.from_texts({name: read(path, name) for name, path in files.items()})

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Self:
        """Read declarations that are texts already, by file name.

        Raises:
            DeclarationError, UnknownNameError: a text is wrong.
        """
        from batch_ops.spec.loader import load

        return cls(MappingProxyType(load(texts)), MappingProxyType(dict(texts)))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations, sorted by name."""
        found = [each for entity in self.entities.values() for each in entity.operations]
        return tuple(sorted(found, key=lambda operation: operation.name))

    def entity(self, name: str) -> Entity:
        """The entity of that name.

        Raises:
            UnknownNameError: there is none; with the nearest one.
        """
        if name not in self.entities:
            raise UnknownNameError("entity", name, self.entities)
        return self.entities[name]

    def operation(self, name: str) -> Operation:
        """The operation of that name, or of `entity.name`.

        Raises:
            UnknownNameError: there is none; with the nearest one.
        """
        for operation in self.operations:
            owners = {operation.entity, self._owner(operation).name}
            if name in {operation.name, *(f"{owner}.{operation.name}" for owner in owners)}:
                return operation
        raise UnknownNameError("operation", name, [each.name for each in self.operations])

    def declaration(self, operation: Operation) -> dict[str, str]:
        """The texts an execution must keep so that `from_texts` gives the operation again."""
        from batch_ops.spec.meaning import companions

        names = companions([entity.name for entity in self._needed(operation)], self.entities)
        files = {_file(self.entities[name]) for name in names}
        return {name: self.texts[name] for name in sorted(files)}

    def meaning(self, operation: Operation) -> str:
        """A canonical text of all that changes what the operation does, to compare declarations.

        It leaves out sizes, limits, description, schedule and sensor.
        """
        from batch_ops.spec.meaning import meaning

        return meaning(operation, self._needed(operation))

    def _needed(self, operation: Operation) -> list[Entity]:
        from batch_ops.spec.meaning import entities_of

        owner = self._owner(operation).name
        return [self.entities[name] for name in entities_of(operation, self.entities, owner)]

    def _owner(self, operation: Operation) -> Entity:
        for entity in self.entities.values():
            if any(each.name == operation.name for each in entity.operations):
                return entity
        raise UnknownNameError("operation", operation.name, [o.name for o in self.operations])


def declaration_files(folder: Path) -> Iterator[Path]:
    """The entity files in a folder and below it, sorted.

    Raises:
        UsageError: the folder is not there.
    """
    if not folder.is_dir():
        what = f"The folder {folder} with the declarations is not there."
        todo = "Name the folder of your entity files with BATCH_OPS_DEFS, or make it."
        raise UsageError(what, todo=todo)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _ENDINGS and path.name not in _NOT_OURS and path.is_file():
            yield path


def _file(entity: Entity) -> str:
    return entity.location.file if entity.location else ""
