"""A source that cannot be read as declared is one clear error, before anything is written."""

from __future__ import annotations

import gzip
import tempfile
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.database.choice import dialect_for
from batch_ops.errors import ParameterError, SourceError
from batch_ops.sources import open_source
from batch_ops.spec.model import CsvSource, RowsSource
from batch_ops_tests.support.loading import PEOPLE, rule
from batch_ops_tests.support.loading import PEOPLE_TABLE as TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.sources import Range, Source

HEADER = b"id,name\n"


def source_of(folder: Path, data: bytes | None, *rules: str, **options: Any) -> Source:
    path = options.pop("path", "in.csv")
    if data is not None:
        (folder / "in.csv").write_bytes(data)
    return open_source(
        CsvSource(path, **options),
        TABLE,
        PEOPLE,
        [rule(text) for text in rules],
        folder=folder,
        parameters={},
        dialect=dialect_for("sqlite"),
    )


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (None, {"path": "no.csv"}, "'no.csv' is not there"),
        (None, {"path": "."}, "is a folder"),
        (None, {"path": "package://no_such_package/x.csv"}, "'no_such_package'.* is not installed"),
        (None, {"path": "package://"}, "names no file of a package"),
        (b"", {}, "in.csv is empty"),
        (b"\n\n", {}, "in.csv is empty"),
        (b"\xef\xbb\xbf", {}, "in.csv is empty"),
        (gzip.compress(b"", mtime=0), {}, "in.csv is empty"),
        (b"id,nmae\n1,a\n", {}, "(?s)has 'nmae', which is no column.*Did you mean 'name'"),
        (b"id,name,id\n", {}, "has 'id' twice"),
        (b"id,twice\n", {}, "'twice' of 'people' is computed"),
        (HEADER, {"mapping": {"name": "nam"}}, "(?s)no 'nam', which.*Did you mean 'name'"),
        (b"a,b\n", {"mapping": {"nope": "a"}}, "'nope', which in.csv is to fill, is no column"),
        ("id,größe\n".encode("latin-1"), {}, "header of in.csv is not in the encoding utf-8"),
        (b"1,a,b\n", {"has_header": False}, "first row of in.csv has 3 fields; 2 are declared"),
        (HEADER, {"delimiter": "§"}, "delimiter '§' is not one ASCII character"),
        (HEADER, {"quote": ""}, "quote '' is not one ASCII character"),
        (HEADER, {"encoding": "utf-16"}, "is not in the encoding utf-16"),
        (b'id,"name\n1,a\n', {}, "never closed"),
    ],
)
def test_opening(tmp_path, data, options, words):
    with pytest.raises(SourceError, match=words) as caught:
        source_of(tmp_path, data, **options)
    assert "Nothing was written." in str(caught.value)
    assert caught.value.todo


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (HEADER + b'1,a\n2,"b\n3,c\n', "opened in data row 2 is never closed"),
        (HEADER + b'1,"' + b"x" * (65 << 20) + b'"\n', "Data row 1 is larger than 64 MB"),
        (gzip.compress(HEADER + bytes(range(32, 127)) * 9999, mtime=0)[:-20], "damaged or cut off"),
    ],
)
def test_scanning(tmp_path, data, words):
    source = source_of(tmp_path, data)
    with pytest.raises(SourceError, match=words) as caught:
        source.scan(10)
    assert "Nothing was written." in str(caught.value)


def test_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "id\n")
        archive.writestr("b.csv", "id\n")
    with pytest.raises(SourceError, match=r"holds 2 files where one is expected: a.csv, b.csv"):
        source_of(tmp_path, None, path="two.zip")
    whole = (tmp_path / "two.zip").read_bytes()
    with pytest.raises(SourceError, match="damaged or cut off"):
        source_of(tmp_path, whole[: len(whole) // 2])


def test_a_rule_about_a_column_the_source_does_not_give(tmp_path):
    with pytest.raises(SourceError, match="reads 'name', which the source does not give"):
        source_of(tmp_path, b"id\n1\n", "name IS NOT NULL")


@pytest.mark.parametrize("parameters", [{}, {"items": 5}, {"items": [1]}])
def test_records_that_are_none(tmp_path, parameters):
    with pytest.raises(ParameterError, match="items"):
        open_source(
            RowsSource("items"),
            TABLE,
            PEOPLE,
            [],
            folder=tmp_path,
            parameters=parameters,
            dialect=dialect_for("sqlite"),
        )


def test_a_file_without_rows_has_no_ranges(tmp_path):
    plan = source_of(tmp_path, HEADER).scan(10)
    assert (plan.rows, plan.ranges) == (0, ())


def take_all(source: Source, part: Range, taken: list[int], divided_by: int = 1) -> None:
    with source.batches(part.start, part.end, 10) as batches:
        taken.extend(batch.total // divided_by for batch in batches)


def test_an_error_of_the_reader_is_raised_where_its_batch_would_have_come(tmp_path):
    lines = b"".join(b"%d,n\n" % n for n in range(100))
    source = source_of(tmp_path, HEADER + lines)
    (part,) = source.scan(1000).ranges
    (tmp_path / "in.csv").write_bytes(HEADER + lines[:200] + b'7,"open')
    taken: list[int] = []
    with pytest.raises(SourceError, match="never closed"):
        take_all(source, part, taken)
    assert 0 < sum(taken) < 100


def test_leaving_early_stops_the_reader(tmp_path):
    source = source_of(tmp_path, HEADER + b"".join(b"%d,n\n" % n for n in range(1000)))
    (part,) = source.scan(10_000).ranges
    with pytest.raises(ZeroDivisionError):
        take_all(source, part, taken=[], divided_by=0)
    assert not [t for t in threading.enumerate() if t.name == "batch_ops-reader"]


def test_a_screen_at_work_has_no_file_that_a_killed_process_would_leave(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    source = source_of(tmp_path, HEADER + b"1,a\nx,b\n", "name <> 'a'")
    (part,) = source.scan(10).ranges
    with source.batches(part.start, part.end, 10) as batches:
        (batch,) = batches
        assert list((tmp_path / "temporary").iterdir()) == []
    assert [reject.row for reject in batch.rejects] == [1]
    assert list(batch.records.suspects) == [1]
