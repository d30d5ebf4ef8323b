"""The work a step means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine.function_work import FunctionWork
from batch_ops.engine.keyset_work import KeysetWork
from batch_ops.engine.merge_work import StreamMergeWork, TableMergeWork
from batch_ops.engine.source_work import SourceWork
from batch_ops.engine.streams import needs_stage
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batch_ops.engine.context import Context
    from batch_ops.engine.work import Work
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.spec.model import Step


def work_of(
    execution: Context,
    step: Step,
    must_stop: Callable[[], object],
    parts: Sequence[ChunkRow] | None = None,
) -> Work:
    """The work a step means; one per lane.

    must_stop: asked by long custom functions. parts: the step's chunks, where they are not to be
    read from the journal.
    """
    if step.kind is StepKind.FUNCTION:
        return FunctionWork(execution, step, must_stop)
    if not step.kind.adds:
        return KeysetWork(execution, step)
    if step.stream is None:
        return TableMergeWork(execution, step)
    if needs_stage(execution.operation, step):
        return StreamMergeWork(execution, step, parts)
    return SourceWork(execution, step, parts)
