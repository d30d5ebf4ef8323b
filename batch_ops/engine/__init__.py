"""Does it: run → step → chunk → batch. The surface the doors use."""

from __future__ import annotations

from batch_ops.engine.control import cancel, pause
from batch_ops.engine.discarding import Discarded, discard
from batch_ops.engine.drive import go, resume, run
from batch_ops.engine.execution import Execution
from batch_ops.engine.joining import join
from batch_ops.engine.opening import begin
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.preview import Preview, StepPreview, preview
from batch_ops.engine.project import Project
from batch_ops.engine.reading import (
    ChunkInfo,
    RetryInfo,
    execution_of_run,
    history,
    is_worked_on,
    kept_rejects,
    long_lists_of,
    newest_unfinished,
    reject_reasons,
    reject_states,
    rejects_of,
    result_of,
    retries_of,
    undos_of,
)
from batch_ops.engine.retrying import retry
from batch_ops.engine.undoing import undo
from batch_ops.engine.verify import Verification, verify

__all__ = [
    "ChunkInfo",
    "Discarded",
    "Execution",
    "Launch",
    "Preview",
    "Project",
    "RetryInfo",
    "RunOptions",
    "StepPreview",
    "Verification",
    "begin",
    "cancel",
    "discard",
    "execution_of_run",
    "go",
    "history",
    "is_worked_on",
    "join",
    "kept_rejects",
    "long_lists_of",
    "newest_unfinished",
    "pause",
    "preview",
    "reject_reasons",
    "reject_states",
    "rejects_of",
    "result_of",
    "resume",
    "retries_of",
    "retry",
    "run",
    "undo",
    "undos_of",
    "verify",
]
