"""What SQLite keeps of a text is what it keeps of the text's cast to the type of the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.spec.model import CsvSource, Entity, Field, FieldType
from batch_ops_tests.support.loading import database_with, load, opened, rows

if TYPE_CHECKING:
    from pathlib import Path

CASES = [
    (FieldType.INTEGER, "INTEGER", ["7", "+7", "007", "-0", str(2**63 - 1)]),
    (FieldType.INTEGER, "TEXT", ["7", "+7", "007"]),
    (FieldType.INTEGER, "NUMERIC", ["7", "+7", str(-(2**63))]),
    (FieldType.BIGINT, "BIGINT", ["7", "+7"]),
    (FieldType.DECIMAL, "NUMERIC(12, 2)", ["7", "7.00", "+7.50", "0.10", "12345678.25"]),
    (FieldType.DECIMAL, "VARCHAR(20)", ["7.00", "+7.50"]),
    (FieldType.DECIMAL, "FLOAT", ["7.00", "+7.50"]),
    (FieldType.FLOAT, "FLOAT", ["7", "7.25", "1e3", "123456789012345678"]),
    (FieldType.FLOAT, "NUMERIC", ["7", "7.25"]),
    (FieldType.FLOAT, "TEXT", ["7.25"]),
    (FieldType.TIMESTAMP, "TIMESTAMP", ["2024-01-02 03:04:05"]),
    (FieldType.TIMESTAMP, "TIMESTAMP", ["2024-01-02T03:04:05", "2024-01-02 03:04:05Z"]),
    (FieldType.TIMESTAMP, "TEXT", ["2024-01-02 03:04:05.5", "2024-01-02 03:04:05.123456"]),
    (FieldType.TIME, "TIME", ["03:04:05", "03:04:05.25"]),
    (FieldType.TEXT, "TEXT", ["7", "7.0", "a,b"]),
]
CASTS = {
    FieldType.INTEGER: "CAST({} AS INTEGER)",
    FieldType.BIGINT: "CAST({} AS INTEGER)",
    FieldType.DECIMAL: "CAST({} AS NUMERIC)",
    FieldType.FLOAT: "CAST({} AS REAL)",
    FieldType.TIMESTAMP: "strftime('%Y-%m-%d %H:%M:', {0}) || printf('%09.6f', substr({0}, 18))",
    FieldType.TIME: "substr({0}, 1, 6) || printf('%09.6f', substr({0}, 7))",
    FieldType.TEXT: "{}",
}


@pytest.mark.parametrize(("kind", "sql_type", "texts"), CASES)
def test_values_are_stored_as_a_cast_would_store_them(
    kind: FieldType, sql_type: str, texts: list[str], sqlite_url: str, tmp_path: Path
) -> None:
    fields = (Field("id", FieldType.INTEGER, nullable=False), Field("v", kind))
    entity = Entity("things", "things", fields, ("id",))
    lines = [f'{n},"{text}"' if "," in text else f"{n},{text}" for n, text in enumerate(texts)]
    (tmp_path / "in.csv").write_text("id,v\n" + "\n".join(lines) + f"\n{len(texts)},\n")
    database = database_with(
        sqlite_url, f"CREATE TABLE things (id INTEGER PRIMARY KEY, v {sql_type})"
    )
    source = opened(database, CsvSource("in.csv"), entity, folder=tmp_path)
    found = load(database, source, entity)
    assert (found.rejects, found.held_back) == ([], 0)
    stored = rows(database, "SELECT v, typeof(v) FROM things ORDER BY id")
    assert stored == [*(_cast(database, kind, sql_type, text) for text in texts), (None, "null")]
    database.dispose()


def _cast(database: Any, kind: FieldType, sql_type: str, text: str) -> tuple[Any, str]:
    """What a column of this type keeps of the text's cast."""
    value = CASTS[kind].format("'" + text + "'")
    with database.writing() as connection:
        connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS casts (v {sql_type})")
        connection.exec_driver_sql("DELETE FROM casts")
        connection.exec_driver_sql(f"INSERT INTO casts VALUES ({value})")
    return rows(database, "SELECT v, typeof(v) FROM casts")[0]
