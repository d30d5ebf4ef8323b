"""Cutting a stream into records: at newlines that are outside of quotes.

A quote opens a field only at the field's begin, and is closed by the next lone quote; two in a row
are one. Where every quote is regular, a newline ends a record exactly when an even number of
quotes stands before it; from the first irregular one on, records are cut one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LF, CR = 10, 13


@dataclass(frozen=True)
class Marks:
    """The signs of a CSV file.

    Attributes:
        delimiter, quote: one byte each, as numbers.
        single: whether a record has one field only; then a blank line is a record.
    """

    delimiter: int
    quote: int
    single: bool = False

    @cached_property
    def quoted(self) -> re.Pattern[bytes]:
        """A quoted field from its opening to its closing quote."""
        sign = re.escape(bytes([self.quote]))
        return re.compile(sign + b"(?:[^" + sign + b"]++|" + sign * 2 + b")*+" + sign)

    @cached_property
    def plain(self) -> re.Pattern[bytes]:
        """Everything up to the next delimiter or newline."""
        return re.compile(b"[^" + re.escape(bytes([self.delimiter])) + b"\n]*+")


@dataclass(frozen=True, slots=True)
class Cut:
    """The complete records of a buffer.

    Attributes:
        starts, ends: of each record, its newline included; between two of them lie blank lines.
        irregular: of each record, whether a quote stands where none may stand.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    irregular: NDArray[np.bool_]


def cut(buffer: bytes, marks: Marks) -> Cut:
    """Cut a buffer that begins at a record's begin; an incomplete record at its end is left."""
    signs = np.frombuffer(buffer, dtype=np.uint8)
    ends, broken = _regular_ends(signs, buffer, marks)
    begin = int(ends[-1]) if ends.size else 0
    irregular = np.zeros(ends.size, dtype=np.bool_)
    if broken is not None:
        more, odd = _one_by_one(buffer, begin, marks)
        ends = np.concatenate([ends, np.array(more, dtype=np.int64)])
        irregular = np.concatenate([irregular, np.array(odd, dtype=np.bool_)])
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1]])[: ends.size]
    return _without_blank(Cut(starts, ends, irregular), signs, marks)


def _regular_ends(
    signs: NDArray[np.uint8], buffer: bytes, marks: Marks
) -> tuple[NDArray[np.int64], int | None]:
    """Where records end, up to the first irregular quote; and where that one is."""
    newlines = np.flatnonzero(signs == LF).astype(np.int64)
    if marks.quote not in buffer:
        return newlines + 1, None
    quotes = np.flatnonzero(signs == marks.quote)
    broken = first_irregular(signs, quotes, marks)
    if broken is not None:
        newlines = newlines[: np.searchsorted(newlines, broken)]
    outside = (np.searchsorted(quotes, newlines) & 1) == 0
    return newlines[outside] + 1, broken


def first_irregular(
    signs: NDArray[np.uint8], quotes: NDArray[np.int64], marks: Marks
) -> int | None:
    """The first quote that neither opens nor closes a field nor is one of two in a row."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = signs[np.maximum(opening - 1, 0)]
    opens = (opening == 0) | (before == marks.delimiter) | (before == LF) | (before == marks.quote)
    last = signs.size - 1
    after = signs[np.minimum(closing + 1, last)]
    beyond = signs[np.minimum(closing + 2, last)]
    closes = (closing >= last) | (after == marks.delimiter) | (after == LF) | (after == marks.quote)
    closes |= (after == CR) & ((closing + 2 > last) | (beyond == LF))
    wrong = np.concatenate([opening[~opens], closing[~closes]])
    return int(wrong.min()) if wrong.size else None


def _one_by_one(buffer: bytes, begin: int, marks: Marks) -> tuple[list[int], list[bool]]:
    ends: list[int] = []
    odd: list[bool] = []
    while (found := next_record(buffer, begin, marks)) is not None:
        begin, irregular = found
        ends.append(begin)
        odd.append(irregular)
    return ends, odd


def next_record(buffer: bytes, begin: int, marks: Marks) -> tuple[int, bool] | None:
    """The end of the record that begins there, and whether it is irregular; None: incomplete."""
    at, irregular, size = begin, False, len(buffer)
    while at < size:
        if buffer[at] == marks.quote:
            field = marks.quoted.match(buffer, at)
            if field is None:
                return None
            at = field.end()
            irregular |= not _ends_field(buffer, at, marks)
        tail = _plain_end(buffer, at, marks)
        irregular |= buffer.find(marks.quote, at, tail) >= 0
        at = tail + 1
        if at <= size and buffer[at - 1] == LF:
            return at, irregular
    return None


def _plain_end(buffer: bytes, at: int, marks: Marks) -> int:
    """The next delimiter or newline, or the buffer's end."""
    found = marks.plain.match(buffer, at)
    return found.end() if found else at


def _ends_field(buffer: bytes, at: int, marks: Marks) -> bool:
    following = buffer[at : at + 2]
    return not following or following[0] in (marks.delimiter, LF) or following in (b"\r\n", b"\r")


def _without_blank(found: Cut, signs: NDArray[np.uint8], marks: Marks) -> Cut:
    if marks.single or not found.ends.size:
        return found
    length = found.ends - found.starts
    blank = (length == 1) | ((length == 2) & (signs[found.starts] == CR))
    if not blank.any():
        return found
    keep = ~blank
    return Cut(found.starts[keep], found.ends[keep], found.irregular[keep])


def split_fields(record: bytes, marks: Marks) -> list[bytes]:
    """The fields of one record (without its newline), unquoted; irregular ones as they stand."""
    fields: list[bytes] = []
    at = 0
    sign = bytes([marks.quote])
    while True:
        value = b""
        if at < len(record) and record[at] == marks.quote:
            field = marks.quoted.match(record, at)
            if field is not None:
                value = field.group()[1:-1].replace(sign * 2, sign)
                at = field.end()
        tail = _tail(record, at, marks)
        fields.append(value + record[at:tail])
        at = tail + 1
        if tail >= len(record):
            return fields


def _tail(record: bytes, at: int, marks: Marks) -> int:
    found = record.find(marks.delimiter, at)
    return len(record) if found < 0 else found


def requoted(record: bytes, marks: Marks) -> bytes:
    """A record with every field quoted, and a newline."""
    return quoted(split_fields(record, marks), marks)


def quoted(fields: Sequence[bytes], marks: Marks) -> bytes:
    """A record of these fields, every one quoted, and a newline."""
    sign = bytes([marks.quote])
    parts = [sign + value.replace(sign, sign * 2) + sign for value in fields]
    return bytes([marks.delimiter]).join(parts) + b"\n"
