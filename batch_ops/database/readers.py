"""By which function a text is read where a value of a kind is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.database import kinds, moments, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.spec.model import FieldType

READERS: dict[FieldType, Callable[[str], Any]] = {
    kinds.BOOLEAN: texts.read_boolean,
    kinds.INTEGER: texts.read_whole,
    kinds.DECIMAL: texts.read_decimal,
    kinds.FLOAT: texts.read_float,
    kinds.DATE: moments.read_date,
    kinds.TIME: moments.read_time,
    kinds.TIMESTAMP: moments.read_timestamp,
    kinds.INTERVAL: moments.read_interval,
    kinds.UUID: texts.read_uuid,
}
"""Each gives the value as a database without such types keeps it, or raises ValueError."""
