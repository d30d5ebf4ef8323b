"""Bulk operations on SQL databases that a person can trust."""

from __future__ import annotations

__version__ = "0.1.0"
