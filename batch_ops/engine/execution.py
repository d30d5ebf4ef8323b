"""One execution and what can be done with it, step by step; what every door drives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine import checks, closing, plans, running
from batch_ops.engine.context import Context
from batch_ops.engine.stops import named

if TYPE_CHECKING:
    from collections.abc import Collection

    from batch_ops.engine.reading import ChunkInfo
    from batch_ops.results import CheckResult, Result, StepResult


class Execution(Context):
    """An execution this process works on; `begin` and `join` make one."""

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """The preconditions as they were judged; empty before."""
        return checks.stored(self)

    def judge(self) -> tuple[CheckResult, ...]:
        """Judge the preconditions, once; later calls give what was stored.

        Raises:
            PreconditionFailedError, CheckNotEvaluatedError: the execution is `refused` now.
        """
        return checks.judge(self)

    def plan_step(self, step: str) -> tuple[ChunkInfo, ...]:
        """The step's stored plan; made now when there is none.

        Raises:
            LimitExceededError: the first writing step is larger than `max_records`.
            StoppedError: a later one is; or a step it depends on has not finished.
        """
        with named(self, planning=True):
            return plans.plan_step(self, self.operation.step(step))

    def run_step(self, step: str, *, chunk_keys: Collection[str] | None = None) -> StepResult:
        """Do the step's chunks (only these keys, where given) that are not done."""
        return running.run_step(self, self.operation.step(step), chunk_keys)

    def finish_step(self, step: str) -> StepResult:
        """Mark the step as finished.

        Raises:
            StoppedError: chunks are missing.
        """
        return running.finish_step(self, self.operation.step(step))

    def finish(self) -> Result:
        """End it: all steps are finished."""
        return closing.finish(self)

    def abort(self, error: BaseException) -> Result:
        """End this attempt because of an error; what it says of the rest is in the result."""
        return closing.abort(self, error)

    def leave(self) -> None:
        """This process works on it no longer; nothing else changes."""
        closing.leave(self)
