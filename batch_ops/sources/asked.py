"""What a source is opened for: its target, and what the declaration says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.errors import ParameterError
from batch_ops.sources.files import FileStore, locate
from batch_ops.sources.rules import RuleContext
from batch_ops.spec.model import Expression
from batch_ops.spec.origins import PATH_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from batch_ops.database.compute import Computing
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.spec.model import Entity, Rule, Value


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of `open_source`, which tells what they mean."""

    table: Table
    entity: Entity
    rules: Sequence[Rule]
    folder: Path
    parameters: Mapping[str, Any]
    dialect: Dialect
    entities: Mapping[str, Entity]
    now: datetime
    values: Mapping[str, Value]
    constants: Mapping[str, Any]
    numbered: str | None
    compute: Computing | None

    @property
    def rule_context(self) -> RuleContext:
        """What the names in rules mean."""
        calls = self.compute.calls if self.compute else {}
        return RuleContext(
            self.table, self.dialect, self.parameters, self.entities, self.now, calls
        )

    @property
    def fields_read(self) -> dict[str, str]:
        """The fields of a record that the values read, each with a column whose value reads it."""
        return {
            field: column
            for column, value in self.values.items()
            if isinstance(value, Expression)
            for _, field in sorted(value.fields)
        }

    def file(self, path: str | None, encoding: str = "utf-8") -> FileStore:
        """The file that is declared, or that the parameter `source_path` names.

        Raises:
            ParameterError: nobody names one.
            SourceError: it is not there.
        """
        named = self.parameters.get(PATH_PARAMETER) or path
        if not named:
            what = f"The parameter {PATH_PARAMETER!r} is missing."
            raise ParameterError(what, todo=f"Give the file: -p {PATH_PARAMETER}=….")
        return FileStore(locate(str(named), self.folder), encoding, str(named))
