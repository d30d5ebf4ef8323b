"""Bulk operations on SQL databases that a person can trust."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from batch_ops.errors import BatchBrokenError, BatchOperationError, BatchValidationError
from batch_ops.registry import function, sql_function

if TYPE_CHECKING:
    from batch_ops.bulk import (
        BatchResult,
        BatchTable,
        FailedRow,
        Missing,
        RetryPolicy,
        RowError,
        WriteOptions,
    )
    from batch_ops.spec.model import Throttle

__all__ = [
    "BatchBrokenError",
    "BatchOperationError",
    "BatchResult",
    "BatchTable",
    "BatchValidationError",
    "FailedRow",
    "Missing",
    "RetryPolicy",
    "RowError",
    "Throttle",
    "WriteOptions",
    "__version__",
    "function",
    "sql_function",
]

__version__ = "0.1.0"

_DOOR = "batch_ops.bulk"
_LATER = {
    "BatchOperations": "batch_ops.orchestration.component",
    "BatchResult": _DOOR,
    "BatchTable": _DOOR,
    "FailedRow": _DOOR,
    "Missing": _DOOR,
    "RetryPolicy": _DOOR,
    "RowError": _DOOR,
    "Throttle": "batch_ops.spec.model",
    "WriteOptions": _DOOR,
}
"""What is imported when it is asked for: it brings Dagster, SQLAlchemy or pydantic along."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_LATER]
