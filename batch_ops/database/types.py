"""Column types of our own tables that mean the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, DateTime, Integer, String, Text
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime; stored naive where the database has no zones."""

    impl = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if not isinstance(value, datetime):
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


ExecutionId = String(36).with_variant(postgresql.UUID(as_uuid=False), "postgresql")
"""A UUID: native where the database has the type, else its text."""

LongText = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
"""Text of any length: elsewhere MySQL takes 64 KB."""

SerialId = BigInteger().with_variant(Integer, "sqlite")
"""A number the database counts up itself (SQLite does so only for INTEGER)."""
