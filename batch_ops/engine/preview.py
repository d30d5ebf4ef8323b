"""The dry run: what an operation would do, found out without writing anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops.database.values import plain
from batch_ops.engine import parameters as values
from batch_ops.engine.conditions import Ground
from batch_ops.engine.discretion import discreet, hides
from batch_ops.engine.dry_run import DryRun, StepPreview
from batch_ops.engine.examine import refused_by
from batch_ops.engine.options import RunOptions, default_actor
from batch_ops.engine.own_calls import own_calls
from batch_ops.journal.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.engine.project import Project
    from batch_ops.results import CheckResult
    from batch_ops.spec.model import Operation

__all__ = ["Preview", "StepPreview", "bindings_of", "preview"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would do. bindings: what each `:name` means. notes: what to know."""

    operation: str
    steps: tuple[StepPreview, ...]
    checks: tuple[CheckResult, ...]
    bindings: dict[str, str]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """One JSON-safe object."""
        told: dict[str, Any] = plain(asdict(self))
        return told


def preview(
    project: Project,
    operation: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    options: RunOptions = RunOptions(),
) -> Preview:
    """Plan an operation without writing: no row, no table, no journal.

    Raises:
        UnknownNameError, ParameterError, SourceError: as `run` would.
        DatabaseUnfitError: the database or a table is not there.
    """
    declared = project.catalog.operation(operation)
    given = values.resolve(declared, parameters or {})
    entity = project.catalog.entity(declared.entity)
    database = project.database(entity.connection)
    actor = default_actor()
    ground = Ground(
        database,
        declared,
        project.catalog.entities,
        values.binds(declared, given),
        utc_now(),
        own_calls(actor, project.place.permits(actor)),
    )
    dry = DryRun(project, ground, given, options)
    try:
        steps = tuple(dry.step(step) for step in declared.steps)
        checks = dry.checks()
    except DBAPIError as error:
        fault = discreet(database.dialect.fault(error), hidden=hides(ground.entities.values()))
        raise refused_by(database, "the plan", declared, fault, declared.location) from error
    return Preview(declared.name, steps, checks, bindings_of(declared), tuple(dry.notes))


def bindings_of(operation: Operation) -> dict[str, str]:
    """What each `:name` of the operation means."""
    told = {p.name: f"parameter {p.name}" for p in operation.parameters}
    for step in operation.steps:
        told |= {name: f"rows of step {source}" for name, source in step.outputs.items()}
        told |= dict.fromkeys(step.record_names, f"records of step {step.records}")
    return told
