"""The rules of a table as conditions, so that one query tells which of many rows break them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from batch_ops.database.cascade_graph import Relation
from batch_ops.database.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect

MOST_RULES = 60
"""So many bits has a number everywhere; what breaks further ones is found row by row."""


def rules_of_change(
    dialect: Dialect, connection: Connection, table: Table, changed: Sequence[str]
) -> list[str]:
    """Conditions on a row `k` whose columns `changed` have their new values: fulfilled, the
    database refuses it. None where triggers or rules have a word, too, or where a query cannot tell
    what the columns would hold.
    """
    columns = [table.column(name) for name in changed]
    if any(c.generated for c in table.columns) or _unknown(dialect, connection, table):
        return []
    if any(dialect.stays(column, "", "") is None for column in columns):
        return []
    lacking = [f"k.{dialect.quote(c.name)} IS NULL" for c in columns if not c.nullable]
    parents = _orphans(dialect, connection, table, lambda key: not key.isdisjoint(changed))
    return [*lacking, *_checks(connection, table), *parents][:MOST_RULES]


def rules_of_rows(
    dialect: Dialect, connection: Connection, table: Table, columns: Sequence[str]
) -> list[str]:
    """Conditions on a row `k` of a stage that the database does not take as one of the table. Of
    columns that are not staged nobody knows what they will hold.
    """
    if _unknown(dialect, connection, table):
        return []
    given = [table.column(name) for name in columns]
    lacking = [f"k.{dialect.quote(c.name)} IS NULL" for c in given if not c.nullable]
    unknown = [name for name in table.column_names if name not in columns]
    checks = [check for check in _checks(connection, table) if not _reads(check, unknown)]
    parents = _orphans(dialect, connection, table, lambda key: key <= {*columns})
    return [*lacking, *checks, *parents][:MOST_RULES]


def rules_of_deletion(dialect: Dialect, connection: Connection, table: Table) -> list[str]:
    """Conditions on a row `k` that the database does not let go: other tables refer to it."""
    if dialect.has_triggers(connection, table):
        return []
    found = [
        exists(
            dialect.table_sql(each.child.name, each.child.schema),
            [dialect.quote(name) for name in each.columns],
            [f"k.{dialect.quote(name)}" for name in each.parent_columns],
        )
        for each in dialect.cascade_sql().holding_back(
            connection, Relation(table.schema, table.name)
        )
        if each.child != each.parent
    ]
    return found[:MOST_RULES]


def _unknown(dialect: Dialect, connection: Connection, table: Table) -> bool:
    """Whether others have a word about a row, or a query may compare in another way."""
    triggers = dialect.has_triggers(connection, table)
    return triggers or not dialect.tells_collations(connection, table)


def broken(rules: Sequence[str]) -> str:
    """Which rules a row `k` breaks, as a number: the n-th of them, from 0, counts 2^n."""
    cases = (f"CASE WHEN {rule} THEN {1 << number} ELSE 0 END" for number, rule in enumerate(rules))
    return " + ".join(cases)


def _checks(connection: Connection, table: Table) -> list[str]:
    found = sa.inspect(connection).get_check_constraints(table.name, schema=table.schema)
    return [f"NOT ({check['sqltext']})" for check in found]


def _reads(condition: str, names: Sequence[str]) -> bool:
    """Whether one of the columns may be read by a condition."""
    return any(re.search(rf"\b{re.escape(name)}\b", condition, re.IGNORECASE) for name in names)


def _orphans(
    dialect: Dialect,
    connection: Connection,
    table: Table,
    judged: Callable[[set[str]], bool],
) -> Iterator[str]:
    """Rows that refer to one of another table that is not there. A parent that a policy may hide
    from us is seen by the foreign key all the same.
    """
    for key in table.foreign_keys:
        if table.is_referred_to(key) or not judged(set(key.columns)):
            continue
        if not dialect.has_triggers(connection, Table(key.table, key.schema, (), ())):
            ours = [f"k.{dialect.quote(name)}" for name in key.columns]
            given = " AND ".join(f"{name} IS NOT NULL" for name in ours)
            theirs = [dialect.quote(name) for name in key.target_columns]
            parent = dialect.table_sql(key.table, key.schema)
            yield f"{given} AND NOT {exists(parent, theirs, ours)}"


def exists(table: str, theirs: Sequence[str], ours: Sequence[str]) -> str:
    """A row of a table whose columns `theirs` are equal to `ours` is there."""
    same = " AND ".join(f"o.{their} = {our}" for their, our in zip(theirs, ours, strict=True))
    return f"EXISTS (SELECT 1 FROM {table} AS o WHERE {same})"
