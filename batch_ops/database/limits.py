"""What surely fits a column, as the database counts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column

_BITS = (
    ("TINYINT", 8),
    ("SMALLINT", 16),
    ("INT2", 16),
    ("MEDIUMINT", 24),
    ("BIGINT", 64),
    ("INT8", 64),
)


def integer_range(dialect: Dialect, column: Column) -> tuple[int, int]:
    """The least and the greatest integer of an integer column."""
    kind = column.sql_type.upper()
    bits = next((bits for name, bits in _BITS if name in kind), 32)
    if dialect.name == "sqlite":
        bits = 64
    if "UNSIGNED" in kind:
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def keeps_zone(column: Column) -> bool:
    """Whether a timestamp or time column understands an offset from UTC."""
    kind = column.sql_type.upper()
    return "WITH TIME ZONE" in kind or "TIMESTAMPTZ" in kind


def single_precision(dialect: Dialect, column: Column) -> bool:
    """Whether a float column holds four bytes only."""
    kind = column.sql_type.upper()
    return dialect.name != "sqlite" and bool(re.match(r"REAL|FLOAT4|FLOAT(?!\s*\(|8)", kind))


def is_number(column: Column) -> bool:
    """Whether the column holds numbers."""
    return column.type in (
        FieldType.INTEGER,
        FieldType.BIGINT,
        FieldType.DECIMAL,
        FieldType.FLOAT,
    )
