"""JSON, JSON lines and Parquet give the rows that stand in them, on SQLite and PostgreSQL."""

from __future__ import annotations

import gzip
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from batch_ops.errors import SourceError
from batch_ops.spec.model import Entity, Field, FieldType, FileFormat, RecordFile
from batch_ops_tests.support.loading import database_with, load, opened, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batch_ops.database import Database, Position
    from batch_ops_tests.support.loading import Loaded

FIELDS = (
    Field("id", FieldType.INTEGER, nullable=False),
    Field("name", FieldType.TEXT),
    Field("price", FieldType.TEXT),
    Field("flag", FieldType.BOOLEAN),
    Field("more", FieldType.TEXT),
)
THINGS = Entity("things", "things", FIELDS, ("id",))
TABLE = (
    "CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, name TEXT, price TEXT,"
    " flag BOOLEAN, more TEXT DEFAULT 'x')"
)
QUERY = "SELECT id, name, price, flag, more FROM things ORDER BY id"
LINES = b"""{"id": 1, "name": "a,\\"b\\"\\n\\u00e9", "price": 1.10, "flag": true}

{"price": 12345678901234567890, "id": 2, "name": null, "flag": false}
{"id": 3, "more": {"k": [1.10, 12345678901234567890, "\\u00e9", null, true]}, "name": ""}\r
{"id": "4", "price": "007"}"""
FOUND = [
    (1, 'a,"b"\né', "1.10", True, None),
    (2, None, "12345678901234567890", False, None),
    (3, "", None, None, '{"k":[1.10,12345678901234567890,"é",null,true]}'),
    (4, None, "007", None, None),
]


@pytest.fixture
def loaded(database_url: str, tmp_path: Path) -> Callable[..., tuple[Loaded, list[Any]]]:
    """Loads a file of these bytes; what became of it, and the table's rows."""

    def run(data: bytes | None, name: str, kind: FileFormat, **options: Any) -> Any:
        if data is not None:
            (tmp_path / name).write_bytes(data)
        database = database_with(database_url, TABLE)
        given = RecordFile(kind, name, options.pop("mapping", {}))
        source = opened(database, given, THINGS, folder=tmp_path, **options)
        found = load(database, source, THINGS, batch_size=2, chunk_rows=3)
        return found, everything(database)

    return run


def everything(database: Database) -> list[tuple[Any, ...]]:
    found = [
        (*row[:3], None if row[3] is None else bool(row[3]), row[4])
        for row in rows(database, QUERY)
    ]
    database.dispose()
    return found


def as_list(data: bytes) -> bytes:
    return b"[" + b",".join(line for line in data.split(b"\n") if line.strip()) + b"]\n"


def test_json_lines_keep_digits_nested_values_and_what_is_missing_is_null(loaded):
    found, rows = loaded(LINES, "in.jsonl", FileFormat.JSONL)
    assert rows == FOUND
    assert (found.total, found.rejects) == (4, [])


def test_a_json_list_is_the_same(loaded):
    found, rows = loaded(as_list(LINES), "in.json", FileFormat.JSON)
    assert rows == FOUND
    assert found.total == 4


@pytest.mark.parametrize("packed", ["gz", "zip"])
def test_packed_files(loaded, tmp_path, packed):
    if packed == "gz":
        _, rows = loaded(gzip.compress(LINES), "in.jsonl.gz", FileFormat.JSONL)
    else:
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
            archive.writestr("in.json", as_list(LINES))
        _, rows = loaded(None, "in.zip", FileFormat.JSON)
    assert rows == FOUND


def test_a_file_of_a_package(loaded, tmp_path, monkeypatch):
    (tmp_path / "packed_things").mkdir()
    (tmp_path / "packed_things" / "__init__.py").touch()
    (tmp_path / "packed_things" / "in.jsonl").write_bytes(LINES)
    monkeypatch.syspath_prepend(tmp_path)
    _, rows = loaded(None, "package://packed_things/in.jsonl", FileFormat.JSONL)
    assert rows == FOUND


def test_a_byte_order_mark_is_no_part_of_the_first_record(loaded):
    assert loaded(b"\xef\xbb\xbf" + LINES, "in.jsonl", FileFormat.JSONL)[1] == FOUND


def test_a_byte_order_mark_is_no_part_of_a_list(loaded):
    assert loaded(b"\xef\xbb\xbf" + as_list(LINES), "in.json", FileFormat.JSON)[1] == FOUND


def test_a_mapping_takes_what_it_names(loaded):
    data = b'{"number": 7, "the name": "n", "other": 1}\n{"number": 8}\n'
    mapping = {"id": "number", "name": "the name"}
    _, rows = loaded(data, "in.jsonl", FileFormat.JSONL, mapping=mapping)
    assert rows == [(7, "n", None, None, "x"), (8, None, None, None, "x")]


