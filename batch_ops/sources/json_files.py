"""Reading JSON files record by record: one object a line, or one list of objects."""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.errors import SourceError
from batch_ops.sources.json_values import DECODER
from batch_ops.sources.reader import MAX_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.sources.files import Bytes

BLOCK = 1 << 18
_BOM = "\ufeff"
_BLANK = re.compile(r"[ \t\n\r]*+")
_NEAR_THE_END = 12
"""Characters before the end of what is read so far in which an error may mean: read on."""


@dataclass(frozen=True, slots=True)
class Odd:
    """What stands where a record should, and why it is none."""

    raw: str
    message: str


Item = dict[str, Any] | Odd


def lines(stream: Bytes) -> Iterator[Item]:
    """One object a line; blank lines are passed over.

    Raises:
        SourceError: a line is too large.
    """
    for line in _lines(stream):
        if line.strip():
            yield _of_line(line)


def _of_line(line: str) -> Item:
    try:
        value = DECODER.decode(line)
    except json.JSONDecodeError as error:
        why = f"{_lower(error.msg)} at character {error.colno}"
        return Odd(line, f"the line is no JSON: {why}")
    except (ValueError, RecursionError) as error:
        return Odd(line, f"the line is no JSON: {error}")
    return value if isinstance(value, dict) else Odd(line, "the line is no JSON object")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _lines(stream: Bytes) -> Iterator[str]:
    rest, wanted, number = b"", BLOCK, 0
    while block := stream.read(wanted):
        head, found, tail = (rest + block).rpartition(b"\n")
        rest = tail
        if found:
            yield from _texts(head, first=not number)
            number += head.count(b"\n") + 1
        wanted = max(BLOCK, len(rest))
        if len(rest) > MAX_RECORD:
            what = f"Line {number + 1} is larger than {MAX_RECORD >> 20} MB."
            raise SourceError(what, todo="Is it one object a line? A list is data_source: json.")
    if rest:
        yield from _texts(rest, first=not number)


def _texts(data: bytes, *, first: bool) -> list[str]:
    """Bytes that are no UTF-8 stay recognizable: the record is refused where it is read."""
    text = data.decode("utf-8", "surrogateescape")
    return (text.removeprefix(_BOM) if first else text).split("\n")


def elements(stream: Bytes, name: str) -> Iterator[Item]:
    """The elements of the one list that the file is.

    Raises:
        SourceError: it is no list, breaks off, or is no JSON at some place.
    """
    text = _Text(stream, name)
    if text.sign() != "[":
        raise text.no_list()
    text.pass_over()
    if text.sign() == "]":
        text.pass_over()
        return text.judge_end()
    while True:
        yield text.element()
        sign = text.sign()
        if sign not in (",", "]"):
            raise text.broken(f"expecting ',' or ']', found {sign!r}" if sign else "it ends")
        text.pass_over()
        if sign == "]":
            return text.judge_end()


class _Text:
    """The text of a file, a part of it at a time."""

    def __init__(self, stream: Bytes, name: str) -> None:
        self._stream, self._name = stream, name
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text, self._at, self._ended = "", 0, False
        self._line, self._column = 1, 0
        self._record = 1

    def sign(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def pass_over(self) -> None:
        """Pass over that character."""
        self._at += 1

    def element(self) -> Item:
        """The value that begins there."""
        self.sign()
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not (self._may_go_on(error) and self._read_on()):
                    raise self.broken(_lower(error.msg), error.pos) from error
                continue
            except (ValueError, RecursionError) as error:
                raise self.broken(str(error)) from error
            if end == len(self._text) and not isinstance(value, dict) and self._read_on():
                continue  # a number may go on
            raw, self._at = self._text[self._at : end], end
            self._record += 1
            return value if isinstance(value, dict) else Odd(raw, "the element is no JSON object")

    def _may_go_on(self, error: json.JSONDecodeError) -> bool:
        """Whether more text may mend what was found wrong."""
        near = error.pos >= len(self._text) - _NEAR_THE_END
        return near or error.msg.startswith("Unterminated string")

    def _read_on(self) -> bool:
        """Read on, keeping what is not passed over; whether there was more."""
        if self._ended:
            return False
        self._forget()
        if len(self._text) > MAX_RECORD:
            raise self.broken(f"a value is larger than {MAX_RECORD >> 20} MB")
        block = self._stream.read(max(BLOCK, len(self._text)))
        self._ended = not block
        self._text += self._decoder.decode(block, final=not block)
        return True

    def _forget(self) -> None:
        self._line, self._column = self._place(self._at)
        self._text, self._at = self._text[self._at :], 0

    def _place(self, at: int) -> tuple[int, int]:
        """The line (from 1) and the characters before that place in it."""
        newlines = self._text.count("\n", 0, at)
        if not newlines:
            return self._line, self._column + at
        return self._line + newlines, at - self._text.rfind("\n", 0, at) - 1

    def judge_end(self) -> None:
        """Only blanks may follow."""
        if self.sign():
            raise self.broken("something follows the list")

    def no_list(self) -> SourceError:
        """What the file is instead of a list."""
        sign = self.sign()
        if not sign:
            todo = "A JSON file is a list of objects; without records it is []."
            return SourceError(f"The source {self._name} is empty.", todo=todo)
        todo = "One object a line is data_source: jsonl; a JSON file is a list of objects."
        return SourceError(f"The source {self._name} is no JSON list.", todo=todo)

    def broken(self, why: str, at: int | None = None) -> SourceError:
        """Where it is no JSON."""
        line, before = self._place(self._at if at is None else at)
        cut_off = self._ended and (at or self._at) >= len(self._text) - 1
        verb = "breaks off" if cut_off or why.startswith("unterminated") else "is no JSON"
        place = f"record {self._record}, line {line}, character {before + 1}"
        todo = "Fetch it again, or mend it there."
        return SourceError(f"The source {self._name} {verb} in {place}: {why}.", todo=todo)
