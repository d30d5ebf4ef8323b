"""Each option of a CSV file is heeded, on SQLite and PostgreSQL."""

from __future__ import annotations

import gzip
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.database import Position
from batch_ops.spec.model import CsvSource, Entity, Field, FieldType, RowsSource
from batch_ops_tests.support.loading import database_with, load, opened, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batch_ops.database import Database
    from batch_ops_tests.support.loading import Loaded

FIELDS = (Field("id", FieldType.INTEGER, nullable=False), Field("name", FieldType.TEXT))
PEOPLE = Entity("people", "people", FIELDS, ("id",))
TABLE = "CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, name TEXT)"
QUERY = "SELECT id, name FROM people ORDER BY id"


@pytest.fixture
def loads(database_url: str, tmp_path: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Loads a file of these bytes and gives the table's rows; it must refuse nothing."""

    def run(data: bytes, name: str = "in.csv", **options: Any) -> list[tuple[Any, ...]]:
        (tmp_path / name).write_bytes(data)
        database = database_with(database_url, TABLE)
        source = opened(database, CsvSource(name, **options), PEOPLE, folder=tmp_path)
        found = load(database, source, PEOPLE, batch_size=2, chunk_rows=3)
        assert found.rejects == []
        return everything(database)

    return run


def everything(database: Database) -> list[tuple[Any, ...]]:
    found = rows(database, QUERY)
    database.dispose()
    return found


def test_delimiter_and_quote(loads):
    assert loads(b"id;name\n1;'a;b'\n2;''''\n", delimiter=";", quote="'") == [(1, "a;b"), (2, "'")]


def test_tab_and_percent_as_signs(loads):
    data = b"id\tname\n1\t%a\tb%\n2\t%%%%\n"
    assert loads(data, delimiter="\t", quote="%") == [(1, "a\tb"), (2, "%")]


def test_no_header_takes_the_fields_as_declared(loads):
    assert loads(b"1,a\n2,b\n", has_header=False) == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig", "latin-1"])
def test_encoding(loads, encoding):
    text = "id,name\n1,\u00e9t\u00e9\n2,b\n3,\u00fc\n"
    assert loads(text.encode(encoding), encoding=encoding) == [
        (1, "\u00e9t\u00e9"),
        (2, "b"),
        (3, "\u00fc"),
    ]


def test_every_null_text_is_null_also_quoted_and_nothing_else(loads):
    data = b'id,name\n1,NA\n2,\n3,"NA"\n4,""\n5,NAB\n6,na\n7,"-"\n'
    found = loads(data, null_values=("", "NA", "-"))
    assert found == [(1, None), (2, None), (3, None), (4, None), (5, "NAB"), (6, "na"), (7, None)]


def test_without_null_texts_everything_is_text(loads):
    assert loads(b'id,name\n1,\n2,""\n3,NULL\n4,\\N\n', null_values=()) == [
        (1, ""),
        (2, ""),
        (3, "NULL"),
        (4, "\\N"),
    ]


def test_only_the_one_null_text_is_null(loads):
    assert loads(b"id,name\n1,\n2,NA\n", null_values=("NA",)) == [(1, ""), (2, None)]


def test_mapping_takes_what_it_names_and_leaves_the_rest_out(loads):
    data = b'x,"the name",number,y\n"a,1",b,1,\n,"c,""d",2,"z\nz"\n'
    found = loads(data, mapping={"id": "number", "name": "the name"})
    assert found == [(1, "b"), (2, 'c,"d')]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_byte_order_mark_and_blank_lines(loads, ending, last):
    lines = [b"\xef\xbb\xbfid,name", b"1,a", b"", b'2,"b\r\nc"', b"", b"", b"3,d"]
    data = ending.join(lines) + (ending * 2 if last else b"")
    assert loads(data) == [(1, "a"), (2, "b\r\nc"), (3, "d")]


def test_a_mix_of_line_ends_and_lone_carriage_returns(loads):
    assert loads(b"id,name\r\n1,a\n2,b\r\n3,c\rd\n") == [(1, "a"), (2, "b"), (3, "c\rd")]


def test_texts_that_mean_something_to_copy(loads):
    data = b'id,name\n1,\\.\n2,\\\n3,"\\."\n4,"a""b"\n5,#x\n'
    assert loads(data) == [(1, "\\."), (2, "\\"), (3, "\\."), (4, 'a"b'), (5, "#x")]


def test_a_field_of_ten_megabytes(loads):
    big = b"x" * 10_000_000
    ((_, first), (_, second)) = loads(b'id,name\n1,"' + big + b'"\n2,b\n')
    assert (len(first), second) == (10_000_000, "b")


def test_gzip_and_zip(loads, database_url, tmp_path):
    text = b"id,name\n" + b"".join(b"%d,n%d\n" % (n, n) for n in range(9))
    assert len(loads(gzip.compress(text), name="in.csv.gz")) == 9
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        archive.writestr("folder/in.csv", text)
    database = database_with(database_url, "DELETE FROM people")
    source = opened(database, CsvSource("in.zip"), PEOPLE, folder=tmp_path)
    load(database, source, PEOPLE, batch_size=4, chunk_rows=2)
    assert len(everything(database)) == 9


def test_a_file_of_a_package_is_read_without_importing_it(database_url, monkeypatch, tmp_path):
    package = tmp_path / "packaged_data"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "data" / "in.csv").write_text("id,name\n1,a\n")
    monkeypatch.syspath_prepend(tmp_path)
    database = database_with(database_url, TABLE)
    source = opened(database, CsvSource("package://packaged_data/data/in.csv"), PEOPLE)
    assert load(database, source, PEOPLE).created == 1
    database.dispose()


