"""A database: its engine, its dialect, and the two kinds of transactions we need."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from batch_ops.database.bounds import NONE, Bounds, bound
from batch_ops.database.choice import dialect_for
from batch_ops.database.faults import first_line
from batch_ops.database.under_way import UnderWay
from batch_ops.errors import DatabaseUnreachableError, UsageError, keep_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL, Connection, Engine

    from batch_ops.database.dialect import Dialect

URL_VARIABLE = "BATCH_OPS_DATABASE_URL"
APPLICATION = "batch_ops"


class Database:
    """One database, by its URL. Made cheaply: nothing is connected before it is needed.

    Attributes:
        name: the URL without its password, for messages.
        dialect: what this kind of database can do.
        application_name: how its sessions are called, where sessions have names.
    """

    def __init__(self, url: URL, *, application_name: str = APPLICATION) -> None:
        self.url = url
        self.name = url.render_as_string(hide_password=True)
        if url.password is not None and str(url.password) not in self.name:
            keep_secret(str(url.password))
        self.application_name = application_name
        self.dialect: Dialect = dialect_for(url.get_backend_name())
        self.engine: Engine = self.dialect.create_engine(url, application_name)
        self._under_way = UnderWay(self.dialect, self.engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that reads; rolled back at its end."""
        with self._connected() as connection:
            yield connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """A transaction that reads and gives up rather than wait long; rolled back at its end."""
        with self.reading() as connection:
            self.dialect.be_brief(connection)
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that reads everything as of one moment; rolled back at its end."""
        level = self.dialect.snapshot_level
        with self._connected() as connected:
            yield connected.execution_options(isolation_level=level) if level else connected

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; committed at its end, rolled back on an error."""
        with self._connected() as connected:
            connection = connected.execution_options(batch_ops_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def locked(self) -> Iterator[Connection]:
        """A writing transaction no other process makes at the same time: for tables, ownership."""
        with self.writing() as connection, self.dialect.schema_lock(connection):
            yield connection

    @contextmanager
    def lane(self, bounds: Bounds = NONE) -> Iterator[Connection]:
        """A connection for a lane: its transactions write, its session is made for bulk work, and
        its statements are bounded and can be broken off.
        """
        with self._connected() as connection:
            self.dialect.prepare_bulk(connection)
            with self.dialect.bounded(connection, bounds), self.breakable(connection):
                yield bound(connection, bounds).execution_options(batch_ops_writes=True)

    def breakable(self, connection: Connection) -> AbstractContextManager[None]:
        """Within it `break_off` breaks off what the connection is at."""
        return self._under_way.among(connection)

    def break_off(self) -> None:
        """Break off the statements of lanes, and of whoever else said that this is no harm; from
        any thread. What is asked later is done.
        """
        self._under_way.break_off()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            raise self._unreachable(error) from error
        with connection:
            yield connection

    def _unreachable(self, error: DBAPIError) -> DatabaseUnreachableError:
        return DatabaseUnreachableError(
            f"The database {self.name} cannot be reached: {first_line(error)}",
            todo=f"Start it, or set {URL_VARIABLE} to a database that is there.",
        )

    def exists(self) -> bool:
        """Whether the database is there; makes none (a missing SQLite file is not there)."""
        if self.dialect.capabilities.concurrent_writers:
            return True
        file = self.url.database
        return not file or file.startswith((":memory:", "file:")) or Path(file).exists()

    def dispose(self) -> None:
        """Close the pooled connections."""
        self.engine.dispose()


class ReopenedConnection:
    """A lane's connection: opened when it is first needed, and anew after it failed. The session of
    one that was lost is ended first: nobody knows what it was asked last. After an interrupt it is
    ended at once: the server may still be at a statement whose end nobody waits for.
    """

    def __init__(self, database: Database, bounds: Bounds = NONE) -> None:
        self._database, self._bounds = database, bounds
        self._open = ExitStack()
        self._connection: Connection | None = None
        self._session: int | None = None
        self._lost: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def healthy(self) -> Iterator[Connection]:
        """The connection; after an error in the block it is closed, and the next one is new."""
        try:
            if self._connection is None:
                self._connection = self._opened()
            yield self._connection
        except BaseException as error:
            self._give_up(error)
            raise

    def _opened(self) -> Connection:
        database = self._database
        connection = self._open.enter_context(database.lane(self._bounds))
        if self._lost is not None:
            database.dialect.end_session(connection, self._lost, database.application_name)
            self._lost = None
        self._session = database.dialect.session_of(connection)
        return connection

    def _give_up(self, error: BaseException) -> None:
        connection, self._connection = self._connection, None
        if isinstance(error, DBAPIError) and self._database.dialect.fault(error).connection_lost:
            self._lost, self._session = self._session or self._lost, None
            if connection is not None:
                connection.invalidate()
            self._database.dispose()
        if isinstance(error, Exception) or self._session is None:
            self._open.close()
        else:
            self._end(connection, self._session)

    def _end(self, connection: Connection | None, session: int) -> None:
        self._session = None
        if connection is not None:
            connection.invalidate()
        self._open.close()
        database = self._database
        with suppress(DBAPIError, DatabaseUnreachableError), database.reading() as other:
            database.dialect.end_session(other, session, database.application_name)


def redacted(url: str) -> str:
    """A URL as it may be shown: without its password; a text that is no URL is not shown at all."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "(not a database URL)"


def default_url(
    folder: Path,
    connection: str | None = None,
    known: Callable[[str], str | None] | None = None,
) -> str:
    """The URL of a named connection (None: the default one): the environment's, else the one that
    is known besides; the default is `batch_ops.db` in the folder.
    """
    variable = f"{URL_VARIABLE}_{connection.upper()}" if connection else URL_VARIABLE
    url = os.environ.get(variable)
    if not url and connection and known is not None:
        url = known(connection)
    if url:
        return url
    if connection:
        raise UsageError(
            f"The connection {connection!r} has no URL.",
            todo=f"Name it in [connections] of batch_ops.toml, or set the variable {variable}.",
        )
    return own_url(folder)


def own_url(folder: Path) -> str:
    """The URL of a project folder's own file, which is the default."""
    return f"sqlite:///{folder / 'batch_ops.db'}"


def open_database(url: str, *, application_name: str = APPLICATION) -> Database:
    """The database of a URL.

    Raises:
        UsageError: the text is no URL, its kind is not supported, or its driver is not installed.
    """
    try:
        return Database(make_url(url), application_name=application_name)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            f"{URL_VARIABLE} is not a database URL.",
            todo="It has the form postgresql://user:password@host:5432/database"
            " or sqlite:////absolute/path.db.",
        ) from error
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise UsageError(
            f"The driver for {redacted(url)} is not installed: {error}",
            todo="Install it: the extra `mysql` has the one for MySQL and MariaDB.",
        ) from error
