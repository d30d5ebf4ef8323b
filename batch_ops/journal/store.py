"""The journal of one database: whether it is there, its version, making it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSchema

from batch_ops.database.faults import first_line
from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal.tables import VERSION, Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database import Database

SCHEMA_VARIABLE = "BATCH_OPS_JOURNAL_SCHEMA"


class Journal:
    """The journal's tables in one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.tables = Tables(os.environ.get(SCHEMA_VARIABLE) or None)

    def exists(self) -> bool:
        """Whether the journal is there; makes nothing.

        Raises:
            DatabaseUnfitError: it is there in a version this batch_ops does not know.
        """
        if not self.database.exists():
            return False
        with self.database.reading() as connection:
            return self._version(connection) is not None

    def ensure(self) -> None:
        """Make the journal when it is not there, under a lock.

        Raises:
            DatabaseUnfitError: it cannot be made, or is of another version.
        """
        with self.database.reading() as connection:
            if self._version(connection) is not None:
                return
        try:
            with self.database.reading() as connection:
                self.database.dialect.prepare_database(connection)
            with self.database.locked() as connection:
                self._make(connection)
        except DBAPIError as error:
            raise DatabaseUnfitError(
                f"The journal cannot be made in {self.database.name}: {first_line(error)}",
                todo="Give the user the right to create tables there, or name another schema by"
                f" {SCHEMA_VARIABLE}.",
            ) from error

    def _make(self, connection: Connection) -> None:
        if self._version(connection) is not None:
            return
        if self.tables.schema:
            connection.execute(CreateSchema(self.tables.schema, if_not_exists=True))
        self.tables.metadata.create_all(connection)
        connection.execute(insert(self.tables.version).values(version=VERSION))

    def _version(self, connection: Connection) -> int | None:
        table = self.tables.version
        if not inspect(connection).has_table(table.name, schema=table.schema):
            return None
        version: int | None = connection.execute(select(table.c.version)).scalar()
        if version != VERSION:
            raise DatabaseUnfitError(
                f"The journal in {self.database.name} has version {version};"
                f" this batch_ops knows version {VERSION}.",
                todo="Use the batch_ops that wrote it, or upgrade this one.",
            )
        return version


def utc_now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)
