"""Does it: run → step → chunk → batch. The surface the doors use."""

from __future__ import annotations

from batch_ops.engine.drive import go, resume, run
from batch_ops.engine.execution import Execution
from batch_ops.engine.joining import join
from batch_ops.engine.opening import begin
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.preview import Preview, StepPreview, preview
from batch_ops.engine.project import Project
from batch_ops.engine.reading import (
    ChunkInfo,
    execution_of_run,
    history,
    is_worked_on,
    long_lists_of,
    newest_unfinished,
    reject_reasons,
    rejects_of,
    result_of,
)

__all__ = [
    "ChunkInfo",
    "Execution",
    "Launch",
    "Preview",
    "Project",
    "RunOptions",
    "StepPreview",
    "begin",
    "execution_of_run",
    "go",
    "history",
    "is_worked_on",
    "join",
    "long_lists_of",
    "newest_unfinished",
    "preview",
    "reject_reasons",
    "rejects_of",
    "result_of",
    "resume",
    "run",
]
