"""Remembers: the tables, in the target database, that hold the truth about executions."""

from __future__ import annotations

from batch_ops.journal.chunks import ChunkRow, Claim
from batch_ops.journal.executions import ExecutionRow
from batch_ops.journal.ownership import WorkerIdentity
from batch_ops.journal.store import Journal

__all__ = ["ChunkRow", "Claim", "ExecutionRow", "Journal", "WorkerIdentity"]
