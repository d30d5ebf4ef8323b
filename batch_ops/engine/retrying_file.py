"""A file of rejects as `batch-ops errors --csv` writes it, corrected by a person."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import orjson

from batch_ops.engine.lines import Lines
from batch_ops.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from batch_ops.journal.rejects import KeptReject

ROW, STEP = "reject_row", "reject_step"
ABOUT = (ROW, "reject_code", "reject_column", "reject_message")
_DIGITS = 18
_WRITTEN = "Correct the file that `batch-ops errors EXECUTION --csv` writes, and keep its columns."


def cell(value: Any) -> str:
    """A value of a record as it stands in the file."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool | dict | list):
        return orjson.dumps(value).decode()
    return str(value)


@dataclass(frozen=True, slots=True)
class CorrectedRow:
    """A row of the file: its number among the file's rows, its line, and its cells by column."""

    number: int
    line: int
    row: int | None
    step: str | None
    cells: Mapping[str, str]

    def __str__(self) -> str:
        return f"line {self.line}" + (f" (row {self.row})" if self.row is not None else "")


class CorrectedFile:
    """The rows of the file by what they are about; their cells are kept on disk.

    Attributes:
        columns: the records' own ones.

    Raises:
        SourceError: it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._lines = Lines()
        self._by_row: dict[str | None, dict[int, int]] = {}
        self._by_key: dict[tuple[str, ...], dict[tuple[str | None, tuple[str, ...]], int]] = {}
        self.header: tuple[str, ...] = ()
        try:
            self._read(path)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SourceError(f"{path} cannot be read: {_why(error)}", todo=_WRITTEN) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *more: object) -> None:
        self._lines.__exit__(*more)

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are the records' own."""
        return tuple(name for name in self.header if name not in (STEP, *ABOUT))

    def row(self, number: int) -> CorrectedRow:
        """A row by its number, from 0."""
        ((line, row, step, texts),) = self._lines.part(number, number + 1)
        cells = dict(zip(self.header, texts, strict=True))
        return CorrectedRow(number, line, row, step, cells)

    def rows(self) -> Iterator[CorrectedRow]:
        """All rows."""
        return map(self.row, range(len(self)))

    def number_of(self, kept: KeptReject) -> int | None:
        """The number of the row that is about a reject: by its row number, else by its key."""
        step = kept.step if STEP in self.header else None
        if kept.reject.row is not None:
            return self._by_row.get(step, {}).get(kept.reject.row)
        key = kept.reject.key
        if not key or not set(key) <= set(self.columns):
            return None
        return self._keyed(tuple(key)).get((step, tuple(map(cell, key.values()))))

    def _read(self, path: Path) -> None:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            self._take_header(next(reader, []))
            for texts in reader:
                if texts:
                    self._take(texts, reader.line_num)

    def _take_header(self, header: Sequence[str]) -> None:
        if not header:
            raise SourceError(f"The file {self.name} is empty.", todo=_WRITTEN)
        doubled = [name for name in header if header.count(name) > 1]
        if doubled:
            what = f"The header of {self.name} has {doubled[0]!r} twice."
            raise SourceError(what, todo=_WRITTEN)
        if len(header) == 1 and any(sign in header[0] for sign in ";\t"):
            what = f"The columns of {self.name} are not separated by commas."
            raise SourceError(what, todo="Save it as CSV with commas.")
        self.header = tuple(header)

    def _take(self, texts: Sequence[str], line: int) -> None:
        if len(texts) != len(self.header):
            raise SourceError(
                f"Line {line} of {self.name} has {len(texts)} fields; the header has"
                f" {len(self.header)}.",
                todo="Put a field that holds a comma or a line break in quotes.",
            )
        cells = dict(zip(self.header, texts, strict=True))
        row, step = self._row_number(cells.get(ROW, ""), line), cells.get(STEP)
        number = self._lines.add((line, row, step, texts))
        if row is None:
            return
        before = self._by_row.setdefault(step, {}).setdefault(row, number)
        if before != number:
            raise self._twice(f"Row {row}", before, line)

    def _row_number(self, text: str, line: int) -> int | None:
        if text and not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
            what = f"Line {line} of {self.name} has {text!r} as its {ROW}, which is no row number."
            raise SourceError(what, todo="Leave the column as `batch-ops errors --csv` wrote it.")
        return int(text) if text else None

    def _keyed(self, names: tuple[str, ...]) -> Mapping[tuple[str | None, tuple[str, ...]], int]:
        """The rows without row number, by the key in these columns."""
        if names not in self._by_key:
            found: dict[tuple[str | None, tuple[str, ...]], int] = {}
            for row in (row for row in self.rows() if row.row is None):
                key = tuple(row.cells[name] for name in names)
                before = found.setdefault((row.step, key), row.number)
                if before != row.number:
                    raise self._twice(f"The key {', '.join(key)}", before, row.line)
            self._by_key[names] = found
        return self._by_key[names]

    def _twice(self, what: str, before: int, line: int) -> SourceError:
        first = self.row(before).line
        return SourceError(
            f"{what} stands twice in {self.name}: in lines {first} and {line}.",
            todo="Leave one of them out.",
        )


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8."
    if isinstance(error, OSError):
        return f"{error.strerror or error}."
    return f"{error}."
