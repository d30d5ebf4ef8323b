"""A database whose rows are deleted with all that refer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect

from batch_ops.database import open_database
from batch_ops.database.cascade import Cascade
from batch_ops.database.reflect import require
from batch_ops.database.staging import Stage, put_rows
from batch_ops.spec.model import Entity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.cascade import Doomed
    from batch_ops.database.tables import Table

PLAIN = {"no_parameters": True}


class Cascading:
    """A database made by statements in which `%` and `:` stand for themselves."""

    def __init__(self, url: str, *statements: str) -> None:
        self.database = open_database(url)
        self.execute(*statements)

    def execute(self, *statements: str) -> None:
        with self.database.writing() as connection:
            for statement in statements:
                execute(connection, statement)

    def delete(self, table: str, *keys: Any, schema: str | None = None) -> dict[str, int]:
        """Plan and delete, and the same must come of both; rows per table, those of the target that
        were not asked for as `table+`.
        """
        with self.database.writing() as connection:
            cascade, stage = self.staged(connection, table, keys, schema)
            before = self.tables(connection)
            planned = cascade.plan(connection, stage)
            assert self.tables(connection) == before
            gone = cascade.delete(connection, stage)
            assert as_dict(gone) == as_dict(planned)
            assert gone[-1].table == planned[-1].table == cascade.target.full_name
        return as_dict(gone)

    def staged(
        self, connection: Connection, table: str, keys: Sequence[Any], schema: str | None = None
    ) -> tuple[Cascade, Table]:
        """The cascade, and its roots as the caller of a cascade has them."""
        target = require(connection, Entity(table, table, (), schema=schema))
        stage = Stage.of(self.database.dialect, target, target.key, "bo_keys")
        stage.open(connection)
        rows = [key if isinstance(key, tuple) else (key,) for key in keys]
        records = [
            {"bo_row": number, **dict(zip(target.key, row, strict=True))}
            for number, row in enumerate(rows, 1)
        ]
        put_rows(connection, self.database.dialect, stage.table, records)
        return Cascade.of(connection, self.database.dialect, target), stage.table

    def tables(self, connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the default schema's tables."""
        return {
            name: _rows(connection, f"SELECT * FROM {self.database.dialect.quote(name)}")
            for name in inspect(connection).get_table_names()
        }

    def ids(self, table: str, column: str = "id") -> list[Any]:
        """What is left in a table."""
        with self.database.reading() as connection:
            found = _rows(connection, f"SELECT {column} FROM {table}")
        return sorted(value for (value,) in found)


def execute(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options=PLAIN)


def as_dict(doomed: Iterable[Doomed]) -> dict[str, int]:
    """Rows per table, in order; of the target those asked for, and before it as `table+` others."""
    found: dict[str, int] = {}
    for each in doomed:
        if each.asked and each.cascaded:
            found[f"{each.table}+"] = each.cascaded
        found[each.table] = each.asked or each.rows
    return found


def _rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    found = connection.exec_driver_sql(query, execution_options=PLAIN)
    return sorted((tuple(row) for row in found), key=repr)
