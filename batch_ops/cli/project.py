"""The project a command works on: found when it is needed, closed at the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batch_ops.cli.parameters import read_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch_ops.engine import Project


@contextmanager
def project() -> Iterator[Project]:
    """The project of the current folder.

    Raises:
        UsageError: there is none, or a declaration is wrong.
    """
    from batch_ops.engine import Project

    found = Project.find()
    try:
        yield found
    finally:
        found.dispose()


def parameters_of(found: Project, name: str, given: Sequence[str] | None) -> dict[str, Any]:
    """The values of `-p` for an operation of the project."""
    from batch_ops.engine.parameters import parameters_of as declared

    operation = found.catalog.operation(name)
    columns = found.catalog.entity(operation.entity).columns
    return read_parameters(declared(operation), given, columns)
