"""The Python door: rows and a table, and no declaration."""

from __future__ import annotations

from batch_ops.bulk.failures import FailedRow, Missing, RowError
from batch_ops.bulk.options import RetryPolicy
from batch_ops.bulk.result import BatchResult
from batch_ops.bulk.table import BatchTable, WriteOptions

__all__ = [
    "BatchResult",
    "BatchTable",
    "FailedRow",
    "Missing",
    "RetryPolicy",
    "RowError",
    "WriteOptions",
]
