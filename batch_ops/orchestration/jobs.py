"""Each operation as a job with a flat launchpad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ops.orchestration import settings
from batch_ops.orchestration.handover import driven_here
from batch_ops.orchestration.names import OPERATION_TAG, graph_name, operation_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )

    from batch_ops.spec.model import Operation

_QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}


def operation_job(operation: Operation) -> UnresolvedAssetJobDefinition:
    """The job named like the operation; its run config is the operation's, flat."""

    def nested(config: Mapping[str, Any]) -> dict[str, Any]:
        # a launcher shows progress itself; Dagster's lines would run through it
        loggers = {"loggers": _QUIET} if driven_here() else {}
        return {"ops": {graph_name(operation): {"config": dict(config)}}, **loggers}

    return dg.define_asset_job(
        operation.name,
        selection=dg.AssetSelection.assets(operation_key(operation)),
        config=dg.ConfigMapping(
            config_schema=settings.schema(operation),
            config_fn=nested,
            receive_processed_config_values=False,
        ),
        description=operation.description or None,
        tags={OPERATION_TAG: operation.name},
    )
