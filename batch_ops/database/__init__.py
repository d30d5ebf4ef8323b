"""Where: connecting, reflecting, and one small file per dialect."""

from __future__ import annotations

from batch_ops.database.connect import Database, default_url, open_database, redacted
from batch_ops.database.load import InputBatch, Layout, Loader, LoadOutcome, Position
from batch_ops.database.tables import Column, ForeignKey, Table

__all__ = [
    "Column",
    "Database",
    "ForeignKey",
    "InputBatch",
    "Layout",
    "LoadOutcome",
    "Loader",
    "Position",
    "Table",
    "default_url",
    "open_database",
    "redacted",
]
