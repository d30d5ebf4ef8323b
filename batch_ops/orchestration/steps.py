"""Each step as an asset whose partitions are its chunks. Materializing chosen chunks repairs
exactly these.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import dagster as dg

from batch_ops.orchestration.names import POOL, operation_key, partitions_name, step_key
from batch_ops.orchestration.repair import Repair

if TYPE_CHECKING:
    from batch_ops.engine import Project
    from batch_ops.spec.model import Operation, Step

LINEAGE_ONLY = dg.SpecificPartitionsPartitionMapping([])
"""Draws an edge for which no partition waits, and after which none is stale."""


def step_assets(project: Project, operation: Operation) -> list[dg.AssetsDefinition]:
    """The assets `<entity>/<operation>/<step>`."""
    with warnings.catch_warnings():
        # single-run backfills are what a repair is built on; a person cannot act on the warning
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [_step_asset(project, operation, step) for step in operation.steps]


def _step_asset(project: Project, operation: Operation, step: Step) -> dg.AssetsDefinition:
    deps = [
        dg.AssetDep(step_key(operation, name), partition_mapping=LINEAGE_ONLY)
        for name in step.depends_on
    ]

    @dg.asset(
        key=step_key(operation, step.name),
        deps=deps,
        partitions_def=dg.DynamicPartitionsDefinition(name=partitions_name(operation, step.name)),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=operation.entity,
        description=_description(operation, step),
        kinds={"batch_ops", str(step.kind)},
        pool=POOL,
        output_required=True,
    )
    # Dagster refuses an annotation of `context` that is a text, as all are in this file
    def chunks(context) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        Repair(project, operation, step, context).run()

    return chunks


def _description(operation: Operation, step: Step) -> str:
    asset = operation_key(operation).to_user_string()
    return (
        f"The chunks of the step `{step.name}` ({step.kind} on `{step.entity}`) of `{asset}`. "
        "They come with an execution of the operation. Materialize chosen ones to do just these: "
        "what is committed is only shown again."
    )
