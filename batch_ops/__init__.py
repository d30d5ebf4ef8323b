"""Bulk operations on SQL databases that a person can trust."""

from __future__ import annotations

from typing import Any

from batch_ops.registry import function, sql_function

__all__ = ["__version__", "function", "sql_function"]

__version__ = "0.1.0"

_COMPONENT = "BatchOperations"
"""What Dagster looks for here; it is imported when it is asked for, for it brings Dagster along."""


def __getattr__(name: str) -> Any:
    if name == _COMPONENT:
        from batch_ops.orchestration.component import BatchOperations

        return BatchOperations
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), _COMPONENT]
