"""Row ranges of a source: chunks that begin and end at record ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from batch_ops.database.load import Position
from batch_ops.planning.chunks import PlannedChunk

if TYPE_CHECKING:
    from batch_ops.sources import SourcePlan


def encode_position(position: Position) -> str:
    """A position as a cursor."""
    return orjson.dumps({"offset": position.offset, "row": position.row}).decode()


def decode_position(text: str) -> Position:
    """The position `encode_position` was given."""
    return Position(**orjson.loads(text))


def plan_source(plan: SourcePlan) -> tuple[PlannedChunk, ...]:
    """The chunks of a scanned source. A chunk's lower bound is where it begins."""
    chunks = tuple(
        PlannedChunk(
            number=number,
            rows=part.end.row - part.start.row,
            lower=encode_position(part.start),
            upper=encode_position(part.end),
            splits=(encode_position(part.end),),
        )
        for number, part in enumerate(plan.ranges, start=1)
    )
    return chunks or (PlannedChunk(number=1, rows=0, lower=None, upper=None),)
