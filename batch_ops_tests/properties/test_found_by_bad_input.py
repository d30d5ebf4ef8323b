"""What bad input once broke: each is refused in words, or taken, and none is a fault of ours."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.cli.app import execute
from batch_ops.database import sqlite_functions
from batch_ops.engine import RunOptions, run
from batch_ops.errors import DeclarationError, ParameterError, SourceError
from batch_ops_tests.support.fuzz.goods import Goods

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VALUE = """
  - name: batch_operations
    operation: fuzz
    operation_type: update
    update_data: {note: {sql: "%s"}}
"""


@pytest.fixture
def goods(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Goods]:
    monkeypatch.chdir(tmp_path)
    made = Goods.made(tmp_path, sqlite_url)
    yield made
    made.project.dispose()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("CAST(FLOOR() AS TEXT)", "lacks an argument"),
        ("SUBSTRING(name)", "lacks an argument"),
        ("SPLIT_PART(name)", "lacks an argument"),
        ("'\\\\ud800'", "half a sign"),
        ("'\\\\0'", "the sign NUL"),
    ],
)
def test_an_expression_no_database_can_take_is_refused_with_its_place(
    goods: Goods, text: str, told: str
):
    with pytest.raises(DeclarationError, match=told) as caught:
        goods.with_operation(VALUE % text.replace("\\\\", "\\"))
    assert caught.value.location is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", {"id": 1}),
        ("big", 2**63),
        ("exact", "Infinity"),
        ("span", "soon"),
        ("anything", {1, 2}),
        ("anything", len),
        ("anything", {1: 2}),
    ],
)
def test_a_value_no_database_can_keep_is_refused_before_anything_is_written(
    goods: Goods, name: str, value: Any
):
    with pytest.raises(ParameterError, match=name):
        run(goods.project, "find", {name: value})
    assert list(goods.half_done(None)) == []


def test_a_record_that_holds_a_larger_number_than_64_bits_is_judged_like_others(goods: Goods):
    rows = [{"id": 1, "note": [10**40]}, {"id": 2, "note": "x"}]
    result = run(goods.project, "merge_rows", {"rows": rows}, options=RunOptions(again=True))
    assert result.counts.created == 2


def test_records_without_what_tells_their_rows_are_refused(goods: Goods):
    with pytest.raises(SourceError, match="have no id"):
        run(goods.project, "merge_rows", {"rows": [{"name": "n"}]})
    assert list(goods.half_done(None)) == []


def test_an_archive_whose_list_points_to_nowhere_is_refused(goods: Goods, tmp_path: Path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("goods.csv", "id,name\n1,n\n")
    data = bytearray(made.getvalue())
    end = data.rindex(b"PK\x05\x06")
    data[end + 16 : end + 20] = (2**31).to_bytes(4, "little")
    (tmp_path / "goods.csv.zip").write_bytes(bytes(data))
    with pytest.raises(SourceError, match="damaged"):
        run(goods.project, "read_file", {"source_path": "goods.csv.zip"})


def test_brackets_among_file_names_are_no_list(goods: Goods, capsys: pytest.CaptureFixture[str]):
    assert execute(["check", "defs/goods.yaml", "[]", "0"]) == 2
    assert "bug in batch_ops" not in capsys.readouterr().err


def test_a_function_that_cannot_take_a_value_says_so_without_pythons_words():
    with sqlite3.connect(":memory:") as connection:
        sqlite_functions.register(connection)
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("SELECT bo_left('abc', 1.5)").fetchone()
    assert sqlite_functions.reason() == ("22000", "LEFT cannot take ('abc', 1.5)")


@pytest.mark.parametrize("last", [b"\xff", b"a\0b", b"x" * 200_000], ids=["byte", "nul", "long"])
def test_a_record_of_too_many_fields_the_last_of_which_is_odd_is_a_reject(
    goods: Goods, last: bytes
):
    path = goods.project.folder / "odd.csv"
    path.write_bytes(b"id,name,amount\n1,a,5,x," + last + b"\n")
    result = run(goods.project, "read_file", {"source_path": str(path)}, options=RunOptions())
    assert (result.counts.total, result.counts.rejects) == (1, 1)
