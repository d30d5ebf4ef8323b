"""Cascades on MySQL and MariaDB: foreign keys are judged at each row, and a temporary table can
stand once in a statement.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.database.cascade_graph import Reference, Relation
from batch_ops.database.cascade_sql import CascadeSQL, KeyTable, Match, number, run
from batch_ops.errors import DatabaseUnfitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.cascade_graph import Group

# Within one database: information_schema opens every table of all the others.
REFERENCES = """
SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.REFERENCED_TABLE_NAME, k.COLUMN_NAME,
  k.REFERENCED_COLUMN_NAME, c.IS_NULLABLE = 'YES'
FROM information_schema.KEY_COLUMN_USAGE AS k
JOIN information_schema.REFERENTIAL_CONSTRAINTS AS r
  ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
  AND r.TABLE_NAME = k.TABLE_NAME
JOIN information_schema.COLUMNS AS c
  ON c.TABLE_SCHEMA = k.TABLE_SCHEMA AND c.TABLE_NAME = k.TABLE_NAME
  AND c.COLUMN_NAME = k.COLUMN_NAME
WHERE k.TABLE_SCHEMA = COALESCE(:schema, DATABASE())
  AND r.CONSTRAINT_SCHEMA = COALESCE(:schema, DATABASE())
  AND c.TABLE_SCHEMA = COALESCE(:schema, DATABASE())
  AND k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA
  AND r.DELETE_RULE NOT IN ('SET NULL', 'SET DEFAULT')
ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION
"""


class MySQLCascade(CascadeSQL):
    """Cycles are opened by NULL where a column takes it, and go from their ends else."""

    def references(self, connection: Connection, target: Relation) -> list[Reference]:
        found = connection.execute(text(REFERENCES), {"schema": target.schema}).all()
        return [
            _reference(target.schema, child, parent, [tuple(row[3:]) for row in rows])
            for (child, _, parent), rows in groupby(found, key=lambda row: tuple(row[:3]))
        ]

    def create(self, connection: Connection, table: KeyTable, query: str, *, unique: bool) -> None:
        """A rollback does not take it back: an error may have left one behind."""
        self._drop_if_there(connection, table)
        key = f"PRIMARY KEY ({', '.join(table.key)})"
        run(connection, f"CREATE TEMPORARY TABLE {table.name} ({key}) IGNORE AS {query}")

    def _drop_if_there(self, connection: Connection, table: KeyTable) -> None:
        run(connection, f"DROP TEMPORARY TABLE IF EXISTS {table.name}")

    def drop(self, connection: Connection, table: KeyTable) -> None:
        """Without TEMPORARY the statement would commit."""
        self._drop_if_there(connection, table)

    def insert_new(self, into: KeyTable, query: str) -> str:
        return f"INSERT IGNORE INTO {into.name} ({', '.join(into.columns)}) {query}"

    def delete(self, relation: Relation, identity: Sequence[str], match: Match) -> str:
        return f"DELETE t FROM {match.source} JOIN {self.name(relation)} AS t ON {match.on}"

    def delete_cycle(
        self, connection: Connection, group: Group, keys: Mapping[Relation, KeyTable]
    ) -> None:
        opened = _openings(group.references)
        for reference in opened:
            run(connection, self._set_null(reference, keys[reference.child]))
        held = [reference for reference in group.references if reference not in opened]
        ends = [self._delete_ends(keys[member], held) for member in group.members]
        while sum(run(connection, statement) for statement in ends):
            pass
        if any(number(connection, self._left(keys[member])) for member in group.members):
            raise _closed(group)

    def _set_null(self, reference: Reference, keys: KeyTable) -> str:
        match, column = self.own(keys), self.dialect.quote(str(reference.optional))
        joined = f"{match.source} JOIN {self.name(keys.relation)} AS t ON {match.on}"
        return f"UPDATE {joined} SET t.{column} = NULL"

    def _delete_ends(self, keys: KeyTable, held: Sequence[Reference]) -> str:
        """Delete the doomed rows to which no row refers (any more)."""
        quote, own = self.dialect.quote, self.own(keys)
        joined = f"{own.source} JOIN {self.name(keys.relation)} AS t ON {own.on}"
        free = "1 = 1"
        for n, reference in enumerate(r for r in held if r.parent == keys.relation):
            pairs = zip(reference.columns, reference.parent_columns, strict=True)
            on = " AND ".join(f"c{n}.{quote(child)} = t.{quote(parent)}" for child, parent in pairs)
            joined += f" LEFT JOIN {self.name(reference.child)} AS c{n} ON {on}"
            free += f" AND c{n}.{quote(reference.columns[0])} IS NULL"
        return f"DELETE t FROM {joined} WHERE {free}"

    def _left(self, keys: KeyTable) -> str:
        return self.count(keys.relation, [self.own(keys)])


def _reference(
    schema: str | None, child: str, parent: str, columns: Sequence[tuple[str, str, bool]]
) -> Reference:
    return Reference(
        Relation(schema, child),
        tuple(column for column, _, _ in columns),
        Relation(schema, parent),
        tuple(column for _, column, _ in columns),
        optional=next((column for column, _, nullable in columns if nullable), None),
    )


def _openings(references: Sequence[Reference]) -> list[Reference]:
    """As few optional references as it takes to have no cycle, where it can be had."""
    opened: list[Reference] = []
    for reference in references:
        held = [other for other in references if other not in opened]
        if reference.optional and _is_cycle(held):
            opened.append(reference)
    return opened


def _is_cycle(references: Iterable[Reference]) -> bool:
    order: TopologicalSorter[Relation] = TopologicalSorter()
    for reference in references:
        order.add(reference.parent, reference.child)
    try:
        order.prepare()
    except CycleError:
        return True
    return False


def _closed(group: Group) -> DatabaseUnfitError:
    columns = "; ".join(
        f"{reference.child.full_name} ({', '.join(reference.columns)})"
        for reference in group.references
    )
    return DatabaseUnfitError(
        f"Rows of {group.names} refer to each other in a circle, or to themselves, and this"
        " database deletes no row to which another one refers.",
        todo=f"Let one of these foreign keys take NULL, then repeat it: {columns}.",
    )
