"""Records handed over in memory, as CSV."""

from __future__ import annotations

import csv
import hashlib
import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from batch_ops.errors import ParameterError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NULL_TEXT = "\x02NULL\x02"
"""Stands for None in the CSV form."""


@dataclass(frozen=True, slots=True)
class MemoryStore:
    """Bytes in memory. `canonical`: what the digest is made of."""

    name: str
    data: bytes
    canonical: bytes

    @contextmanager
    def open(self, offset: int) -> Iterator[io.BytesIO]:
        """The bytes from an offset on."""
        stream = io.BytesIO(self.data)
        stream.seek(offset)
        yield stream

    def digest(self) -> tuple[str, int]:
        """SHA-256 (hex) of the canonical form, and its size."""
        return hashlib.sha256(self.canonical).hexdigest(), len(self.canonical)


def records_of(parameters: Mapping[str, Any], name: str | None) -> list[Mapping[str, Any]]:
    """The records a parameter holds; one alone is a list of one. Without a parameter: one record
    without fields.

    Raises:
        ParameterError: it is missing, or is no list of records.
    """
    if name is None:
        return [{}]
    if name not in parameters:
        raise ParameterError(f"The parameter {name!r} is missing.", todo="Give a list of records.")
    rows = parameters[name]
    if isinstance(rows, dict):
        return [rows]
    if not isinstance(rows, list | tuple) or not all(isinstance(row, dict) for row in rows):
        raise ParameterError(f"The parameter {name!r} is no list of records.")
    return list(rows)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every column of any record, in the order they first appear."""
    return list(dict.fromkeys(str(name) for row in rows for name in row))


def store_of(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> MemoryStore:
    """The records as CSV. A missing field is NULL."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    for row in rows:
        writer.writerow([text_of(row.get(name)) for name in columns])
    data = stream.getvalue().encode("utf-8", "surrogatepass")
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    try:
        canonical = orjson.dumps(list(rows), default=text_of, option=options)
    except orjson.JSONEncodeError:  # texts that are no UTF-8, integers of more than 64 bits
        canonical = data
    return MemoryStore("rows", data, canonical)


def text_of(value: Any) -> str:
    """A value as the text a database reads it from."""
    if value is None:
        return NULL_TEXT
    if isinstance(value, str):
        if value == NULL_TEXT:
            raise SourceError("A record holds the text that stands for NULL.")
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, dict | list | tuple):
        return orjson.dumps(value, default=str).decode()
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)