@pytest.mark.quick("sqlite")
def test_a_field_that_only_a_late_record_has_is_filled(loaded):
    lines = [b'{"id": %d}' % number for number in range(1, 2500)]
    lines.append(b'{"id": 2500, "name": "late"}')
    found, rows = loaded(b"\n".join(lines), "in.jsonl", FileFormat.JSONL)
    assert found.created == 2500
    assert rows[-2:] == [(2499, None, None, None, "x"), (2500, "late", None, None, "x")]


def test_a_line_that_is_no_record_is_a_reject_and_costs_no_other(loaded):
    data = (
        b'{"id": 1}\n[1, 2]\nnot json\n{"id": 2, "name": NaN}\n{"id": 3}\n7\n'
        b'{"id": 4, "name": "\xff"}\n{"id": 5, "name": "a\\u0000b"}\n{"id": 6, "name": "\\ud800"}\n'
        b'{"id": "x", "name": "b"}\n{"id": 9, "name"'
    )
    found, rows = loaded(data, "in.jsonl", FileFormat.JSONL)
    assert [row[0] for row in rows] == [1, 3]
    assert found.reasons == {
        2: ("json", None),
        3: ("json", None),
        4: ("json", None),
        6: ("json", None),
        7: ("encoding", None),
        8: ("nul_byte", None),
        9: ("encoding", None),
        10: ("22P02", "id"),
        11: ("json", None),
    }
    odd, _, constant, *_, by_type, cut_off = found.rejects
    assert (odd.outcome, odd.data, odd.key) == ("invalid", {"record": "[1, 2]"}, None)
    assert odd.message == "the line is no JSON object"
    assert constant.message == "the line is no JSON: NaN is no value of JSON"
    assert (by_type.data, by_type.key) == ({"id": "x", "name": "b"}, {"id": "x"})
    assert cut_off.data == {"record": '{"id": 9, "name"'}
    assert cut_off.message.startswith("the line is no JSON: expecting ':' delimiter at character")


def test_an_element_that_is_no_record_is_a_reject(loaded):
    found, rows = loaded(b'[1, {"id": 1}, "a", null, {"id": 2}]', "in.json", FileFormat.JSON)
    assert [row[0] for row in rows] == [1, 2]
    assert found.reasons == {1: ("json", None), 3: ("json", None), 4: ("json", None)}
    assert found.rejects[1].data == {"record": '"a"'}


@pytest.mark.parametrize("data", [b"", b"\n \n"])
def test_no_lines_are_no_records(loaded, data):
    found, rows = loaded(data, "in.jsonl", FileFormat.JSONL, rules=["id > 0"])
    assert (found.total, rows) == (0, [])


def test_an_empty_list_has_no_records(loaded):
    found, rows = loaded(b" [ ] ", "in.json", FileFormat.JSON, mapping={"id": "number"})
    assert (found.total, rows) == (0, [])


def test_the_digest_is_that_of_the_files_bytes(sqlite_url, tmp_path):
    (tmp_path / "in.jsonl").write_bytes(b'{"id": 1}\n')
    database = database_with(sqlite_url, TABLE)
    given = RecordFile(FileFormat.JSONL, "in.jsonl")
    source = opened(database, given, THINGS, folder=tmp_path)
    expected = "82b0cf5da91b6a7e02f031e2da2fa5ed1261dce4c85ae20d63db9d1e84a4c384"
    assert source.digest() == source.scan(10).digest == expected
    database.dispose()


@pytest.mark.parametrize("kind", [FileFormat.JSON, FileFormat.JSONL, FileFormat.PARQUET])
def test_another_reader_goes_on_where_the_first_one_stopped(sqlite_url, tmp_path, kind):
    """A resume opens the file anew: its positions mean the same."""
    write_numbers(tmp_path / "in", kind, 25)
    database = database_with(sqlite_url, TABLE)

    def read(start: Position, end: Position, size: int) -> list[Any]:
        source = opened(database, RecordFile(kind, "in"), THINGS, folder=tmp_path)
        with source.batches(start, end, size) as batches:
            return [(b.end, b.crc, list(b.records.texts(b.records.good))) for b in batches]

    plan = opened(database, RecordFile(kind, "in"), THINGS, folder=tmp_path).scan(10)
    assert [part.rows for part in plan.ranges] == [10, 10, 5]
    begin, end = plan.ranges[0].start, plan.ranges[-1].end
    whole = read(begin, end, 7)
    assert [row for _, _, texts in whole for row in texts] == [
        [str(number), f"n{number}"] for number in range(25)
    ]
    for place, (stopped, _, _) in enumerate(whole[:-1]):
        assert read(stopped, end, 7) == whole[place + 1 :]
    database.dispose()


