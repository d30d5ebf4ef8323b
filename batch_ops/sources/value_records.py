"""Records that lie in memory as columns of values, in the form the loaders take."""

from __future__ import annotations

import csv
import io
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson

from batch_ops.database.load import Numbered
from batch_ops.database.values import as_text
from batch_ops.results import Reject

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

NULL = "\\N"
AT_ONCE = 1_000
FEW = 4
"""Of so many records less than one is wanted: then each is picked by itself."""
_SIGNS = ('"', "\r", "\\.")
_ODD = {type(None), bytes, str}
"""Beside values of other types they are not simply written."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""Python's hash of an integer is itself: its bits are to be spread."""


class ValueRecords:
    """Values that were adapted to their columns, in columns; each record is surely valid unless it
    repeats a unique key of an earlier one.

    Args:
        names: the columns.
        data: per column its values, as `Adapter` gives them.
        unique: the unique groups of the table; those are looked at that are given whole.
        hashing: whether the keys of this batch may be met again in another one.
    """

    def __init__(
        self,
        names: Sequence[str],
        data: Sequence[Sequence[Any]],
        unique: Sequence[Sequence[str]] = (),
        *,
        hashing: bool = False,
    ) -> None:
        self._data = data
        self.total = len(data[0]) if data else 0
        self._places = places = {name: place for place, name in enumerate(names)}
        self._groups = [[places[n] for n in g] for g in unique if all(n in places for n in g)]
        self._hashing = hashing
        self.duplicates: Collection[int] = self._repeated()
        self._null: str | None = None
        self._written: Sequence[Sequence[str]] | None = None

    @property
    def good(self) -> Sequence[int]:
        """The ordinals of records that repeat no key, in order."""
        if not self.duplicates:
            return range(self.total)
        return [n for n in range(self.total) if n not in self.duplicates]

    @property
    def suspects(self) -> Sequence[int]:
        """The ordinals of the others, in order."""
        return sorted(self.duplicates)

    @property
    def key_hashes(self) -> Sequence[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
        """Per unique group: the ordinals with such a key, and its hash."""
        return [self._hashes(group) for group in self._groups] if self._hashing else []

    @property
    def null_text(self) -> str:
        """The one text that means NULL in `raw`; no value is written like it."""
        if self._null is None:
            null = NULL
            texts = [column for column in self._data if _holds_texts(column)]
            while any(null in column for column in texts):
                null += "N"
            self._null = null
        return self._null

    def raw(self, ordinals: Sequence[int]) -> Iterator[bytes]:
        """These records as CSV, some at a time: the server takes those while the next are made."""
        rows = iter(self._chosen(self._texts(), ordinals))
        while some := list(itertools.islice(rows, AT_ONCE)):
            yield _lines(some, len(self._data)).encode()

    def _texts(self) -> Sequence[Sequence[str]]:
        """The columns as they are written, NULL as `null_text`."""
        if self._written is None:
            self._written = [_as_texts(column, self.null_text) for column in self._data]
        return self._written

    def texts(self, ordinals: Sequence[int]) -> Iterable[Sequence[str | None]]:
        """These records' values as texts."""
        return [[as_text(column[n]) for column in self._data] for n in ordinals]

    def columns(
        self, ordinals: Sequence[int], places: Sequence[int]
    ) -> Sequence[Sequence[str | None]]:
        """These records' texts in some of the columns, column by column."""
        whole = len(ordinals) == self.total
        chosen = [self._data[place] for place in places]
        if whole:
            return [list(map(as_text, column)) for column in chosen]
        return [[as_text(column[n]) for n in ordinals] for column in chosen]

    def values(self, ordinals: Sequence[int]) -> Iterable[Sequence[Any]]:
        """These records' values as the driver takes them."""
        return self._chosen(self._data, ordinals)

    def numbered(self) -> Numbered | None:
        """All records, where they are numbered and differ in one column of whole numbers alone."""
        if not self.total:
            return None
        counting = range(1, self.total + 1)
        numbers = [n for n, column in enumerate(self._data) if column == counting]
        others = [n for n in range(len(self._data)) if n not in numbers]
        varying = [n for n in others if not _is_constant(self._data[n])]
        if len(numbers) != 1 or len(varying) != 1:
            return None
        values = self._data[varying[0]]
        if set(map(type, values)) != {int}:
            return None
        constants = [self._data[n][0] for n in others if n not in varying]
        return Numbered(numbers[0], varying[0], values, constants)

    def reject(
        self,
        ordinal: int,
        code: str,
        message: str,
        *,
        column: str | None = None,
        outcome: str = "failed",
    ) -> Reject:
        """The record as a reject; its row is its place, from 1."""
        place = None if column is None else self._places.get(column)
        value = None if place is None else self._data[place][ordinal]
        if type(value) is not str:
            value = as_text(value)
        return Reject(code, message, outcome, row=ordinal + 1, column=column, value=value)

    def _chosen(
        self, columns: Sequence[Sequence[Any]], ordinals: Sequence[int]
    ) -> Iterable[Sequence[Any]]:
        if len(ordinals) < self.total // FEW:
            return ([column[n] for column in columns] for n in ordinals)
        rows = zip(*columns, strict=True)
        if len(ordinals) == self.total:
            return rows
        some = list(rows)
        return (some[n] for n in ordinals)

    def _repeated(self) -> set[int]:
        found: set[int] = set()
        for group in self._groups:
            keys = self._keys(group)
            if len(set(keys)) == self.total:
                continue
            met: set[Any] = set()
            for ordinal, key in enumerate(keys):
                if key is None or (isinstance(key, tuple) and None in key):
                    continue
                if key in met:
                    found.add(ordinal)
                met.add(key)
        return found

    def _keys(self, group: Sequence[int]) -> Sequence[Any]:
        if len(group) == 1:
            return self._data[group[0]]
        return list(zip(*(self._data[place] for place in group), strict=True))

    def _hashes(self, group: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        return np.arange(self.total, dtype=np.int64), hashes_of(self._keys(group))


def hashes_of(keys: Sequence[Any]) -> NDArray[np.uint64]:
    """A hash of 64 bits of each key; equal keys have equal ones, within this process."""
    found = np.fromiter(map(hash, keys), np.int64, len(keys)).view(np.uint64)
    mixed = found * _MIX
    return mixed ^ (mixed >> np.uint64(32))


def _is_constant(column: Sequence[Any]) -> bool:
    """Whether all values are one; of numbers nobody asks, since they may differ and be equal."""
    first = column[0]
    return isinstance(first, str | bytes | type(None)) and column.count(first) == len(column)


def _holds_texts(column: Sequence[Any]) -> bool:
    """Whether a column may hold any text: as they were adapted, its values are of one kind."""
    return isinstance(next((value for value in column if value is not None), None), str)


def _as_texts(column: Sequence[Any], null: str) -> Sequence[str]:
    """A column's values as a database reads them."""
    kinds = set(map(type, column))
    if kinds == {str}:
        return column
    if kinds <= {datetime, type(None)} and _zones_are_usual(column):
        # many times faster than each by itself
        return [null if text is None else text for text in orjson.loads(orjson.dumps([*column]))]
    if kinds.isdisjoint(_ODD):
        return list(map(str, column))
    return [null if value is None else _text(value) for value in column]


def _zones_are_usual(moments: Sequence[datetime | None]) -> bool:
    """Whether the moments are in UTC or without a zone: others may have seconds in their offset."""
    return {moment.tzinfo for moment in moments if moment is not None} <= {None, UTC}


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return str(as_text(value))
    return str.__str__(value) if isinstance(value, str) else str(value)


def _lines(rows: Sequence[Sequence[str]], width: int) -> str:
    """Rows as CSV; where no field holds a sign that means something there, they are joined."""
    text = "\n".join(map(",".join, rows)) + "\n"
    signs = (text.count(","), text.count("\n"))
    usual = width > 1 and signs == ((width - 1) * len(rows), len(rows))
    if usual and not any(sign in text for sign in _SIGNS):
        return text
    text = _csv(rows, csv.QUOTE_MINIMAL)
    if "\r" in text or "\\." in text:
        # a lone carriage return, or the old sign of the end, would be read as such
        text = _csv(rows, csv.QUOTE_ALL)
    return text


def _csv(rows: Iterable[Sequence[Any]], quoting: Literal[0, 1]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n", quoting=quoting).writerows(rows)
    return stream.getvalue()
