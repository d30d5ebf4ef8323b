"""A table of goods, and sources that fill it with composed rows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from batch_ops.database.compute import Computing
from batch_ops.spec.model import CsvSource, Entity, Field, FieldType, FileFormat, RecordFile
from batch_ops_tests.support.loading import database_with, load, opened, rows, value

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops_tests.support.loading import Loaded

FIELDS = (
    Field("id", FieldType.INTEGER, nullable=False),
    Field("name", FieldType.TEXT),
    Field("price", FieldType.DECIMAL, precision=(12, 2)),
    Field("active", FieldType.BOOLEAN),
    Field("at", FieldType.TIMESTAMP),
)
GOODS = Entity("goods", "goods", FIELDS, ("id",))
COLUMNS = "id INTEGER NOT NULL PRIMARY KEY, name TEXT, price NUMERIC(12, 2), active BOOLEAN"
QUERY = "SELECT id, name, price, active FROM goods ORDER BY id"
PLAIN = {"id": value(":r.id"), "name": value(":r.name")}


class Goods:
    """A database with the table, and records to load into it."""

    def __init__(self, url: str, folder: Path) -> None:
        moment = "TIMESTAMP WITH TIME ZONE" if url.startswith("postgresql") else "DATETIME"
        self.folder = folder
        self.database = database_with(url, f"CREATE TABLE goods ({COLUMNS}, at {moment})")

    def load(self, source: Any, values: dict[str, Any], **more: Any) -> Loaded:
        binds = more.pop("binds", {})
        opening = {
            "folder": self.folder,
            "values": values,
            "compute": Computing(self.database.reading, binds, more.pop("calls", {})),
            **more,
        }
        return load(self.database, opened(self.database, source, GOODS, **opening), GOODS)

    def csv(self, data: bytes, **options: Any) -> CsvSource:
        (self.folder / "in.csv").write_bytes(data)
        return CsvSource("in.csv", **options)

    def lines(self, data: bytes) -> RecordFile:
        (self.folder / "in.jsonl").write_bytes(data)
        return RecordFile(FileFormat.JSONL, "in.jsonl")

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return [
            (
                key,
                name,
                None if price is None else Decimal(str(price)),
                None if active is None else bool(active),
            )
            for key, name, price, active in rows(self.database, QUERY)
        ]

    @property
    def moments(self) -> list[datetime | None]:
        found = rows(self.database, "SELECT at FROM goods ORDER BY id")
        return [_utc(moment) for (moment,) in found]


def _utc(moment: Any) -> datetime | None:
    if moment is None:
        return None
    read = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
