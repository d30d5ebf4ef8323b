"""The Dagster code location: `dagster dev -m batch_ops.definitions`."""

from __future__ import annotations

from batch_ops.engine import Project
from batch_ops.orchestration.code_location import definitions_from

defs = definitions_from(Project.find())
