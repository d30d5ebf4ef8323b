"""One screened batch, as the loaders see it."""

from __future__ import annotations

import csv
import io
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batch_ops.database.load import InputBatch, Layout
from batch_ops.errors import SourceError
from batch_ops.results import Reject
from batch_ops.sources.cut import Marks, split_fields
from batch_ops.sources.normal import Normal, Shape, normalise, pick, quoted
from batch_ops.sources.reader import MAX_RECORD
from batch_ops.sources.screen import FIRST_RULE, GOOD, SUSPECT, Screen, Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from batch_ops.sources.reader import Group
    from batch_ops.sources.rules import RowRule

SHOWN = 4_000
"""Characters of a refused field that are kept; a field may have millions."""
ROWS_AT_ONCE, BYTES_AT_ONCE = 25_000, 4 << 20
"""From so much on, batches are not gathered any more to be judged together."""
csv.field_size_limit(MAX_RECORD)  # the reader has seen to it that no record is larger
_ABSENT_NULL = "\\N"


@dataclass(frozen=True, slots=True)
class Form:
    """What all batches of a source have in common.

    Attributes:
        names: per field the name a person knows it by.
        key: the key columns of the table.
        rules: in the order the screen judges them.
    """

    layout: Layout
    shape: Shape
    names: tuple[str, ...]
    key: tuple[str, ...]
    rules: tuple[RowRule, ...]

    @property
    def kept_marks(self) -> Marks:
        """The signs of records that hold target fields only."""
        marks = self.shape.marks
        return Marks(marks.delimiter, marks.quote, single=len(self.layout.targets) == 1)


