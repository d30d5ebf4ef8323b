"""A folder of declarations as a component of a Dagster project.

type: batch_ops.BatchOperations
attributes:
  folder: .
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from batch_ops.engine import Project
from batch_ops.engine.placefile import read_place
from batch_ops.errors import BatchOpsError
from batch_ops.orchestration.code_location import definitions_from
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from pathlib import Path


class BatchOperationsAttributes(BaseModel):
    """What the component takes; a word it does not know is told with its place in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(
        default=".",
        description="The folder of the entity files, seen from the component's own folder.",
    )
    connection: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_]\w*$",
        description="The connection of entities that name none: its URL stands in the variable"
        " BATCH_OPS_DATABASE_URL_<NAME>, or in batch_ops.toml in the project's folder.",
    )


@dataclass(frozen=True)
class BatchOperations(dg.Component):
    """Bulk operations on SQL databases, declared in a folder of entity files."""

    folder: str
    connection: str | None = None

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return BatchOperationsAttributes

    @classmethod
    def load(
        cls,
        attributes: BaseModel | None,
        context: dg.ComponentLoadContext,  # noqa: ARG003  (Dagster hands it over)
    ) -> Self:
        told = attributes or BatchOperationsAttributes()
        assert isinstance(told, BatchOperationsAttributes)
        return cls(told.folder, told.connection)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The operations of the folder; relative paths in them start at the project's root."""
        try:
            project = self._project(context.path, context.project_root)
        except BatchOpsError as error:
            raise dg.DagsterInvalidDefinitionError(str(error)) from None
        return definitions_from(project)

    def _project(self, own: Path, root: Path) -> Project:
        read_place(root).import_modules(root)
        found = Catalog.load([(own if own.is_dir() else own.parent) / self.folder])
        return Project(root, found if self.connection is None else self._connected(found))

    def _connected(self, catalog: Catalog) -> Catalog:
        entities = {
            name: replace(entity, connection=entity.connection or self.connection)
            for name, entity in catalog.entities.items()
        }
        return Catalog(MappingProxyType(entities), catalog.texts)
