"""Whether Dagster's home is well: its settings, its storage. Looked at, never opened for writing:
Dagster itself makes what of its storage is missing.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import yaml

from batch_ops.engine.doctor import Finding, problem, sound, warning
from batch_ops.orchestration import dagster_internals

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECK = "dagster"
MARKER = "dagster.yaml"
_FILES = ("history/runs.db", "schedules/schedules.db")
_MEND = "Mend it, or use --no-dagster."


def examine_home(folder: Path) -> Iterator[Finding]:
    """Examine the home of a project folder, or DAGSTER_HOME."""
    home = Path(os.environ.get("DAGSTER_HOME") or folder)
    if not (home / MARKER).is_file():
        what = f"There is no {MARKER} in {home}: Dagster's own settings hold."
        yield warning(CHECK, what, "`batch-ops init FOLDER` makes a project with one to copy.")
        return
    try:
        storage, config = dagster_internals.storage_of(str(home))
    except (dg.DagsterError, OSError, yaml.YAMLError, ImportError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        yield problem(CHECK, f"{home / MARKER} cannot be read: {first}", _MEND)
        return
    yield sound(CHECK, f"{home / MARKER} is right.")
    if storage != dagster_internals.SQLITE_STORAGE:
        yield sound(CHECK, f"It stores runs by {storage}, which was not opened.")
        return
    yield _files(Path(config["base_dir"]))


def _files(base: Path) -> Finding:
    """The files Dagster keeps its runs in by itself."""
    there = [base / name for name in _FILES if (base / name).is_file()]
    for file in there:
        try:
            with sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.close()
        except sqlite3.Error as error:
            todo = "Delete it: the journal is the truth, and Dagster makes it anew."
            return problem(CHECK, f"{file} cannot be opened: {error}", todo)
    if not os.access(base if base.exists() else base.parent, os.W_OK):
        return problem(CHECK, f"Nobody may write to {base}.", "Make it writable, or name another.")
    if not there:
        return sound(CHECK, f"Nothing is stored in {base} yet: the first run makes it.")
    return sound(CHECK, f"Its storage in {base} can be opened.")
