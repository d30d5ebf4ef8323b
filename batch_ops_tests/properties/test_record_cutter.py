"""Records are cut alike whatever the size of the blocks they are read in."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ops.database.load import Position
from batch_ops.errors import SourceError
from batch_ops.sources.cut import Marks, split_fields
from batch_ops.sources.reader import Group, groups, pieces

MARKS = Marks(ord(","), ord('"'))
TEXTS = st.text(alphabet='a,"\n\r', max_size=60).map(str.encode)


def reference(data: bytes) -> tuple[list[tuple[bytes, bool]], bool]:
    """Byte by byte: the records, whether each is irregular; whether the data ends in a quote."""
    records: list[tuple[bytes, bool]] = []
    begin, state, odd = 0, "start", False
    if data and not data.endswith(b"\n"):
        data += b"\n"
    at = 0
    while at < len(data):
        sign = data[at : at + 1]
        if state == "quoted":
            if sign == b'"' and data[at + 1 : at + 2] == b'"':
                at += 1
            elif sign == b'"':
                state = "closed"
        elif sign == b"\n":
            if data[begin : at + 1].strip(b"\r\n") or data[begin : at + 1] not in (b"\n", b"\r\n"):
                records.append((data[begin : at + 1], odd))
            begin, state, odd = at + 1, "start", False
        elif sign == b",":
            state = "start"
        elif sign == b'"':
            odd |= state != "start"
            state = "quoted" if state == "start" else "plain"
        else:
            odd |= state == "closed" and data[at : at + 2] != b"\r\n"
            state = "plain" if state != "closed" or data[at : at + 2] != b"\r\n" else "closed"
        at += 1
    return records, state == "quoted"


def cut_in_blocks(data: bytes, block: int, size: int) -> list[tuple[bytes, bool]]:
    found: list[tuple[bytes, bool]] = []
    stream = pieces(io.BytesIO(data), Position(0, 1), MARKS, block=block)
    offset = 0
    for group in groups(stream, size):
        assert group.start == Position(offset, len(found) + 1)
        for start, end, odd in zip(group.starts, group.ends, group.irregular, strict=True):
            found.append((group.data[start:end], bool(odd)))
        offset = group.end.offset
        assert group.end.row == len(found) + 1
        assert data[group.start.offset : offset] == group.data[: offset - group.start.offset]
    return found


@given(data=TEXTS, block=st.integers(1, 70), size=st.integers(1, 5))
def test_any_block_size_gives_the_records_of_a_state_machine(data, block, size):
    expected, unclosed = reference(data)
    if unclosed:
        with pytest.raises(SourceError, match=f"data row {len(expected) + 1} is never closed"):
            cut_in_blocks(data, block, size)
    else:
        assert cut_in_blocks(data, block, size) == expected


LINES = st.lists(st.sampled_from([b"a\n", b'"b\n"\n', b"\n", b"\r\n"]), max_size=30)


@given(
    data=LINES.map(b"".join),
    block=st.integers(1, 20),
    size=st.integers(1, 7),
    stops=st.sets(st.integers(0, 35)).map(sorted),
)
def test_reading_on_over_stops_gives_the_batches_of_reading_up_to_each(data, block, size, stops):
    ends = {group.end.row: group.end for group in _groups(data, Position(0, 1), 1, 1)}
    inside = [ends[row] for row in stops if row in ends]
    alone: list[Group] = []
    for start, end in itertools.pairwise([Position(0, 1), *inside, None]):
        alone += _groups(data, start, block, size, until=end and end.offset)
    run_on = _groups(data, Position(0, 1), block, size, stops=stops)
    assert [_plain(group) for group in run_on] == [_plain(group) for group in alone]


def _groups(
    data: bytes,
    start: Position,
    block: int,
    size: int,
    *,
    until: int | None = None,
    stops: list[int] | None = None,
) -> list[Group]:
    stream = io.BytesIO(data)
    stream.seek(start.offset)
    found = pieces(stream, start, MARKS, until=until, block=block)
    return list(groups(found, size, stops or []))


def _plain(group: Group) -> tuple:
    return group.start, group.end, group.starts.tolist(), group.ends.tolist(), group.crc


@given(st.lists(st.text(alphabet='a,"\n\r é', max_size=8), min_size=2, max_size=5))
def test_fields_survive_quoting_and_splitting(fields):
    line = ",".join('"' + field.replace('"', '""') + '"' for field in fields).encode()
    assert [field.decode() for field in split_fields(line, MARKS)] == fields
