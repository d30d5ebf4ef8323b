"""Records of another form written down as CSV, once, in a file without a name."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import threading
import weakref
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from batch_ops.sources.json_files import Odd
from batch_ops.sources.json_values import StandsForNull, as_json, field_texts
from batch_ops.sources.texts import as_csv, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from batch_ops.sources.files import Bytes
    from batch_ops.sources.json_files import Item

OPEN_FILES = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
"""Where an open file has a name, also one that has none elsewhere."""
AT_ONCE = 1_000
"""Records that are written at once. The same file always gives the same bytes."""


class Spool:
    """A store whose bytes are written when they are first asked for.

    Args:
        name: for messages.
        write: writes them.
        digest: of what they are made from.
    """

    def __init__(
        self, name: str, write: Callable[[IO[bytes]], None], digest: Callable[[], tuple[str, int]]
    ) -> None:
        self.name = name
        self._write, self._digest = write, digest
        self._making = threading.Lock()
        self._file: IO[bytes] | None = None

    def digest(self) -> tuple[str, int]:
        """SHA-256 (hex) of what the records are made from, and its size in bytes."""
        return self._digest()

    @contextmanager
    def open(self, offset: int) -> Iterator[Bytes]:
        """The records as CSV, from an offset on; several may read at once."""
        yield _Reader(self._made(), offset)

    def _made(self) -> IO[bytes]:
        with self._making:
            if self._file is None:
                file = tempfile.TemporaryFile(prefix="batch_ops_")  # noqa: SIM115  (as long as this)
                weakref.finalize(self, file.close)
                self._write(file)
                file.flush()
                self._file = file
            return self._file


class _Reader:
    """Reads a file at a place of its own."""

    def __init__(self, file: IO[bytes], offset: int) -> None:
        self._file, self._offset = file, offset

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        found = os.pread(self._file.fileno(), size, self._offset)
        self._offset += len(found)
        return found


def write_items(items: Iterable[Item], names: Sequence[str], file: IO[bytes]) -> None:
    """Write records as CSV; what is none has one field more: why, and what stands there."""
    rows = (_row(item, names) for item in items)
    while some := list(itertools.islice(rows, AT_ONCE)):
        file.write(as_csv(some).encode("utf-8", "surrogatepass"))


def _row(item: Item, names: Sequence[str]) -> list[str]:
    if isinstance(item, Odd):
        return _odd(item.message, item.raw, names)
    try:
        return field_texts(item, names)
    except StandsForNull as error:
        return _odd(str(error), as_json(item), names)


def _odd(message: str, raw: str, names: Sequence[str]) -> list[str]:
    return [message, shortened(raw), *[""] * (len(names) - 1)]
