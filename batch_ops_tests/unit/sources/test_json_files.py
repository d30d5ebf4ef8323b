"""JSON is read a record at a time, digit by digit, and says where it stops being JSON."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.errors import SourceError
from batch_ops.sources import json_files
from batch_ops.sources.json_files import Odd, elements, lines
from batch_ops.sources.json_values import as_json, field_texts
from batch_ops.sources.texts import NULL_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[1, 3, 1 << 18])
def block(request, monkeypatch) -> int:
    """Files are read in blocks of any size."""
    monkeypatch.setattr(json_files, "BLOCK", request.param)
    return request.param


def listed(data: bytes) -> list[Any]:
    return list(elements(io.BytesIO(data), "in.json"))


def test_numbers_keep_their_digits(block):
    numbers = ["1.10", "12345678901234567890", "-0", "1e5", "0.1000000000000000055511151231257827"]
    data = "[" + ",".join(f'{{"a": {number}}}' for number in numbers) + "]"
    assert [field_texts(record, ["a"]) for record in listed(data.encode())] == [
        [n] for n in numbers
    ]


def test_nested_values_become_json_with_the_same_digits(block):
    data = b'[{"a": {"k": [1.10, true, null, "\\u00e9\\"", {}], "l": []}}]'
    assert field_texts(listed(data)[0], ["a"]) == ['{"k":[1.10,true,null,"é\\"",{}],"l":[]}']


def test_null_and_what_is_missing_are_null_and_truth_is_a_word(block):
    (record,) = listed(b'[{"a": null, "b": true, "c": false, "d": ""}]')
    assert field_texts(record, ["a", "b", "c", "d", "e"]) == [
        NULL_TEXT,
        "true",
        "false",
        "",
        NULL_TEXT,
    ]


def test_a_list_of_any_layout_is_read_as_pythons_reader_reads_it(block):
    records = [{"id": n, "text": "x" * n + '"\\\n', "more": [n, {"é": None}]} for n in range(40)]
    for indent in (None, 3):
        data = json.dumps(records, indent=indent, ensure_ascii=False).encode()
        assert [json.loads(as_json(record)) for record in listed(data)] == records


def test_lines_are_read_as_pythons_reader_reads_them(block):
    records = [{"id": n, "text": "x" * n + '"\\\n'} for n in range(40)]
    data = "\r\n\n".join(json.dumps(record) for record in records).encode()
    assert [json.loads(as_json(record)) for record in lines(io.BytesIO(data))] == records


def test_what_is_no_object_is_odd(block):
    assert listed(b'[12, "a", {"b": 1}, [3], true]') == [
        Odd("12", "the element is no JSON object"),
        Odd('"a"', "the element is no JSON object"),
        {"b": "1"},
        Odd("[3]", "the element is no JSON object"),
        Odd("true", "the element is no JSON object"),
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The source in.json is empty"),
        (b" \n ", "The source in.json is empty"),
        (b'{"a": 1}\n{"a": 2}', r"(?s)in.json is no JSON list.*data_source: jsonl"),
        (b'[{"a": 1},\n {"a": "b', r"breaks off in record 2, line 2, character 8"),
        (b'[{"a": 1},\n {"a": 2}', r"breaks off in record 3, line 2, character 10: it ends"),
        (b'[{"a": 1},\n', r"breaks off in record 2, line 2, character 1"),
        (b'[{"a": 1}\n {"a": 2}]', r"is no JSON in record 2, line 2, character 2.*found '{'"),
        (b'[\n\n{"a": x}, {"a": 1}' + b" " * 50 + b"]", r"record 1, line 3, character 7"),
        (b'[{"a": NaN}]', "in.json is no JSON in record 1, line 1, character 2: NaN is no value"),
        (b'[{"a": 1}] []', "is no JSON in record 2, line 1, character 12: something follows"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_where_it_stops_being_json(block, data, words):
    with pytest.raises(SourceError, match=words) as caught:
        listed(data)
    assert "Nothing was written." in str(caught.value)
    assert caught.value.todo


def test_broken_json_is_told_without_reading_all_of_it():
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size: int = -1, /) -> bytes:
            self.asked += 1
            return b'[{"a" 1}, ' if self.asked == 1 else b" " * size

    stream = Endless()
    with pytest.raises(SourceError, match="record 1, line 1, character 7"):
        list(elements(stream, "in.json"))
    assert stream.asked < 5


@pytest.mark.parametrize("read", [lines, lambda stream: elements(stream, "in.json")])
def test_a_record_that_never_ends_is_an_error(monkeypatch, read):
    monkeypatch.setattr(json_files, "MAX_RECORD", 1 << 20)
    with pytest.raises(SourceError, match="larger than 1 MB"):
        list(read(io.BytesIO(b'[{"a": "' + b"x" * (3 << 20))))


def test_a_line_nested_too_deeply_costs_itself():
    deep = b'{"a": ' + b"[" * 100_000
    found: Iterator[Any] = lines(io.BytesIO(deep + b'\n{"a": 1}\n'))
    odd, record = list(found)
    assert isinstance(odd, Odd)
    assert record == {"a": "1"}