def test_a_single_column_keeps_blank_records(database_url, tmp_path):
    words = Entity("words", "words", (Field("word", FieldType.TEXT),))
    (tmp_path / "in.csv").write_bytes(b"word\na\n\n\\.\nb\n")
    database = database_with(database_url, "CREATE TABLE words (word TEXT)")
    source = opened(database, CsvSource("in.csv"), words, folder=tmp_path)
    assert load(database, source, words).created == 4
    found = rows(database, "SELECT word FROM words")
    assert sorted(found, key=str) == sorted([("a",), (None,), ("\\.",), ("b",)], key=str)
    database.dispose()


def test_ragged_rows_in_memory_keep_every_column(database_url):
    items = [{"id": 1}, {"name": "b", "id": 2}, {"id": 3, "name": ""}, {"id": 4, "name": 'a,\n"é'}]
    database = database_with(database_url, TABLE)
    source = opened(database, RowsSource("items"), PEOPLE, parameters={"items": items})
    load(database, source, PEOPLE)
    assert everything(database) == [(1, None), (2, "b"), (3, ""), (4, 'a,\n"é')]


def test_a_reject_tells_row_key_column_value_and_all_fields(database_url, tmp_path):
    data = b"name,id\na,1\n\nb,x\nc,1\nd,2,3\n"
    (tmp_path / "in.csv").write_bytes(data)
    database = database_with(database_url, TABLE)
    source = opened(database, CsvSource("in.csv"), PEOPLE, rules=["name <> 'a'"], folder=tmp_path)
    by_rule, by_type, ragged = load(database, source, PEOPLE).rejects
    assert (by_rule.row, by_rule.code, by_rule.column, by_rule.value) == (1, "rule", "name", "a")
    assert "name <> 'a'" in by_rule.message
    assert (by_type.row, by_type.key, by_type.code) == (2, {"id": "x"}, "22P02")
    assert (by_type.column, by_type.value, by_type.outcome) == ("id", "x", "failed")
    assert by_type.message == "invalid input syntax for type integer"
    assert by_type.data == {"name": "b", "id": "x"}
    assert (ragged.row, ragged.code, ragged.outcome) == (4, "ragged_row", "invalid")
    assert "2 fields are expected, 3 were found" in ragged.message
    assert everything(database) == [(1, "c")]


def test_batches_can_begin_anywhere_and_tell_where_they_end(database_url, tmp_path):
    data = b"id,name\n" + b"".join(b"%d,n%d\n" % (n, n) for n in range(10))
    (tmp_path / "in.csv").write_bytes(data)
    database = database_with(database_url, TABLE)
    source = opened(database, CsvSource("in.csv"), PEOPLE, folder=tmp_path)
    plan = source.scan(4)
    assert [part.rows for part in plan.ranges] == [4, 4, 2]
    assert plan.digest == source.digest()
    second = plan.ranges[1]
    with source.batches(second.start, second.end, 3) as batches:
        first, last = list(batches)
    assert (first.start, first.end.row, last.end) == (second.start, 8, second.end)
    with source.batches(Position(first.end.offset, 8), second.end, 10) as batches:
        (again,) = batches
    assert again.crc == last.crc
    assert list(again.records.texts(again.records.good)) == [["7", "n7"]]
    database.dispose()


def test_one_reader_runs_on_over_the_ends_of_chunks(database_url, tmp_path):
    """No batch straddles one, also where a chunk's end is no multiple of the batches."""
    (tmp_path / "in.csv").write_bytes(b"id,name\n" + b"".join(b"%d,x\n\n" % n for n in range(11)))
    database = database_with(database_url, TABLE)
    source = opened(database, CsvSource("in.csv"), PEOPLE, folder=tmp_path)
    ranges = source.scan(5).ranges
    alone = []
    for part in ranges:
        with source.batches(part.start, part.end, 3) as batches:
            alone += [(batch.start, batch.end, batch.crc) for batch in batches]
    stops = [part.end for part in ranges]
    with source.batches(ranges[0].start, ranges[-1].end, 3, stops) as batches:
        run_on = [(batch.start, batch.end, batch.crc) for batch in batches]
    assert run_on == alone
    assert [start.row for start, _, _ in alone] == [1, 4, 6, 9, 11]
    database.dispose()


def test_there_are_never_more_than_two_hundred_ranges(database_url, tmp_path):
    data = b"id,name\n" + b"".join(b"%d,n\n" % n for n in range(1001))
    (tmp_path / "in.csv").write_bytes(data)
    database = database_with(database_url, TABLE)
    source = opened(database, CsvSource("in.csv"), PEOPLE, folder=tmp_path)
    plan = source.scan(1)
    assert len(plan.ranges) <= 200
    assert sum(part.rows for part in plan.ranges) == plan.rows == 1001
    database.dispose()


def test_mariadb_loads_and_gives_the_same_reasons(mariadb_url: str, tmp_path: Path) -> None:
    data = b"id,name\n1,a\n x ,b\n1,c\n 2 ,d\n99999999999,e\n3,\n"
    (tmp_path / "in.csv").write_bytes(data)
    database = database_with(mariadb_url, TABLE)
    source = opened(
        database, CsvSource("in.csv"), PEOPLE, rules=["name IS NOT NULL"], folder=tmp_path
    )
    found: Loaded = load(database, source, PEOPLE)
    assert found.reasons == {
        2: ("22P02", "id"),
        3: ("23505", "id"),
        5: ("22003", "id"),
        6: ("rule", "name"),
    }
    assert everything(database) == [(1, "a"), (2, "d")]
