"""Cascades on PostgreSQL: a cycle goes in one statement, at whose end foreign keys are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.database.cascade_graph import Reference, Relation
from batch_ops.database.cascade_sql import CascadeSQL, KeyTable, Match, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.cascade_graph import Group

_NO_ACTION, _RESTRICT, _CASCADE = "a", "r", "c"


def _names(relation: str, numbers: str) -> str:
    return (
        "ARRAY(SELECT CAST(a.attname AS text) FROM pg_attribute AS a"
        f" JOIN unnest({numbers}) WITH ORDINALITY AS k (number, place) ON k.number = a.attnum"
        f" WHERE a.attrelid = {relation} ORDER BY k.place)"
    )


# A table is named without its schema where that finds it, as in entities. The foreign keys of
# partitions repeat their table's.
_FOREIGN_KEYS = f"""
WITH named AS (
  SELECT r.oid, r.relname AS name, r.oid = to_regclass(CAST(:target AS text)) AS is_target,
    CASE WHEN NOT pg_table_is_visible(r.oid) THEN n.nspname END AS schema
  FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace
)
SELECT child.schema, child.name, child.is_target, {_names("c.conrelid", "c.conkey")},
  parent.schema, parent.name, parent.is_target, {_names("c.confrelid", "c.confkey")}
FROM pg_constraint AS c
JOIN named AS child ON child.oid = c.conrelid JOIN named AS parent ON parent.oid = c.confrelid
WHERE c.contype = 'f' AND c.confdeltype = ANY(:actions) AND NOT EXISTS (
  SELECT 1 FROM pg_constraint AS whole
  WHERE whole.oid = c.conparentid AND whole.confrelid = c.confrelid)
ORDER BY c.oid
"""


class PostgreSQLCascade(CascadeSQL):
    """Joins are planned from what is known of the key tables."""

    def references(self, connection: Connection, target: Relation) -> list[Reference]:
        return self._references(connection, target, [_NO_ACTION, _RESTRICT, _CASCADE])

    def holding_back(self, connection: Connection, target: Relation) -> list[Reference]:
        found = self._references(connection, target, [_NO_ACTION, _RESTRICT])
        return [reference for reference in found if reference.parent == target]

    def _references(
        self, connection: Connection, target: Relation, actions: list[str]
    ) -> list[Reference]:
        def relation(schema: str | None, name: str, is_target: bool) -> Relation:
            return target if is_target else Relation(schema, name)

        found = connection.execute(
            text(_FOREIGN_KEYS), {"target": self.name(target), "actions": actions}
        )
        return [
            Reference(relation(*row[:3]), tuple(row[3]), relation(*row[4:7]), tuple(row[7]))
            for row in found
        ]

    def create(self, connection: Connection, table: KeyTable, query: str, *, unique: bool) -> None:
        run(connection, f"CREATE TEMPORARY TABLE {table.name} AS {query}")
        if unique:
            run(connection, f"CREATE UNIQUE INDEX ON {table.name} ({', '.join(table.key)})")

    def insert_new(self, into: KeyTable, query: str) -> str:
        return f"INSERT INTO {into.name} ({', '.join(into.columns)}) {query} ON CONFLICT DO NOTHING"

    def settle(self, connection: Connection, table: KeyTable) -> None:
        run(connection, f"ANALYZE {table.name}")

    def delete(self, relation: Relation, identity: Sequence[str], match: Match) -> str:
        return f"DELETE FROM {self.name(relation)} AS t USING {match.source} WHERE {match.on}"

    def delete_cycle(
        self, connection: Connection, group: Group, keys: Mapping[Relation, KeyTable]
    ) -> None:
        *others, last = [
            self.delete(member, keys[member].identity, self.own(keys[member]))
            for member in group.members
        ]
        named = [f"gone_{number} AS ({statement})" for number, statement in enumerate(others)]
        first = f"WITH {', '.join(named)} " if named else ""
        run(connection, first + last)