def write_numbers(path: Path, kind: FileFormat, number: int) -> None:
    if kind is FileFormat.PARQUET:
        with duckdb.connect() as connection:
            chosen = f"SELECT range AS id, 'n' || range AS name FROM range({number})"
            connection.execute(f"COPY ({chosen}) TO '{path}' (FORMAT parquet)")
        return
    lines = [b'{"id": %d, "name": "n%d"}' % (n, n) for n in range(number)]
    path.write_bytes(b"\n".join(lines) if kind is FileFormat.JSONL else as_list(b"\n".join(lines)))


def test_parquet_keeps_values_and_nulls(loaded, tmp_path):
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * FROM (VALUES"
            " (1::BIGINT, E'a,\"b\"\\né\\r', 1.10::DECIMAL(20, 2), TRUE, {'k': [1, 2]}),"
            " (2, NULL, 12345678901234567890.00, FALSE, NULL), (3, '', NULL, NULL, NULL))"
            f" AS t(id, name, price, flag, more)) TO '{tmp_path / 'in.parquet'}' (FORMAT parquet)"
        )
    found, rows = loaded(None, "in.parquet", FileFormat.PARQUET)
    assert rows == [
        (1, 'a,"b"\né\r', "1.10", True, '{"k":[1,2]}'),
        (2, None, "12345678901234567890.00", False, None),
        (3, "", None, None, None),
    ]
    assert found.rejects == []


def test_parquets_types_go_into_columns_of_these_types(database_url, tmp_path):
    """What DuckDB writes for a moment, a number or bytes, the database reads."""
    fields = (
        Field("id", FieldType.BIGINT, nullable=False),
        Field("seen", FieldType.TIMESTAMP),
        Field("zoned", FieldType.TIMESTAMP),
        Field("day", FieldType.DATE),
        Field("amount", FieldType.DECIMAL, precision=(12, 2)),
        Field("ratio", FieldType.FLOAT),
        Field("raw", FieldType.BINARY),
    )
    entity = Entity("typed", "typed", fields, ("id",))
    binary = "BYTEA" if database_url.startswith("postgresql") else "BLOB"
    ratio = "DOUBLE PRECISION"
    database = database_with(
        database_url,
        "CREATE TABLE typed (id BIGINT NOT NULL PRIMARY KEY, seen TIMESTAMP, zoned TIMESTAMP,"
        f" day DATE, amount NUMERIC(12, 2), ratio {ratio}, raw {binary})",
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Europe/Berlin'")
        connection.execute(
            "COPY (SELECT 1 AS id, TIMESTAMP '2024-02-29 12:00:00.5' AS seen,"
            " TIMESTAMPTZ '2024-02-29 12:00:00+02' AS zoned, DATE '2024-02-29' AS day,"
            " 3.10::DECIMAL(9, 2) AS amount, 1e-7::DOUBLE AS ratio, '\\x00\\xFFa'::BLOB AS raw)"
            f" TO '{tmp_path / 'in.parquet'}' (FORMAT parquet)"
        )
    given = RecordFile(FileFormat.PARQUET, "in.parquet")
    assert load(database, opened(database, given, entity, folder=tmp_path), entity).rejects == []
    ((row_id, seen, zoned, day, amount, ratio, raw),) = rows(database, "SELECT * FROM typed")
    assert (row_id, str(seen)[:21], str(zoned)[:19]) == (
        1,
        "2024-02-29 12:00:00.5",
        "2024-02-29 10:00:00",
    )
    assert (str(day), Decimal(str(amount)), ratio) == ("2024-02-29", Decimal("3.1"), 1e-7)
    assert bytes(raw) == b"\x00\xffa"
    database.dispose()


@pytest.mark.parametrize("name", ["*.parquet", "in[1].parquet", "it's.parquet"])
def test_a_parquet_files_name_is_no_pattern(loaded, tmp_path, name):
    write_numbers(tmp_path / "other.parquet", FileFormat.PARQUET, 3)
    write_numbers(tmp_path / "plain", FileFormat.PARQUET, 2)
    (tmp_path / "plain").rename(tmp_path / name)
    assert loaded(None, name, FileFormat.PARQUET)[0].created == 2


def test_parquets_text_that_stands_for_null_is_no_silent_null(loaded, tmp_path):
    path = tmp_path / "in.parquet"
    with duckdb.connect() as connection:
        chosen = "SELECT 1 AS id, chr(2) || 'NULL' || chr(2) AS name"
        connection.execute(f"COPY ({chosen}) TO '{path}' (FORMAT parquet)")
    with pytest.raises(SourceError, match="stands for NULL"):
        loaded(None, "in.parquet", FileFormat.PARQUET)
