"""Records handed over in memory, as CSV."""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from batch_ops.errors import ParameterError
from batch_ops.sources.texts import as_csv, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


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


def store_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> MemoryStore:
    """The records as CSV. A missing field is NULL."""
    texts = [[text_of(row.get(name)) for name in names] for row in rows]
    data = as_csv(texts).encode("utf-8", "surrogatepass")
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    try:
        canonical = orjson.dumps(list(rows), default=text_of, option=options)
    except orjson.JSONEncodeError:  # texts that are no UTF-8, integers of more than 64 bits
        canonical = data
    return MemoryStore("rows", data, canonical)
