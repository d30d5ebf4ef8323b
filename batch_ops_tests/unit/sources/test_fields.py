"""Which field goes where: by name, by place, or by values; what is passed over is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from batch_ops.database.choice import dialect_for
from batch_ops.errors import SourceError
from batch_ops.sources import open_source
from batch_ops.spec.model import (
    CsvSource,
    FileFormat,
    Literal,
    RecordFile,
    RowsSource,
)
from batch_ops_tests.support.loading import PEOPLE, rule, value
from batch_ops_tests.support.loading import PEOPLE_TABLE as TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.sources import Source


def source_of(folder: Path, declared: Any, data: bytes = b"", **more: Any) -> Source:
    (folder / "in").write_bytes(data)
    given = {"folder": folder, "parameters": {}, "dialect": dialect_for("sqlite"), **more}
    return open_source(declared, TABLE, PEOPLE, given.pop("rules", []), **given)


def rows_of(source: Source) -> list[list[str | None]]:
    plan = source.scan(100)
    if not plan.ranges:
        return []
    with source.batches(plan.ranges[0].start, plan.ranges[-1].end, 10) as batches:
        return [list(row) for b in batches for row in b.records.texts(b.records.good)]


def lines(**options: Any) -> RecordFile:
    return RecordFile(FileFormat.JSONL, "in", **options)


def test_a_file_without_header_is_mapped_by_place(tmp_path):
    declared = CsvSource("in", has_header=False, mapping={"name": 3, "id": 1})
    source = source_of(tmp_path, declared, b"1,x,a\n2,y,b\n")
    assert source.layout.targets == ("id", "name")
    assert rows_of(source) == [["1", "a"], ["2", "b"]]
    assert source.notes == ("The column csv_column_2 of in is not mapped and is passed over.",)


def test_a_header_is_skipped_where_the_mapping_goes_by_place(tmp_path):
    declared = CsvSource("in", mapping={"name": 2, "id": 3})
    source = source_of(tmp_path, declared, b"id,id,\n7,a,1\n8,b,2\n")
    assert rows_of(source) == [["a", "1"], ["b", "2"]]


def test_a_mapping_by_place_works_for_a_file_without_rows(tmp_path):
    declared = CsvSource("in", has_header=False, mapping={"name": 2})
    assert rows_of(source_of(tmp_path, declared, b"")) == []


def test_values_read_a_file_without_header_by_declared_name_or_by_place(tmp_path):
    declared = CsvSource("in", has_header=False)
    by_name = {"id": value(":r.name"), "name": value(":r.id")}
    assert rows_of(source_of(tmp_path, declared, b"a,1\n", values=by_name)) == [["1", "a"]]
    by_place = {"id": value(":r.csv_column_3"), "name": value(":r.csv_column_1")}
    assert rows_of(source_of(tmp_path, declared, b"a,x,1\n", values=by_place)) == [["1", "a"]]


@pytest.mark.parametrize(
    ("declared", "names"),
    [
        (CsvSource("in", mapping={"id": "id"}), "columns a, b of in are"),
        (lines(mapping={"id": "id"}), "fields a, b of in are"),
    ],
)
def test_what_is_passed_over_is_told(tmp_path, declared, names):
    data = b"id,a,b\n" if isinstance(declared, CsvSource) else b'{"id": 1, "a": 1}\n{"b": 2}\n'
    source = source_of(tmp_path, declared, data)
    assert source.notes == (f"The {names} not mapped and are passed over.",)


def test_what_values_read_is_not_passed_over(tmp_path):
    values = {"id": value(":r.id"), "name": value("upper(:r.a)")}
    source = source_of(tmp_path, CsvSource("in"), b"id,a,b\n", values=values)
    assert source.notes == ("The column b of in is not mapped and is passed over.",)


def test_many_columns_that_are_passed_over_are_counted(tmp_path):
    header = ",".join(["id", *(f"c{n}" for n in range(20))]).encode()
    (note,) = source_of(tmp_path, CsvSource("in", mapping={"id": "id"}), header).notes
    assert note == (
        "The columns c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11 and 8 more of in are not"
        " mapped and are passed over."
    )


def test_where_all_is_taken_nothing_is_to_be_told(tmp_path):
    assert source_of(tmp_path, CsvSource("in"), b"id,name\n").notes == ()


@pytest.mark.parametrize(
    ("declared", "data", "more", "words"),
    [
        (
            lines(),
            b'{"id": 1, "nmae": 2}',
            {},
            ("(?s)records of in have 'nmae', which is no column.*Did you mean 'name'"),
        ),
        (
            lines(mapping={"name": "nam"}),
            b'{"name": 1}',
            {},
            "(?s)have no 'nam', which field_mapping gives to 'name'.*Did you mean 'name'",
        ),
        (
            lines(mapping={"nope": "a"}),
            b'{"a": 1}',
            {},
            "'nope', which in is to fill, is no column",
        ),
        (lines(), b'{"twice": 1}', {}, "'twice' of 'people' is computed"),
        (lines(), b"{}\n{}", {}, "in fills no column of 'people'"),
        (
            lines(),
            b'{"name": "a"}',
            {"rules": [rule("id > 0")]},
            "reads 'id', which the source does not",
        ),
        (RecordFile(FileFormat.PARQUET, "in"), b"id\n", {}, "in cannot be read as Parquet"),
        (RecordFile(FileFormat.PARQUET, "in"), b"", {}, "in cannot be read as Parquet"),
        (
            CsvSource("in", has_header=False, mapping={"id": 4}),
            b"1,2\n",
            {},
            "in has 2 columns, and field_mapping gives column 4 to 'id'",
        ),
        (
            CsvSource("in"),
            b"id\n",
            {"values": {"twice": Literal(1)}},
            "'twice' of 'people' is comp",
        ),
        (
            CsvSource("in", mapping={"id": "id"}),
            b"id\n",
            {"values": {"id": Literal(1)}},
            "The column 'id' gets both a value and a field of in",
        ),
        (CsvSource("in"), b"id\n", {"constants": {"nope": 1}}, "'nope', which in is to fill"),
        (CsvSource("in"), b"id\n", {"values": {"name": Literal("a\0")}}, "none of UTF-8"),
        (
            CsvSource("in"),
            b"id\n",
            {"values": {"name": value(":r.csv_column_2")}},
            "header of in has no 'csv_column_2', which the value of 'name' reads",
        ),
    ],
)
def test_what_cannot_be_is_told_at_once(tmp_path, declared, data, more, words):
    with pytest.raises(SourceError, match=words) as caught:
        source_of(tmp_path, declared, data, **more)
    assert "Nothing was written." in str(caught.value)


def test_parquet_columns_are_judged_like_a_header(tmp_path):
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1 AS id, 2 AS nmae) TO '{tmp_path}/x' (FORMAT parquet)")
    with pytest.raises(SourceError, match="have 'nmae', which is no column"):
        source_of(tmp_path, RecordFile(FileFormat.PARQUET, "x"))
    values = {"id": value(":r.idd")}
    with pytest.raises(SourceError, match=r"(?s)no 'idd', which the value of 'id'.*mean 'id'"):
        source_of(tmp_path, RecordFile(FileFormat.PARQUET, "x"), values=values)


def test_a_field_is_looked_for_in_the_first_thousand_records(tmp_path):
    data = [b'{"id": 1}'] * 1000 + [b'{"id": 2, "name": "x"}']
    values = {"id": value(":r.id"), "name": value(":r.name")}
    with pytest.raises(SourceError, match="no 'name', which the value of 'name' reads"):
        source_of(tmp_path, lines(), b"\n".join(data), values=values)
    data[999] = data[1000]
    source = source_of(tmp_path, lines(), b"\n".join(data), values=values)
    assert rows_of(source)[-2:] == [["2", "x"], ["2", "x"]]


def test_without_records_no_field_is_missed(tmp_path):
    values = {"id": value(":r.id"), "name": value(":r.name || 'x'")}
    assert rows_of(source_of(tmp_path, lines(), b"", values=values)) == []
    rows = RowsSource("items")
    source = source_of(tmp_path, rows, values=values, parameters={"items": []})
    assert rows_of(source) == []


def test_records_that_fill_nothing_are_refused(tmp_path):
    with pytest.raises(SourceError, match="rows fills no column of 'people'"):
        source_of(tmp_path, RowsSource("items"), parameters={"items": [{}]})


def test_the_digest_of_one_record_without_fields_is_always_the_same(tmp_path):
    values = {"id": Literal(1)}
    one, other = (source_of(tmp_path, RowsSource(None), values=values) for _ in range(2))
    assert one.digest() == other.digest()


def test_a_value_stays_itself_to_the_last_carriage_return(tmp_path):
    items = [{"id": 1, "name": "a\r"}, {"id": 2, "name": "\r\n"}]
    source = source_of(tmp_path, RowsSource("items"), parameters={"items": items})
    assert rows_of(source) == [["1", "a\r"], ["2", "\r\n"]]
