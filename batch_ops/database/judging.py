"""The rules of a table as conditions, so that one query tells which of many rows break them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import ForeignKey, Table


def rules_of_change(
    dialect: Dialect, connection: Connection, table: Table, changed: Sequence[str]
) -> list[str]:
    """Conditions on a row `k` whose columns `changed` have their new values: fulfilled, the
    database refuses it. None where triggers or rules have a word, too, or where a query cannot tell
    what the columns would hold.
    """
    columns = [table.column(name) for name in changed]
    if any(c.generated for c in table.columns) or dialect.has_triggers(connection, table):
        return []
    if any(dialect.stays(column, "", "") is None for column in columns):
        return []
    lacking = [f"k.{dialect.quote(c.name)} IS NULL" for c in columns if not c.nullable]
    return [*lacking, *_checks(connection, table), *_orphans(dialect, table, changed)]


def rules_of_deletion(dialect: Dialect, connection: Connection, table: Table) -> list[str]:
    """Conditions on a row `k` that the database does not let go: other tables refer to it."""
    if dialect.has_triggers(connection, table):
        return []
    return [
        _exists(
            dialect.table_sql(each.child.name, each.child.schema),
            [dialect.quote(name) for name in each.columns],
            [f"k.{dialect.quote(name)}" for name in each.parent_columns],
        )
        for each in dialect.holding_back(connection, table)
        if each.child != each.parent
    ]


def _checks(connection: Connection, table: Table) -> list[str]:
    found = sa.inspect(connection).get_check_constraints(table.name, schema=table.schema)
    return [f"NOT ({check['sqltext']})" for check in found]


def _orphans(dialect: Dialect, table: Table, changed: Sequence[str]) -> Iterator[str]:
    for key in table.foreign_keys:
        if not _leads_to(table, key) and not set(key.columns).isdisjoint(changed):
            ours = [f"k.{dialect.quote(name)}" for name in key.columns]
            given = " AND ".join(f"{name} IS NOT NULL" for name in ours)
            theirs = [dialect.quote(name) for name in key.target_columns]
            parent = dialect.table_sql(key.table, key.schema)
            yield f"{given} AND NOT {_exists(parent, theirs, ours)}"


def _leads_to(table: Table, key: ForeignKey) -> bool:
    """Whether another row of the batch may become the one that is referred to."""
    return key.table == table.name and key.schema in (None, table.schema)


def _exists(table: str, theirs: Sequence[str], ours: Sequence[str]) -> str:
    same = " AND ".join(f"o.{their} = {our}" for their, our in zip(theirs, ours, strict=True))
    return f"EXISTS (SELECT 1 FROM {table} AS o WHERE {same})"
