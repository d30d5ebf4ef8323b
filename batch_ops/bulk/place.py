"""Where a `BatchTable` writes: a database of its own, or an engine, connection or session of the
caller's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from batch_ops.bulk.breaking import refusal
from batch_ops.database import open_database
from batch_ops.database.choice import dialect_for
from batch_ops.database.faults import first_line
from batch_ops.errors import DatabaseUnreachableError, ExecutionError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.database.connect import Database
    from batch_ops.database.dialect import Dialect

Bind = Engine | Connection | Session | str | URL


@contextmanager
def reading(dialect: Dialect) -> Iterator[None]:
    """What the database says to a reader, as an error of ours."""
    try:
        yield
    except DBAPIError as error:
        todo = "Mend the cause and call again."
        state = "Nothing was written."
        raise ExecutionError(refusal(dialect, error), state=state, todo=todo) from error


class Place(ABC):
    """A database as a call uses it.

    Attributes:
        dialect: what it can do.
        joined: whether calls take part in the caller's transaction: then nothing is committed.
    """

    dialect: Dialect
    joined = False

    @abstractmethod
    def lane(self) -> AbstractContextManager[Connection]:
        """A connection for a lane."""

    def transaction(self, connection: Connection) -> AbstractContextManager[Any]:
        """A transaction of a lane: committed at its end, rolled back on an error."""
        return connection.begin()

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        """A connection that only reads, temporary tables aside.

        Raises:
            ExecutionError: the database cannot go on.
        """
        with self.lane() as connection, reading(self.dialect):
            yield connection

    def at_work(self) -> int:
        """How many other sessions are at work in the database now.

        Raises:
            DatabaseUnfitError: nobody can tell.
        """
        with self.reader() as connection, self.looking(connection):
            return self.dialect.at_work(connection)

    @contextmanager
    def looking(self, connection: Connection) -> Iterator[None]:
        """A transaction of a reader, rolled back at its end."""
        transaction = connection.begin()
        try:
            yield
        finally:
            transaction.rollback()

    @property
    def url(self) -> URL:
        """The database's URL, for connections of one's own.

        Raises:
            ParameterError: it is known by a connection of the caller's alone.
        """
        raise ParameterError(
            "journal=True needs a database that can be opened by its URL.",
            todo="Give a URL or an Engine.",
        )

    def dispose(self) -> None:
        """Give up what it made itself."""


@contextmanager
def _by_url() -> Iterator[None]:
    try:
        yield
    except DatabaseUnreachableError as error:
        error.todo = "Start it, or give the URL of one that is there."
        raise


class OwnPlace(Place):
    """By a URL."""

    def __init__(self, url: str | URL) -> None:
        text = url.render_as_string(hide_password=False) if isinstance(url, URL) else url
        try:
            make_url(text)
        except (ArgumentError, ValueError) as error:
            raise ParameterError(
                "The text given as a database is no URL.",
                todo="It has the form postgresql://user:password@host:5432/database"
                " or sqlite:////absolute/path.db.",
            ) from error
        self._database: Database = open_database(text)
        self.dialect = self._database.dialect

    @contextmanager
    def lane(self) -> Iterator[Connection]:
        with _by_url(), self._database.lane() as connection:
            yield connection

    @contextmanager
    def reader(self) -> Iterator[Connection]:
        with _by_url(), self._database.reading() as connection, reading(self.dialect):
            yield connection

    @property
    def url(self) -> URL:
        return self._database.url

    def dispose(self) -> None:
        self._database.dispose()


class EnginePlace(Place):
    """By an engine of the caller's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.dialect = dialect_for(engine.dialect.name)

    @contextmanager
    def lane(self) -> Iterator[Connection]:
        try:
            connection = self._engine.connect()
        except DBAPIError as error:
            name = self._engine.url.render_as_string(hide_password=True)
            raise DatabaseUnreachableError(
                f"The database {name} cannot be reached: {first_line(error)}",
                todo="Start it, or give an engine of a database that is there.",
            ) from error
        except PoolTimeoutError as error:
            raise ExecutionError(
                "The engine's pool has no connection left for another lane.",
                todo="Give it a larger pool_size, or say a smaller max_concurrency.",
            ) from error
        dialect = self.dialect
        with connection, dialect.enforced(connection), dialect.understood(connection):
            yield connection

    @property
    def url(self) -> URL:
        return self._engine.url

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        with connection.begin():
            self.dialect.join(connection)
            yield

    @contextmanager
    def looking(self, connection: Connection) -> Iterator[None]:
        with super().looking(connection):
            self.dialect.join(connection, writes=False)
            yield


class JoinedPlace(Place):
    """Within a transaction of the caller's: savepoints, and nothing is committed."""

    joined = True

    def __init__(self, bind: Connection | Session) -> None:
        self._bind = bind
        self.dialect = dialect_for(
            bind.get_bind().dialect.name if isinstance(bind, Session) else bind.dialect.name
        )

    @contextmanager
    def lane(self) -> Iterator[Connection]:
        if isinstance(self._bind, Session):
            self._bind.flush()
            yield self._bind.connection()
            return
        if self._bind.closed:
            raise ParameterError("The connection is closed.", todo="Give one that is open.")
        yield self._bind

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """A savepoint. Objects of a session are read anew afterwards: their rows have changed."""
        self._join(connection)
        with self.dialect.understood(connection), connection.begin_nested():
            yield
        if isinstance(self._bind, Session):
            self._bind.expire_all()

    @contextmanager
    def looking(self, connection: Connection) -> Iterator[None]:
        """Nothing stays in the caller's session."""
        self._join(connection)
        savepoint = connection.begin_nested()
        try:
            with self.dialect.understood(connection):
                yield
        finally:
            if savepoint.is_active:
                savepoint.rollback()

    def _join(self, connection: Connection) -> None:
        if not connection.in_transaction():
            connection.begin()
        if self.dialect.commits_itself(connection):
            raise ParameterError(
                "The connection is in AUTOCOMMIT: it has no transaction to take part in.",
                todo="Give an Engine or a URL, or a connection with a transaction.",
            )
        self.dialect.join(connection)


def place_of(bind: Bind) -> Place:
    """The place of a bind.

    Raises:
        ParameterError: it is none.
        UsageError: a URL that is none, or of a database that is not supported.
    """
    if isinstance(bind, str | URL):
        return OwnPlace(bind)
    if isinstance(bind, Engine):
        return EnginePlace(bind)
    if isinstance(bind, Connection | Session):
        return JoinedPlace(bind)
    raise ParameterError(
        f"A database is expected, and a value of type {type(bind).__name__} was given.",
        todo="Give a URL, an Engine, a Connection or a Session of SQLAlchemy.",
    )