class CsvRecords:
    """Records that lie as CSV bytes in memory."""

    def __init__(self, group: Group, normal: Normal, verdict: Verdict, form: Form) -> None:
        self._group = group
        self._normal = normal
        self._verdict = verdict
        self._form = form
        self._places = {} if self._whole else {int(o): p for p, o in enumerate(normal.ordinals)}
        self.good: Sequence[int] = self._in_state(GOOD)
        self.suspects: Sequence[int] = self._in_state(SUSPECT)
        self.duplicates: Collection[int] = frozenset(normal.ordinals[verdict.duplicates].tolist())
        self._null = self._choose_null()

    @property
    def _whole(self) -> bool:
        """Whether no record was broken: then places are ordinals."""
        return self._normal.ordinals.size == self._group.ends.size

    def _in_state(self, state: int) -> Sequence[int]:
        found = self._normal.ordinals[self._verdict.state == state]
        return range(found.size) if found.size == self._group.ends.size else found.tolist()

    def _place(self, ordinals: Sequence[int]) -> NDArray[np.int64]:
        if self._whole:
            return np.asarray(ordinals, dtype=np.int64)
        return np.array([self._places[ordinal] for ordinal in ordinals], dtype=np.int64)

    def _choose_null(self) -> int | None:
        """The NULL text that most records have."""
        texts = self._form.layout.null_values
        if not texts:
            return None
        counts = [int((self._verdict.nulls >> n & 1).sum()) for n in range(len(texts))]
        return counts.index(max(counts))

    @property
    def key_hashes(self) -> Sequence[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
        """Per unique group: the ordinals with such a key, and its hash."""
        judged = self._verdict.state < FIRST_RULE
        found = []
        for hashes in self._verdict.keys:
            there = judged & ~np.ma.getmaskarray(hashes)
            found.append((self._normal.ordinals[there], np.ma.getdata(hashes)[there]))
        return found

    @property
    def null_text(self) -> str:
        """The one text that means NULL in `raw`."""
        if self._null is not None:
            return self._form.layout.null_values[self._null]
        absent = _ABSENT_NULL
        while absent.encode() in self._normal.data:
            absent += "N"
        return absent

    def raw(self, ordinals: Sequence[int]) -> bytes | memoryview:
        """The records' own bytes, in the order of the ordinals."""
        places = self._place(ordinals)
        if self._null is None or len(self._form.layout.null_values) == 1:
            return pick(self._normal.data, self._normal.offsets, places)
        odd = self._verdict.nulls[places] & np.uint64(~(1 << self._null) & (2**64 - 1)) != 0
        if not odd.any():
            return pick(self._normal.data, self._normal.offsets, places)
        rows = zip(places.tolist(), odd.tolist(), strict=True)
        return b"".join(
            [self._one_null(p) if o else self._normal.record(p) + b"\n" for p, o in rows]
        )

    def _one_null(self, place: int) -> bytes:
        """A record in which every NULL text is `null_text`."""
        nulls = {text.encode() for text in self._form.layout.null_values}
        marks = self._form.kept_marks
        fields = split_fields(self._normal.record(place), marks)
        null = self.null_text.encode()
        return quoted([null if field in nulls else field for field in fields], marks)

    def texts(self, ordinals: Sequence[int]) -> Iterable[Sequence[str | None]]:
        """Target fields as texts, None for NULL."""
        places = self._place(ordinals)
        data = bytes(pick(self._normal.data, self._normal.offsets, places)).decode()
        layout = self._form.layout
        rows = _rows(data, layout)
        has_null = self._verdict.nulls[places] != 0
        if not has_null.any():
            return rows
        return _with_nulls(rows, has_null.tolist(), frozenset(layout.null_values))

    def reject(
        self,
        ordinal: int,
        code: str,
        message: str,
        *,
        column: str | None = None,
        outcome: str = "failed",
    ) -> Reject:
        """The record as a reject."""
        fields = self._fields(ordinal)
        by_column = dict(zip(self._form.layout.columns, fields, strict=False))
        whole = len(fields) == len(self._form.names)
        return Reject(
            code=code,
            message=message,
            outcome=outcome,
            row=self._group.start.row + ordinal,
            key={name: by_column.get(name) for name in self._form.key} if whole else None,
            column=column,
            value=by_column.get(column) if column and whole else None,
            data=_named(self._form.names, fields),
        )

    def _fields(self, ordinal: int) -> list[str | None]:
        begin, end = int(self._group.starts[ordinal]), int(self._group.ends[ordinal])
        record = self._group.data[begin:end].removesuffix(b"\n").removesuffix(b"\r")
        nulls = self._form.layout.null_values
        found = [_shown(field) for field in split_fields(record, self._form.shape.marks)]
        return [None if text in nulls else text for text in found]


def _rows(data: str, layout: Layout) -> Iterator[list[str]]:
    """The fields of each record."""
    if not data:
        return iter(())
    if layout.quote not in data:
        return map(operator.methodcaller("split", layout.delimiter), data[:-1].split("\n"))
    return csv.reader(_lines(data), delimiter=layout.delimiter, quotechar=layout.quote, strict=True)


def _lines(data: str) -> Iterator[str]:
    """The lines as csv.reader wants them: ended by newlines, not by anything else."""
    return iter(io.StringIO(data, newline="\n"))


def _with_nulls(
    rows: Iterable[list[str]], has_null: Sequence[bool], nulls: frozenset[str]
) -> Iterator[Sequence[str | None]]:
    for row, some in zip(rows, has_null, strict=True):
        yield [None if field in nulls else field for field in row] if some else row


def _shown(field: bytes) -> str:
    text = field[: SHOWN * 4].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _named(names: Sequence[str], fields: Sequence[str | None]) -> dict[str, str | None]:
    """Fields by name; what is too much is named by its place, what is missing is left out."""
    known = list(names[: len(fields)]) + [f"field {n + 1}" for n in range(len(names), len(fields))]
    return dict(zip(known, fields, strict=True))


def screened(found: Iterable[Group], form: Form, screen: Screen) -> Iterator[InputBatch]:
    """Groups of records, judged; a batch for each."""
    for some in _together(found):
        normals = [normalise(group, form.shape) for group in some]
        verdicts = screen.judge(normals)
        for group, normal, verdict in zip(some, normals, verdicts, strict=True):
            yield _batch(group, CsvRecords(group, normal, verdict, form), normal, verdict, form)


def _together(found: Iterable[Group]) -> Iterator[list[Group]]:
    """Groups that are judged at once: what a question costs, it costs whatever its size.

    The first one is judged alone, for somebody waits for it.
    """
    some: list[Group] = []
    try:
        for number, group in enumerate(found):
            some.append(group)
            if number == 0 or _enough(some):
                yield some
                some = []
    except SourceError:  # what stands before it is good
        if some:
            yield some
        raise
    if some:
        yield some


def _enough(some: Sequence[Group]) -> bool:
    rows = sum(group.ends.size for group in some)
    return rows >= ROWS_AT_ONCE or sum(len(group.data) for group in some) >= BYTES_AT_ONCE


def _batch(
    group: Group, records: CsvRecords, normal: Normal, verdict: Verdict, form: Form
) -> InputBatch:
    return InputBatch(
        start=group.start,
        end=group.end,
        total=int(group.ends.size),
        records=records,
        rejects=tuple(_refused(records, normal, verdict, form)),
        crc=group.crc,
    )


def _refused(records: CsvRecords, normal: Normal, verdict: Verdict, form: Form) -> Iterator[Reject]:
    """What the screen refuses, in file order."""
    broken = normal.broken
    by_rule = np.flatnonzero(verdict.state >= FIRST_RULE)
    rules = dict(
        zip(normal.ordinals[by_rule].tolist(), verdict.state[by_rule].tolist(), strict=True)
    )
    for ordinal in sorted([*broken, *rules]):
        if ordinal in broken:
            code, message = broken[ordinal]
            yield records.reject(ordinal, code, message, outcome="invalid")
        else:
            rule = form.rules[rules[ordinal] - FIRST_RULE]
            yield records.reject(
                ordinal, "rule", rule.message, column=rule.stage.column, outcome="invalid"
            )
