"""A project: where its declarations stand and where its data lives."""

from __future__ import annotations

import os
import threading
import uuid
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from batch_ops.database import Database, default_url, open_database
from batch_ops.engine.placefile import read_place
from batch_ops.errors import UsageError
from batch_ops.journal import Journal
from batch_ops.journal.ownership import WorkerIdentity, this_process
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from batch_ops.engine.heartbeat import Heartbeat
    from batch_ops.engine.place import Place

DEFS_VARIABLE = "BATCH_OPS_DEFS"
MARKER = "dagster.yaml"


class Project:
    """A folder with declarations, and the databases they name.

    Attributes:
        folder: relative source paths, the default SQLite file and Dagster's home are here.
        catalog: every declared entity and operation.
        worker: how this process is called in journals.
        left_open: executions it ended whose journal could not be told.
        broken_off: set once `break_off` was called.
    """

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder = folder.absolute()
        self.catalog = catalog
        self._databases: dict[str | None, Database] = {}
        self._journals: dict[str | None, Journal] = {}
        self._pid = os.getpid()
        self._worker = uuid.uuid4().hex[:12]
        self.heartbeats: dict[str, Heartbeat] = {}
        self.left_open: dict[str, Journal] = {}
        self.broken_off = threading.Event()

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project a command means: see `project_folder` and `definition_folders`. The modules
        it names are imported first: they may register functions that declarations call.

        Raises:
            UsageError: there is no folder with declarations, or batch_ops.toml is wrong.
            DeclarationError: a declaration is wrong.
        """
        folder = project_folder(start)
        read_place(folder).import_modules(folder)
        return cls(folder, Catalog.load(definition_folders(folder)))

    @cached_property
    def place(self) -> Place:
        """What `batch_ops.toml` in the folder says of this place."""
        return read_place(self.folder)

    @property
    def application_name(self) -> str:
        """The name of this process's database sessions."""
        return f"batch_ops-{self._worker}"

    def database(self, connection: str | None = None) -> Database:
        """The database of a named connection (None: the default one), opened once per process."""
        self._forget_after_fork()
        if connection not in self._databases:
            url = default_url(self.folder, connection, self.place.url)
            self._databases[connection] = open_database(url, application_name=self.application_name)
        return self._databases[connection]

    def journal(self, connection: str | None = None) -> Journal:
        """The journal in that database."""
        database = self.database(connection)
        if connection not in self._journals:
            self._journals[connection] = Journal(database)
        return self._journals[connection]

    def connections(self) -> list[str | None]:
        """The connections the entities name; the default one first."""
        named = {entity.connection for entity in self.catalog.entities.values()}
        return [None, *sorted(name for name in named if name)]

    def worker(self) -> WorkerIdentity:
        """This process, as it is entered in a journal."""
        self._forget_after_fork()
        return this_process(self._worker, self.application_name)

    def break_off(self) -> None:
        """Break off what lanes and plans are waiting for in databases now: what is not committed is
        rolled back. From any thread; for an execution that was told to stop.
        """
        self.broken_off.set()
        for database in list(self._databases.values()):
            database.break_off()

    def dispose(self) -> None:
        """Close all connections."""
        for database in self._databases.values():
            database.dispose()
        self._databases.clear()
        self._journals.clear()

    def _forget_after_fork(self) -> None:
        """A forked child must not use its parent's connections, nor its name."""
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self._worker = uuid.uuid4().hex[:12]
            self._databases, self._journals, self.heartbeats = {}, {}, {}
            self.left_open = {}


def project_folder(start: Path | None = None) -> Path:
    """The project folder: DAGSTER_HOME, else the nearest folder upwards from `start` (the current
    one) that has a dagster.yaml, else the checkout batch_ops runs from unless there is a `defs`
    folder here, else here.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home and (Path(home) / MARKER).is_file():
        return Path(home)
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return folder
    checkout = Path(__file__).parents[2]
    if (checkout / MARKER).is_file() and not (here / "defs").is_dir():
        return checkout
    return here


def definition_folders(folder: Path) -> list[Path]:
    """BATCH_OPS_DEFS (several: separated like PATH), else `batch_ops/defs` in a checkout of
    batch_ops, else `defs` in the project folder.

    Raises:
        UsageError: there is none.
    """
    named = os.environ.get(DEFS_VARIABLE)
    if named:
        return [folder / part for part in named.split(os.pathsep) if part]
    candidates = [Path(__file__).parents[1] / "defs"] if _is_checkout(folder) else []
    for candidate in (*candidates, folder / "defs"):
        if candidate.is_dir():
            return [candidate]
    raise UsageError(
        f"There is no folder with declarations in {folder}.",
        todo=f"Make a folder `defs` with entity files, or set {DEFS_VARIABLE} to where they are.",
    )


def _is_checkout(folder: Path) -> bool:
    return Path(__file__).parents[2] == folder
