"""Opening the stream of records a step reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batch_ops.database.compute import Computing
from batch_ops.database.merge import ROW
from batch_ops.engine.examine import with_strict_key
from batch_ops.engine.outputs import expiry, is_needed
from batch_ops.sources import KeptRecords, Source, open_source

if TYPE_CHECKING:
    from batch_ops.database import Table
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Operation, Step


def open_stream(execution: Context, step: Step, kept: KeptRecords | None = None) -> Source:
    """The step's records, as they go into its table or its stage; or some that were kept of it."""
    assert step.stream is not None
    return open_source(
        step.stream,
        screened_table(step, execution.table(step)),
        execution.entity(step),
        step.rules,
        folder=execution.project.folder,
        parameters=execution.parameters,
        dialect=execution.database.dialect,
        entities=execution.entities,
        now=execution.row.moment,
        values=step.values,
        constants=expiry(step, execution.entity(step)),
        numbered=ROW if needs_stage(execution.operation, step) else None,
        compute=Computing(execution.database.reading, execution.binds(), execution.calls()),
        kept=kept,
    )


def screened_table(step: Step, table: Table) -> Table:
    """The table by which a step's records are screened: where they are merged, their keys may be
    taken.
    """
    strict = with_strict_key(table)
    return replace(strict, unique=(), foreign_keys=()) if step.merges else strict


def needs_stage(operation: Operation, step: Step) -> bool:
    """Whether records are merged, or their keys are asked for, as for images: else they are loaded
    directly.
    """
    asked = operation.undo or is_needed(operation, step)
    return step.merges or step.stream is None or asked
