"""What things are called in Dagster: asset keys, ops, partitions, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from batch_ops.spec.model import Operation

OPERATION_TAG = "batch_ops/operation"
EXECUTION_TAG = "batch_ops/execution"
STATUS_TAG = "batch_ops/status"
VIA_TAG = "batch_ops/via"
PROCESS_TAG = "batch_ops/process"

POOL = "batch_ops"
"""The pool of all operations; with 0 slots their runs stay in the queue."""

REJECTS_CHECK = "rejects"


def operation_key(operation: Operation) -> dg.AssetKey:
    """The asset of an operation: `<entity>/<operation>`."""
    return dg.AssetKey([operation.entity, operation.name])


def step_key(operation: Operation, step: str) -> dg.AssetKey:
    """The asset of a step: `<entity>/<operation>/<step>`."""
    return dg.AssetKey([operation.entity, operation.name, step])


def partitions_name(operation: Operation, step: str) -> str:
    """The name of the dynamic partitions of a step: that of its asset."""
    return step_key(operation, step).to_user_string()


def graph_name(operation: Operation) -> str:
    """The node of an operation in a job, as Dagster derives it from the asset key."""
    return operation_key(operation).to_python_identifier()


def chunk_owner(chunk_key: str) -> str:
    """The start of the execution's id that a chunk's key begins with."""
    return chunk_key.split("-", 1)[0]
