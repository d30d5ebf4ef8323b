"""The records of one screened batch, as the loaders see them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from batch_ops.results import Reject
from batch_ops.sources.compose import Composed
from batch_ops.sources.cut import Marks, quoted, split_fields
from batch_ops.sources.header import NO_FIELD
from batch_ops.sources.normal import pick
from batch_ops.sources.reader import MAX_RECORD
from batch_ops.sources.screen import FIRST_RULE, GOOD, SUSPECT
from batch_ops.sources.texts import KEPT, NULL_TEXT, from_csv, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from batch_ops.database.load import Layout
    from batch_ops.sources.compose import Composer
    from batch_ops.sources.normal import Normal, Shape
    from batch_ops.sources.reader import Group
    from batch_ops.sources.rules import RowRule
    from batch_ops.sources.screen import Verdict

STRUCTURAL = frozenset({"ragged_row", "irregular_quote", "json"})
"""Codes of records whose fields are not those of their source."""
ODD = "record"
"""The name under which a reject tells what stands where a record should."""
csv.field_size_limit(MAX_RECORD)  # the reader has seen to it that no record is larger
_ABSENT_NULL = "\\N"


@dataclass(frozen=True, slots=True)
class Form:
    """What all batches of a source have in common.

    Attributes:
        layout: how the fields of what is loaded lie.
        shape: what the source's own records must look like.
        names: per field of these the name a person knows it by.
        nulls: the texts in these that mean NULL.
        key: the key columns of the table.
        rules: in the order the screen judges them.
        composer: makes rows of the table from records; None where they are that already.
    """

    layout: Layout
    shape: Shape
    names: tuple[str, ...]
    nulls: tuple[str, ...]
    key: tuple[str, ...]
    rules: tuple[RowRule, ...]
    composer: Composer | None = None

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
        self._plainly = _plainly(form)

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

    def raw(self, ordinals: Sequence[int]) -> Iterator[bytes | memoryview]:
        """The records' own bytes, in the order of the ordinals."""
        places = self._place(ordinals)
        if self._null is None or len(self._form.layout.null_values) == 1:
            yield pick(self._normal.data, self._normal.offsets, places)
            return
        odd = self._verdict.nulls[places] & np.uint64(~(1 << self._null) & (2**64 - 1)) != 0
        if not odd.any():
            yield pick(self._normal.data, self._normal.offsets, places)
            return
        rows = zip(places.tolist(), odd.tolist(), strict=True)
        yield b"".join(
            [self._one_null(p) if o else self._normal.record(p) + b"\n" for p, o in rows]
        )

    def _one_null(self, place: int) -> bytes:
        """A record in which every NULL text is `null_text`."""
        nulls = {text.encode() for text in self._form.layout.null_values}
        marks = self._form.kept_marks
        fields = split_fields(self._normal.record(place), marks)
        null = self.null_text.encode()
        return quoted([null if field in nulls else field for field in fields], marks)

    def columns(
        self, ordinals: Sequence[int], places: Sequence[int]
    ) -> Sequence[Sequence[str | None]]:
        """These records' texts in some of the target fields, field by field."""
        rows = list(self.texts(ordinals))
        return [[row[place] for row in rows] for place in places]

    def values(self, ordinals: Sequence[int]) -> None:
        """They are texts."""

    def numbered(self) -> None:
        """They are texts."""

    def texts(self, ordinals: Sequence[int]) -> Iterable[Sequence[str | None]]:
        """Target fields as texts, None for NULL."""
        places = self._place(ordinals)
        data = bytes(pick(self._normal.data, self._normal.offsets, places)).decode()
        layout = self._form.layout
        rows = from_csv(data, layout.delimiter, layout.quote)
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
        nulls = self._form.nulls
        if (plain := self._plain_fields(ordinal)) is not None:
            fields = [None if text in nulls else text for text in plain]
            damaged = None
        else:
            raw = self._raw_fields(ordinal)
            shown = [_shown(field) for field in raw]
            fields = [None if text in nulls else text for text in shown]
            damaged = None if code in STRUCTURAL else self._damaged(raw, fields)
        told = (*self._form.key, column) if column else self._form.key
        given = self._simply(fields, told) if plain else None
        if given is None:
            given = self._targets(ordinal, fields)
        return Reject(
            code=code,
            message=message,
            outcome=outcome,
            row=self._group.start.row + ordinal,
            key=None if given is None else {n: _told(given.get(n)) for n in self._form.key},
            column=column,
            value=_told(given.get(column)) if column and given is not None else None,
            data=self._named(fields),
            damaged=() if code in STRUCTURAL else damaged,
        )

    def _damaged(
        self, raw: Sequence[bytes], fields: Sequence[str | None]
    ) -> tuple[str, ...] | None:
        """The fields that are not kept as they are."""
        places = [n for n, text in enumerate(fields) if text is not None and _differs(raw[n], text)]
        return tuple(map(self._name, places)) or None

    def _name(self, place: int) -> str:
        """The name of a field; one that is too much is named by its place."""
        names = self._form.names
        return names[place] if place < len(names) else f"field {place + 1}"

    def _simply(
        self, fields: Sequence[str | None], names: Sequence[str]
    ) -> Mapping[str, str | None] | None:
        """These target columns, where each is a field of the record."""
        if len(fields) != len(self._form.names):
            return None
        told: dict[str, str | None] = {}
        for name in names:
            if name not in self._plainly:
                return None
            place, otherwise = self._plainly[name]
            text = fields[place]
            told[name] = otherwise if text is None else text
        return told

    def _targets(
        self, ordinal: int, fields: Sequence[str | None]
    ) -> Mapping[str, str | None] | None:
        """What is known of the target columns; None of a record that is none."""
        form = self._form
        if form.composer is None:
            return self._simply(fields, tuple(self._plainly))
        if isinstance(self._normal, Composed) and ordinal in self._normal.known:
            return dict(self._normal.known[ordinal])
        if ordinal in self._normal.broken:
            whole = len(fields) == len(form.names)
            return form.composer.taken_over(fields) if whole else None
        (texts,) = self.texts([ordinal])
        known = [None if text is None else shortened(text) for text in texts]
        return dict(zip(form.layout.targets, known, strict=True))

    def _plain_fields(self, ordinal: int) -> list[str] | None:
        """The fields of a record that is kept as it is, quickly; None: it needs a closer look."""
        record, marks = self._raw(ordinal), self._form.shape.marks
        if len(record) > KEPT or marks.quote in record or not record.isascii() or 0 in record:
            return None
        text = record.decode()
        return None if NULL_TEXT in text else text.split(chr(marks.delimiter))

    def _raw_fields(self, ordinal: int) -> list[bytes]:
        return split_fields(self._raw(ordinal), self._form.shape.marks)

    def _raw(self, ordinal: int) -> bytes:
        begin, end = int(self._group.starts[ordinal]), int(self._group.ends[ordinal])
        return self._group.data[begin:end].removesuffix(b"\n").removesuffix(b"\r")

    def _named(self, fields: Sequence[str | None]) -> dict[str, str | None]:
        """Fields by name; what is too much is named by its place, what is missing is left out."""
        names = self._form.names
        if len(fields) == len(names):
            named = dict(zip(names, fields, strict=True))
            named.pop(NO_FIELD, None)
            return named
        if self._form.shape.odd and len(fields) == len(names) + 1:
            return {ODD: fields[1]}
        named = dict(zip(map(self._name, range(len(fields))), fields, strict=True))
        named.pop(NO_FIELD, None)
        return named


def _plainly(form: Form) -> dict[str, tuple[int, str | None]]:
    """Of each target column that is a field: the field's place, and what it is for NULL."""
    if form.composer is not None:
        return form.composer.plainly
    columns = enumerate(form.layout.columns)
    return {column: (place, None) for place, column in columns if column is not None}


def _with_nulls(
    rows: Iterable[list[str]], has_null: Sequence[bool], nulls: frozenset[str]
) -> Iterator[Sequence[str | None]]:
    for row, some in zip(rows, has_null, strict=True):
        yield [None if field in nulls else field for field in row] if some else row


def _shown(field: bytes) -> str:
    text = field[: KEPT * 4].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return shortened(text, KEPT)


def _differs(field: bytes, text: str) -> bool:
    """Whether a field cannot be read again from what is kept of it."""
    return NULL_TEXT in text or text.encode() != field


def _told(text: str | None) -> str | None:
    return None if text is None else shortened(text)
