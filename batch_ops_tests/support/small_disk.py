"""A disk that is soon full: a file system in memory of a few megabytes."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BALLAST = "ballast"


@contextmanager
def small_disk(folder: Path, megabytes: int, owner: int | None = None) -> Iterator[Path | None]:
    """The folder as such a disk while the block lasts; None where nobody may make one."""
    mount = shutil.which("mount")
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m" + (f",uid={owner},mode=0700" if owner is not None else "")
    command = [mount or "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Take all that is left of it."""
    with (folder / BALLAST).open("wb", buffering=0) as ballast:
        for size in (65_536, 4_096):
            try:
                while ballast.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def make_room(folder: Path) -> None:
    """Give it back."""
    (folder / BALLAST).unlink()
