"""Rows that lie in columns: DataFrames and Arrow tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from batch_ops.bulk.blocks import Block, Input, Record, Streamed
from batch_ops.errors import ParameterError

Columns = Callable[[int, int], "tuple[Sequence[str], Sequence[Sequence[Any]]]"]


class Framed(Input):
    """Rows that lie in columns: a DataFrame, an Arrow table."""

    def __init__(self, size: int, columns: Columns) -> None:
        self.size = size
        self._columns = columns

    def blocks(self, size: int) -> Iterator[Block]:
        assert self.size is not None
        for start in range(0, self.size, size):
            stop = min(start + size, self.size)
            names, data = self._columns(start, stop)
            yield Block(start, FrameRows(names, data), (names, data))


class FrameRows(Sequence[Record]):
    """The rows of columns, made one by one where somebody looks at them."""

    def __init__(self, names: Sequence[str], data: Sequence[Sequence[Any]]) -> None:
        self._names, self._data = names, data

    def __len__(self) -> int:
        return len(self._data[0]) if self._data else 0

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return FrameRows(self._names, [column[place] for column in self._data])
        return dict(zip(self._names, (column[place] for column in self._data), strict=True))


def framed(rows: Any) -> Framed | Streamed | None:
    """The input a frame of a library is; known by its class, so that none is imported here."""
    module, _, _ = type(rows).__module__.partition(".")
    kind = type(rows).__name__
    if module == "polars" and kind == "LazyFrame":
        rows, kind = rows.collect(), "DataFrame"
    if kind == "DataFrame" and module == "pandas":
        return Framed(len(rows), _of_pandas(rows))
    if kind == "DataFrame" and module == "polars":
        return Framed(rows.height, lambda a, b: _of_polars(rows, a, b))
    if module == "pyarrow" and kind in ("Table", "RecordBatch"):
        return Framed(rows.num_rows, lambda a, b: _of_arrow(rows, a, b))
    if module == "pyarrow" and kind == "RecordBatchReader":
        return Streamed(itertools.chain.from_iterable(batch.to_pylist() for batch in rows))
    return None


def _of_pandas(frame: Any) -> Columns:
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        raise ParameterError(
            "The DataFrame has two columns of the same name.", todo="Rename one of them."
        )

    def cut(start: int, stop: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        part = frame.iloc[start:stop]
        return names, [_values_of(part.iloc[:, place]) for place in range(len(names))]

    return cut


def _values_of(column: Any) -> list[Any]:
    """A column's values; what is missing is None, whatever pandas writes there."""
    if column.hasnans:
        column = column.astype(object).where(column.notna(), None)
    elif column.dtype.kind == "M" and not column.dt.nanosecond.any():
        column = column.array.to_pydatetime()  # one by one they would be Timestamps
    values: list[Any] = column.tolist()
    return values


def _of_polars(frame: Any, start: int, stop: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    part = frame.slice(start, stop - start)
    return list(part.columns), [column.to_list() for column in part.get_columns()]


def _of_arrow(table: Any, start: int, stop: int) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    part = table.slice(start, stop - start)
    return list(part.schema.names), [column.to_pylist() for column in part.columns]


def in_frame(block: Block, names: Sequence[str]) -> list[Sequence[Any]] | None:
    """These columns of a block that lies in columns; None where it does not, or lacks one."""
    if block.columns is None or not set(names) <= set(block.columns[0]):
        return None
    by_name = dict(zip(*block.columns, strict=True))
    return [by_name[name] for name in names]
