"""The journals of a project, where some of its databases may not be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.errors import BatchOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.engine.project import Project
    from batch_ops.journal import Journal


@dataclass(frozen=True, slots=True)
class Missed:
    """A connection whose journal could not be asked; None is the default one."""

    connection: str | None
    error: BatchOpsError

    def __str__(self) -> str:
        named = (
            f"The connection {self.connection!r}" if self.connection else "The default connection"
        )
        return f"{named} could not be asked: {self.error.what}"

    def to_dict(self) -> dict[str, str | None]:
        """One JSON-safe object."""
        return {"connection": self.connection, "error": self.error.what}


def journals(project: Project, missed: list[Missed] | None = None) -> Iterator[Journal]:
    """The journals that are there.

    missed: takes those that could not be asked; None: the first of them is raised.
    """
    seen: set[str] = set()
    for connection in project.connections():
        try:
            journal = project.journal(connection)
            found = journal.database.name not in seen and journal.exists()
        except BatchOpsError as error:
            if missed is None:
                raise
            missed.append(Missed(connection, error))
            continue
        if found:
            seen.add(journal.database.name)
            yield journal
