"""Bulk operations on SQL databases that a person can trust."""

from __future__ import annotations

from batch_ops.registry import function, sql_function

__all__ = ["__version__", "function", "sql_function"]

__version__ = "0.1.0"
