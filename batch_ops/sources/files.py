"""Files as streams of UTF-8 bytes: plain, gzip and zip, in any encoding, at any offset."""

from __future__ import annotations

import codecs
import errno
import gzip
import hashlib
import importlib.util
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

from batch_ops.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

PACKAGE = "package://"
BLOCK = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)
_UTF8 = ("utf-8", "ascii", "utf-8-sig")


class Bytes(Protocol):
    """A stream of bytes that can be read on."""

    def read(self, size: int, /) -> bytes: ...


def locate(path: str, folder: Path) -> Path:
    """The file that a path means: absolute, relative to `folder`, or in an installed package.

    Raises:
        SourceError: it is not there, is a folder, or the package is not installed.
    """
    found = _in_package(path) if path.startswith(PACKAGE) else folder / Path(path).expanduser()
    if found.is_dir():
        raise SourceError(f"The source {path!r} is a folder.", todo="Name a file in it.")
    if not found.exists():
        todo = f"Looked for {found}. Is the path right?"
        raise SourceError(f"The source {path!r} is not there.", todo=todo)
    return found


def _in_package(path: str) -> Path:
    package, _, inner = path.removeprefix(PACKAGE).partition("/")
    if not package.isidentifier() or not inner:
        todo = "It has the form package://<package>/<path in it>."
        raise SourceError(f"The source {path!r} names no file of a package.", todo=todo)
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        todo = f"Install it: pip install {package}"
        raise SourceError(f"The package {package!r} of {path!r} is not installed.", todo=todo)
    return Path(next(iter(spec.submodule_search_locations))) / inner


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 (hex) of a file's bytes as they lie on disk, and how many there are."""
    with readable(str(path)), path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256")
        return found.hexdigest(), stream.tell()


@contextmanager
def open_stream(path: Path, encoding: str, offset: int = 0) -> Iterator[Bytes]:
    """The file's content as UTF-8, unpacked, from an offset of that stream on.

    Bytes that the encoding does not know appear as bytes that are no UTF-8.

    Raises:
        SourceError: the archive is damaged, is encrypted, or has not exactly one file; also raised
            by reading on.
    """
    name = str(path)
    with readable(name), path.open("rb") as packed, _unpacked(packed, name) as stream:
        if codecs.lookup(encoding).name in _UTF8:
            stream.seek(offset)
            yield stream
        else:
            recoded = Recoded(stream, encoding)
            recoded.skip(offset)
            yield recoded


@contextmanager
def _unpacked(packed: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    head = packed.read(4)
    packed.seek(0)
    if head.startswith(_GZIP):
        with gzip.GzipFile(fileobj=packed) as stream:
            yield cast("IO[bytes]", stream)
    elif head in _ZIP:
        with zipfile.ZipFile(packed) as archive, archive.open(_member(archive, name)) as stream:
            yield stream
    else:
        yield packed


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.filename.endswith("/")]
    members = [m for m in members if not m.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        shown = ", ".join(m.filename for m in members[:5]) or "none"
        todo = "Unpack it and name the one you mean."
        what = f"The archive {name} holds {len(members)} files where one is expected: {shown}."
        raise SourceError(what, todo=todo)
    if members[0].flag_bits & 1:
        raise SourceError(f"The archive {name} is encrypted.", todo="Unpack it first.")
    return members[0]


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Errors of reading a file, as errors that say what to do."""
    try:
        yield
    except (
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        zipfile.BadZipFile,
        NotImplementedError,
    ) as error:
        what = f"The archive {name} is damaged or cut off: {error}"
        raise SourceError(what, todo="Fetch it again.") from error
    except PermissionError as error:
        todo = "Give this user the right to read it."
        raise SourceError(f"The file {name} may not be read.", todo=todo) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        what = f"The archive {name} is damaged: it says that a file begins where there is nothing."
        raise SourceError(what, todo="Fetch it again.") from error


@dataclass(frozen=True, slots=True)
class FileStore:
    """A file of any packing and encoding."""

    path: Path
    encoding: str
    name: str

    def open(self, offset: int) -> AbstractContextManager[Bytes]:
        """Its text as UTF-8, from an offset on."""
        return open_stream(self.path, self.encoding, offset)

    def digest(self) -> tuple[str, int]:
        """SHA-256 (hex) of the bytes on disk, and how many there are."""
        return digest_of(self.path)


class Recoded:
    """A stream in another encoding, read as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._ready = b""
        self._ended = False

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        while len(self._ready) < size and not self._ended:
            block = self._stream.read(BLOCK)
            self._ended = not block
            self._ready += self._decode(block)
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def skip(self, size: int) -> None:
        """Pass over `size` bytes."""
        while size and (block := self.read(min(size, BLOCK))):
            size -= len(block)

    def _decode(self, block: bytes) -> bytes:
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeError as error:
            what = f"The source is not in the encoding {self._encoding}: {error}"
            todo = "Set csv_encoding to the one it was written in."
            raise SourceError(what, todo=todo) from error
        return text.encode("utf-8", "surrogateescape")
