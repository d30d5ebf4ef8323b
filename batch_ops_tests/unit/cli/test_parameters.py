from __future__ import annotations

import json

import pytest

from batch_ops.cli.parameters import local_path, read_parameters
from batch_ops.errors import ParameterError, UnknownNameError
from batch_ops.spec.model import FieldType, Parameter

DECLARED = {
    parameter.name: parameter
    for parameter in (
        Parameter("day", FieldType.DATE),
        Parameter("ids", FieldType.INTEGER, many=True),
        Parameter("options", FieldType.JSON),
        Parameter("anything"),
        Parameter("name", FieldType.TEXT),
        Parameter("source_path", FieldType.TEXT),
    )
}


def read(*given: str, columns=()):
    return read_parameters(DECLARED, given, columns)


def test_a_value_may_hold_equal_signs_and_be_empty():
    assert read("name=a=b", "anything=") == {"name": "a=b", "anything": ""}


def test_nothing_given_is_nothing():
    assert read_parameters(DECLARED, None) == {}


def test_an_unknown_parameter_is_refused_with_the_nearest_right_word():
    with pytest.raises(UnknownNameError) as caught:
        read("optoins=1")
    assert caught.value.exit_code == 2
    assert caught.value.todo == "Did you mean 'options'?"


def test_a_parameter_without_a_value_is_refused_by_name():
    with pytest.raises(ParameterError, match="-p day has no value"):
        read("day")


def test_a_parameter_that_is_given_twice_is_refused():
    with pytest.raises(ParameterError, match="'day' is given twice"):
        read("day=2026-01-01", "day=2026-01-02")


def test_a_list_is_one_value_or_json_only_where_a_list_is_wanted():
    assert read("ids=5") == {"ids": ["5"]}
    assert read("ids=[1, 2]") == {"ids": [1, 2]}
    assert read("anything=[1]") == {"anything": [1]}
    assert read("name=[1]") == {"name": "[1]"}


def test_json_is_read_where_the_type_is_json():
    assert read('options={"a": [1]}') == {"options": {"a": [1]}}


@pytest.mark.parametrize("text", ["options={", "ids=[1,", "options=" + "[" * 100_000])
def test_broken_json_is_refused_by_the_parameters_name(text):
    with pytest.raises(ParameterError, match=text.split("=", maxsplit=1)[0]):
        read(text)


def test_a_json_file_gives_its_value(tmp_path):
    file = tmp_path / "ids.json"
    file.write_text(json.dumps([1, 2, 3]))
    assert read(f"ids=@{file}") == {"ids": [1, 2, 3]}


def test_a_text_that_begins_with_an_at_sign_is_written_with_two():
    assert read("name=@@home") == {"name": "@home"}


@pytest.mark.parametrize("head", ["ids", "id", "customer"])
def test_a_csv_of_one_column_is_a_list_without_its_head(tmp_path, head):
    file = tmp_path / "ids.csv"
    file.write_text(f"{head}\r\n7\r\n8\r\n")
    assert read(f"ids=@{file}", columns=["customer"]) == {"ids": ["7", "8"]}


def test_a_csv_of_one_column_without_a_head_loses_no_value(tmp_path):
    file = tmp_path / "ids.csv"
    file.write_text("\ufeff7\n8\n")
    assert read(f"ids=@{file}", columns=["customer"]) == {"ids": ["7", "8"]}


def test_a_csv_of_several_columns_is_a_list_of_records(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text('a,b\n1,"x, y"\n2,\n')
    assert read(f"anything=@{file}") == {"anything": [{"a": "1", "b": "x, y"}, {"a": "2", "b": ""}]}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("ids.csv", b"a,b\n1\n", "line 2 has 1 columns, the first 2"),
        ("ids.csv", b"ids\n\xff\n", "utf-8"),
        ("ids.csv", b'ids\n"1\n', "unexpected end of data"),
        ("ids.json", b"[1,", "Expecting value"),
        ("ids.json", b"[" * 100_000, "ids.json"),
        ("ids.parquet", b"", "Give a .json or .csv file"),
        ("missing/ids.csv", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path, name, content, reason):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ParameterError) as caught:
        read(f"ids=@{file}")
    assert reason in str(caught.value)
    assert "'ids'" in caught.value.what


def test_a_source_is_a_file_of_the_current_folder_where_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    assert read("source_path=rows.csv") == {"source_path": str(tmp_path / "rows.csv")}
    assert read("source_path=data/rows.csv") == {"source_path": "data/rows.csv"}
    assert local_path("package://p/rows.csv") == "package://p/rows.csv"
