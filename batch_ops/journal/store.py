"""The journal of one database: whether it is there, its version, making and upgrading it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateSchema

from batch_ops.database.faults import first_line
from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal import upgrade
from batch_ops.journal.tables import LOGS, METRICS, VERSION, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

    from batch_ops.database import Database

SCHEMA_VARIABLE = "BATCH_OPS_JOURNAL_SCHEMA"


class Journal:
    """The journal's tables in one database.

    log_table, metrics_table: what an operation calls its own; None is the journal's.
    """

    def __init__(
        self, database: Database, *, log_table: str | None = None, metrics_table: str | None = None
    ) -> None:
        self.database = database
        self.tables = Tables(
            os.environ.get(SCHEMA_VARIABLE) or None,
            logs=log_table or LOGS,
            metrics=metrics_table or METRICS,
        )
        self._others: dict[tuple[str, str], Journal] = {}

    def named(self, log_table: str | None, metrics_table: str | None) -> Journal:
        """This journal, with other tables of log and metrics where an operation names them."""
        names = (log_table or LOGS, metrics_table or METRICS)
        if names == (self.tables.logs.name, self.tables.metrics.name):
            return self
        if names not in self._others:
            other = Journal(self.database, log_table=log_table, metrics_table=metrics_table)
            self._others[names] = other
        return self._others[names]

    def version(self) -> int | None:
        """The version of the journal that is there, known or not; None: there is none."""
        if not self.database.exists():
            return None
        with self.database.reading() as connection:
            return self._found(connection)

    def exists(self) -> bool:
        """Whether the journal is there; makes nothing.

        Raises:
            DatabaseUnfitError: it is there in another version than this program's.
        """
        version = self.version()
        if version is not None:
            upgrade.judge(self.database.name, version)
        return version is not None

    def ensure(self) -> None:
        """Make the journal, or what of it is not there, under a lock.

        Raises:
            DatabaseUnfitError: it cannot be made, or is of another version; or a table an operation
                names is there and is another one.
        """
        with self.database.reading() as connection:
            if self._version(connection) is not None and not self._lacking(connection):
                return
        with self._changing("made"):
            with self.database.reading() as connection:
                self.database.dialect.prepare_database(connection)
            with self.database.locked() as connection:
                self._make(connection)

    def bring_up_to_date(self) -> int | None:
        """Make the journal where there is none; upgrade one of an earlier version, under the same
        lock and, where the database allows it, in one transaction.

        Returns:
            The version it had; None where there was none.

        Raises:
            DatabaseUnfitError: it is newer than this program, or may not be changed.
        """
        before = self.version()
        if before is None or before >= VERSION:
            self.ensure()
            return before
        with self._changing("upgraded"), self.database.locked() as connection:
            found = self._found(connection) or before
            if found < VERSION:
                upgrade.apply(self.tables, connection, self.database.dialect, found)
        return before

    @contextmanager
    def _changing(self, what: str) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise DatabaseUnfitError(
                f"The journal cannot be {what} in {self.database.name}: {first_line(error)}",
                todo="Give the user the right to create and alter tables there, or name another"
                f" schema by {SCHEMA_VARIABLE}. `batch-ops init --journal --sql` shows what would"
                " be run.",
            ) from error

    def _make(self, connection: Connection) -> None:
        new = self._version(connection) is None
        if self.tables.schema:
            connection.execute(CreateSchema(self.tables.schema, if_not_exists=True))
        self.tables.metadata.create_all(connection)
        if new:
            connection.execute(insert(self.tables.version).values(version=VERSION))

    def _lacking(self, connection: Connection) -> bool:
        """Whether a table is missing; what an operation names is looked at more closely."""
        there = set(inspect(connection).get_table_names(schema=self.tables.schema))
        for table, usual in ((self.tables.logs, LOGS), (self.tables.metrics, METRICS)):
            if table.name in there and table.name != usual:
                self._refuse_other(connection, table)
        return any(table.name not in there for table in self.tables.metadata.tables.values())

    def _refuse_other(self, connection: Connection, table: Table) -> None:
        found = inspect(connection).get_columns(table.name, schema=table.schema)
        missing = {column.name for column in table.columns} - {each["name"] for each in found}
        if missing:
            raise DatabaseUnfitError(
                f"The table {table.name!r} that the operation names for what is told of it is there"
                f" and lacks the columns {', '.join(sorted(missing))}.",
                todo="Name another table; one that is not there is made.",
            )

    def _version(self, connection: Connection) -> int | None:
        version = self._found(connection)
        if version is not None:
            upgrade.judge(self.database.name, version)
        return version

    def _found(self, connection: Connection) -> int | None:
        table = self.tables.version
        if not inspect(connection).has_table(table.name, schema=table.schema):
            return None
        found: int | None = connection.execute(select(table.c.version)).scalar()
        return found


def utc_now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)
