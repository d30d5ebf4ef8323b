"""Ranges of a table's key, found by counting the keys that qualify: one scan, no arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.values import dump_key
from batch_ops.planning.chunks import PlannedChunk, cut, spacing

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.statements import Target


@dataclass(frozen=True, slots=True)
class KeysetPlan:
    """The chunks of a step over a table, and how many rows qualified when it was planned."""

    rows: int
    chunks: tuple[PlannedChunk, ...]


def plan_keyset(
    connection: Connection, target: Target, *, batch_size: int, chunk_rows: int
) -> KeysetPlan:
    """Find the chunks of all rows the target's predicate matches now; the last key is the bound."""
    every = spacing(batch_size, chunk_rows)
    boundaries, rows = boundaries_between(connection, target, None, None, every)
    return KeysetPlan(rows, tuple(cut(boundaries, rows, every, chunk_rows)))


def boundaries_between(
    connection: Connection,
    target: Target,
    lower: tuple[Any, ...] | None,
    upper: tuple[Any, ...] | None,
    every: int,
) -> tuple[list[str], int]:
    """Each `every`-th qualifying key in `(lower, upper]` and the last, encoded; and how many."""
    query, parameters = target.keys(lower, upper)
    keys, rows = target.dialect.boundaries(connection, query, parameters, every)
    encoded = [dump_key(key) for key in keys]
    return [text for text in encoded if text is not None], rows
