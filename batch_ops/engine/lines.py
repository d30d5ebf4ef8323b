"""JSON values in a file without a name, found by their number: memory does not grow with them."""

from __future__ import annotations

import os
import tempfile
from array import array
from typing import TYPE_CHECKING, Any, Self

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE = 1_000


class Lines:
    """Added to first, read afterwards; several threads may read at once."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="batch_ops_")  # noqa: SIM115  (until closed)
        self._ends = array("q", [0])
        self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, value: Any) -> int:
        """Write one down; its number, from 0."""
        line = orjson.dumps(value) + b"\n"
        self._file.write(line)
        self._ends.append(self._ends[-1] + len(line))
        return len(self._ends) - 2

    def part(self, first: int, last: int) -> list[Any]:
        """Those from one number to before another."""
        self._flush()
        begin, end = self._ends[first], self._ends[last]
        data = os.pread(self._file.fileno(), end - begin, begin)
        return [orjson.loads(line) for line in data.splitlines()]

    def slices(self) -> Iterator[list[Any]]:
        """All of them, some at a time."""
        for first in range(0, len(self), SLICE):
            yield self.part(first, min(first + SLICE, len(self)))

    def _flush(self) -> None:
        if self._written != len(self):
            self._file.flush()
            self._written = len(self)
