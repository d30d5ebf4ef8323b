"""A run of a step asset: chosen chunks of one or several executions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from batch_ops.engine import result_of
from batch_ops.errors import BatchOpsError, StoppedError
from batch_ops.orchestration import checks, metadata
from batch_ops.orchestration.names import chunk_owner, operation_key, step_key
from batch_ops.orchestration.partitions import forget_old
from batch_ops.orchestration.reconcile import chunks_of
from batch_ops.orchestration.session import Session

if TYPE_CHECKING:
    from batch_ops.engine import ChunkInfo, Execution, Project
    from batch_ops.results import Result
    from batch_ops.spec.model import Operation, Step


class Repair:
    """Does the chunks of one run and shows them."""

    def __init__(
        self,
        project: Project,
        operation: Operation,
        step: Step,
        context: dg.AssetExecutionContext,
    ) -> None:
        self._project, self._operation, self._step = project, operation, step
        self._context = context
        self._session = Session(project, operation, context, {}, shows=False)
        self._owners: list[str] = []

    def run(self) -> None:
        """Do the run's chunks, execution by execution, in the order in which they were added.

        What is committed is shown whatever happens: a raise loses the metadata of an asset, and
        calls its partitions failed unless they were reported before.
        """
        chosen: dict[str, list[str]] = {}
        for key in self._context.partition_keys:
            chosen.setdefault(chunk_owner(key), []).append(key)
        try:
            for owner, keys in chosen.items():
                self._repair(owner, keys)
        except BaseException:
            for owner, keys in chosen.items():
                self._report_committed(owner, keys)
            raise
        for owner, keys in chosen.items():
            self._tell(owner, keys)

    def _repair(self, owner: str, keys: list[str]) -> None:
        result = self._result(owner)
        missing = self._missing(result.execution_id, keys)
        if not missing:
            return
        with self._session.failing():
            execution = self._session.join(result.execution_id, exclusive=False)
        self._session.mark(execution.result())
        with self._session.forcible(), self._session.failing(execution):
            self._refuse_unplanned(execution)
            execution.run_step(self._step.name, chunk_keys=missing)
            ended = self._close(execution)
        self._session.mark(ended or result_of(self._project, execution.id))

    def _result(self, owner: str) -> Result:
        with self._session.failing():
            return result_of(self._project, owner)

    def _missing(self, execution_id: str, keys: list[str]) -> list[str]:
        done = {c.key for c in self._chunks(execution_id) if c.completed}
        return [key for key in keys if key not in done]

    def _refuse_unplanned(self, execution: Execution) -> None:
        if execution.chunks(self._step.name):
            return
        before = ", ".join(self._step.depends_on)
        raise StoppedError(
            "step_unfinished",
            f"Step {self._step.name!r} has no chunks yet: it is planned after {before}.",
            todo=f"Go on with the whole execution: batch-ops resume {chunk_owner(execution.id)}",
            execution_id=execution.id,
        )

    def _close(self, execution: Execution) -> Result | None:
        """Who does the last chunk of the last step ends the execution; else it stays open."""
        if all(chunk.completed for chunk in execution.chunks(self._step.name)):
            execution.finish_step(self._step.name)
        if execution.next_step is not None:
            execution.leave()
            return None
        result = execution.finish()
        self._show_operation(result)
        return result

    def _show_operation(self, result: Result) -> None:
        """The operation's asset, its checks and its plots, as `report` would show them."""
        told = metadata.of_result(self._project, result)
        instance, asset = self._context.instance, operation_key(self._operation)
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, metadata=told))
        for evaluation in checks.judged(self._operation, result.checks):
            instance.report_runless_asset_event(evaluation)
        instance.report_runless_asset_event(checks.rejects(self._operation, result))
        forget_old(self._project, instance, self._operation)

    def _tell(self, owner: str, keys: list[str]) -> None:
        """All chunks are committed: Dagster writes one materialization for each."""
        execution_id = self._result(owner).execution_id
        for chunk in self._chunks(execution_id):
            if chunk.key in keys:
                told = metadata.of_chunk(self._step, execution_id, chunk)
                self._context.add_asset_metadata(told, partition_key=chunk.key)

    def _report_committed(self, owner: str, keys: list[str]) -> None:
        try:
            execution_id = result_of(self._project, owner).execution_id
        except BatchOpsError as error:
            self._context.log.warning("Nothing can be told of %s: %s", owner, error.what)
            return
        for chunk in self._chunks(execution_id):
            if chunk.completed and chunk.key in keys:
                self._context.instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        step_key(self._operation, self._step.name),
                        partition=chunk.key,
                        metadata=metadata.of_chunk(self._step, execution_id, chunk),
                    )
                )

    def _chunks(self, execution_id: str) -> tuple[ChunkInfo, ...]:
        return chunks_of(self._project, execution_id, self._step.name)
