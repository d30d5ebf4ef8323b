"""What is asked of SQLite to tell whether it is well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.database.looks import Looks, Walk

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Table


class SQLiteLooks(Looks):
    """Its locks are asked of nobody: who writes is not known to others."""

    oldest = (3, 35)
    product = "SQLite"

    def read_only(self, connection: Connection) -> bool:
        """A writer needs the file, and its folder for the log beside it."""
        file = connection.engine.url.database
        if not file or file.startswith((":memory:", "file:")):
            return False
        return not (os.access(file, os.W_OK) and os.access(Path(file).absolute().parent, os.W_OK))

    def rows_about(self, connection: Connection, table: Table) -> int | None:
        """By the highest number of a row; a table without such numbers is not known."""
        name = self._dialect.table_sql(table.name, table.schema)
        if self._has_no_numbers(connection, table):
            return None
        return int(connection.exec_driver_sql(f"SELECT max(_rowid_) FROM {name}").scalar() or 0)

    def _has_no_numbers(self, connection: Connection, table: Table) -> bool:
        query = text("SELECT wr FROM pragma_table_list WHERE name = :name AND schema = :schema")
        bound = {"name": table.name, "schema": table.schema or "main"}
        return bool(connection.execute(query, bound).scalar())

    def walk(self, connection: Connection, statement: Statement, table: Table) -> Walk | None:
        """`SCAN t` goes through all of it, `SEARCH t USING INDEX …` does not."""
        for row in self._dialect.explain(connection, *statement):
            for word, whole in (("SCAN", True), ("SEARCH", False)):
                if f"{row.detail} ".startswith(f"{word} {table.name} "):
                    return Walk(whole)
        return None
