"""From a group's own bytes to what COPY and the screen take alike.

Records that are broken as CSV are found here, and the rest is brought into one form: newline
endings, target fields only. Where a file is in that form already, nothing is copied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from batch_ops.sources.cut import CR, LF, Marks, requoted, split_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from batch_ops.sources.reader import Group


@dataclass(frozen=True, slots=True)
class Shape:
    """What records must look like.

    Attributes:
        marks: their signs.
        fields: how many there are.
        kept: those to keep.
        odd: whether a record of one field more is none: its first two fields are why, and what
            stands there instead.
    """

    marks: Marks
    fields: int
    kept: tuple[int, ...]
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a record is refused before it is judged."""

    code: str
    message: str
    column: str | None = None
    outcome: str = "invalid"


@dataclass(slots=True)
class Normal:
    """Records in the common form.

    Attributes:
        data: the records' bytes, each ended by one newline.
        offsets: where each begins; one more for the end.
        ordinals: of each, its ordinal in the group.
        broken: ordinals that are broken, with the reason.
    """

    data: bytes
    offsets: NDArray[np.int64]
    ordinals: NDArray[np.int64]
    broken: dict[int, Broken] = field(default_factory=dict)

    def cut_out(self, rows: Iterable[int]) -> None:
        """Take records (by place) out."""
        keep = np.ones(self.ordinals.size, dtype=np.bool_)
        keep[list(rows)] = False
        self.data = bytes(pick(self.data, self.offsets, np.flatnonzero(keep)))
        lengths = np.diff(self.offsets)[keep]
        self.offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self.ordinals = self.ordinals[keep]

    def refuse(self, rows: Iterable[int], code: str, message: str) -> None:
        """Take records (by place) out as broken."""
        places = list(rows)
        if places:
            self.broken |= {int(self.ordinals[row]): Broken(code, message) for row in places}
            self.cut_out(places)

    def record(self, row: int) -> bytes:
        """One record without its newline."""
        return self.data[self.offsets[row] : self.offsets[row + 1] - 1]

    def replace(self, texts: dict[int, bytes]) -> None:
        """Write records (by place) anew; the new bytes end with a newline."""
        parts: list[bytes] = []
        begin = 0
        lengths = np.diff(self.offsets)
        for row in sorted(texts):
            parts += (self.data[self.offsets[begin] : self.offsets[row]], texts[row])
            lengths[row] = len(texts[row])
            begin = row + 1
        parts.append(self.data[self.offsets[begin] :])
        self.data = b"".join(parts)
        self.offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def pick(data: bytes, offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> bytes | memoryview:
    """The bytes of these records; runs of neighbours are taken in one slice."""
    if rows.size == offsets.size - 1:
        return data
    if not rows.size:
        return b""
    breaks = np.flatnonzero(np.diff(rows) != 1)
    firsts = rows[np.concatenate([[0], breaks + 1])]
    lasts = rows[np.concatenate([breaks, [rows.size - 1]])]
    view = memoryview(data)
    begins, ends = offsets[firsts].tolist(), offsets[lasts + 1].tolist()
    return b"".join([view[begin:end] for begin, end in zip(begins, ends, strict=True)])


def normalise(group: Group, shape: Shape) -> Normal:
    """Bring a group into the common form; what cannot be is in `broken`."""
    normal = _contiguous(group)
    normal.refuse(
        np.flatnonzero(group.irregular[normal.ordinals]).tolist(),
        "irregular_quote",
        "a quote stands inside an unquoted field, or text stands after a closing quote",
    )
    _refuse_nul(normal)
    _refuse_encoding(normal)
    _strip_carriage_returns(normal)
    separators, counts = _separators(normal, shape.marks)
    ragged = np.flatnonzero(counts != shape.fields - 1)
    if ragged.size:
        _refuse_ragged(normal, counts, shape)
        normal.cut_out(ragged.tolist())
        separators, _ = _separators(normal, shape.marks)
    if shape.kept != tuple(range(shape.fields)):
        _project(normal, separators, shape)
    _quote_what_confuses(normal, shape)
    return normal


def _refuse_ragged(normal: Normal, counts: NDArray[np.int64], shape: Shape) -> None:
    for found in np.unique(counts[counts != shape.fields - 1]) + 1:
        message = f"{shape.fields} fields are expected, {found} were found"
        for row in np.flatnonzero(counts == found - 1).tolist():
            broken = Broken("ragged_row", message)
            if shape.odd and found == shape.fields + 1:
                broken = Broken("json", split_fields(normal.record(row), shape.marks)[0].decode())
            normal.broken[int(normal.ordinals[row])] = broken


def _contiguous(group: Group) -> Normal:
    """The records without the blank lines between them."""
    ordinals = np.arange(group.ends.size, dtype=np.int64)
    begins = np.concatenate([[0], group.ends[:-1]]).astype(np.int64)
    if np.array_equal(begins, group.starts):
        offsets = np.concatenate([[0], group.ends]).astype(np.int64)
        return Normal(group.data, offsets, ordinals)
    pairs = zip(group.starts.tolist(), group.ends.tolist(), strict=True)
    data = b"".join([group.data[begin:end] for begin, end in pairs])
    offsets = np.concatenate([[0], np.cumsum(group.ends - group.starts)]).astype(np.int64)
    return Normal(data, offsets, ordinals)


def _rows_at(normal: Normal, positions: NDArray[np.int64]) -> list[int]:
    """The records that hold these bytes."""
    found: list[int] = np.unique(np.searchsorted(normal.offsets, positions, "right") - 1).tolist()
    return found


def _refuse_nul(normal: Normal) -> None:
    if b"\0" not in normal.data:
        return
    signs = np.frombuffer(normal.data, dtype=np.uint8)
    rows = _rows_at(normal, np.flatnonzero(signs == 0))
    normal.refuse(rows, "nul_byte", "a NUL byte stands in the record")


def _refuse_encoding(normal: Normal) -> None:
    if normal.data.isascii() or _is_utf8(normal.data):
        return
    rows = [row for row in range(normal.ordinals.size) if not _is_utf8(normal.record(row))]
    normal.refuse(rows, "encoding", "the record holds bytes that are not in the file's encoding")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _strip_carriage_returns(normal: Normal) -> None:
    if b"\r" not in normal.data:
        return
    signs = np.frombuffer(normal.data, dtype=np.uint8)
    before = np.maximum(normal.offsets[1:] - 2, normal.offsets[:-1])
    ended = signs[before] == CR
    keep = np.ones(signs.size, dtype=np.bool_)
    keep[before[ended]] = False
    normal.data = signs[keep].tobytes()
    shrunk = np.concatenate([[0], np.cumsum(ended)])
    normal.offsets = normal.offsets - shrunk


def _separators(normal: Normal, marks: Marks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where delimiters stand outside of quotes, and how many each record has."""
    signs = np.frombuffer(normal.data, dtype=np.uint8)
    found = np.flatnonzero(signs == marks.delimiter)
    if marks.quote in normal.data:
        quotes = np.flatnonzero(signs == marks.quote)
        found = found[(np.searchsorted(quotes, found) & 1) == 0]
    counts = np.diff(np.searchsorted(found, normal.offsets))
    return found, counts


def _project(normal: Normal, separators: NDArray[np.int64], shape: Shape) -> None:
    """Leave out the fields that are not kept. Every record has the right number of fields."""
    rows, last = normal.ordinals.size, shape.fields - 1
    if not rows:
        return
    grid = separators.reshape(rows, last)
    stops = np.column_stack([grid, normal.offsets[1:] - 1])  # the sign that ends each field
    begins = np.column_stack([normal.offsets[:-1], grid + 1])
    signs = np.frombuffer(normal.data, dtype=np.uint8).copy()
    signs[stops[:, shape.kept[-1]]] = LF
    steps = np.zeros(signs.size + 1, dtype=np.int8)
    lengths = np.zeros(rows, dtype=np.int64)
    for place in shape.kept:
        steps[begins[:, place]] += 1
        np.subtract.at(steps, stops[:, place] + 1, 1)
        lengths += stops[:, place] + 1 - begins[:, place]
    normal.data = signs[np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)].tobytes()
    normal.offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _quote_what_confuses(normal: Normal, shape: Shape) -> None:
    r"""Quote what COPY or the screen would read as something else: a lone carriage return, a
    record that is only `\\.`, and the blank record of a single field.
    """
    rows: set[int] = set()
    if b"\r" in normal.data:
        signs = np.frombuffer(normal.data, dtype=np.uint8)
        rows.update(_rows_at(normal, np.flatnonzero(signs == CR)))
    if len(shape.kept) == 1:
        short = np.flatnonzero(np.diff(normal.offsets) <= 3).tolist()
        rows.update(row for row in short if normal.record(row) in (b"", b"\\."))
    if rows:
        normal.replace({row: requoted(normal.record(row), shape.marks) for row in rows})
