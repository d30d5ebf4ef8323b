"""Cascades on SQLite: rows are told apart by their rowid, and cycles are judged at their end."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.database.cascade_graph import Reference, Relation
from batch_ops.database.cascade_sql import CascadeSQL, KeyTable, Match, number, run

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.cascade_graph import Group

ROW_IDS = ("rowid", "_rowid_", "oid")


class RowId(tuple[str, ...]):
    """The one column that is a table's rowid, a whole number."""

    __slots__ = ()


class SQLiteCascade(CascadeSQL):
    """Works the same whether `PRAGMA foreign_keys` is on or off."""

    def references(self, connection: Connection, target: Relation) -> list[Reference]:
        mine = " AND f.on_delete NOT IN ('SET NULL', 'SET DEFAULT')"
        return self._references(connection, target, mine)

    def references_to(self, connection: Connection, target: Relation) -> list[Reference]:
        """All foreign keys that lead to a table, whatever becomes of their rows."""
        found = self._references(connection, target, "")
        return [reference for reference in found if reference.parent == target]

    def holding_back(self, connection: Connection, target: Relation) -> list[Reference]:
        found = self._references(
            connection, target, " AND f.on_delete IN ('NO ACTION', 'RESTRICT')"
        )
        return [reference for reference in found if reference.parent == target]

    def _references(self, connection: Connection, target: Relation, only: str) -> list[Reference]:
        """SQLite keeps names as the foreign key spells them, and compares without case."""
        schema = target.schema or "main"
        found = connection.execute(
            text(
                'SELECT m.name, f.id, f."table", f."from", f."to"'
                f" FROM {self.dialect.quote(schema)}.sqlite_master AS m"
                " JOIN pragma_foreign_key_list(m.name, :schema) AS f"
                f" WHERE m.type = 'table'{only}"
                " ORDER BY m.name, f.id, f.seq"
            ),
            {"schema": schema},
        ).all()
        names = {name.lower(): name for name, *_ in found} | {target.name.lower(): target.name}
        references = []
        for (child, _, parent), rows in groupby(found, key=lambda row: tuple(row[:3])):
            pairs = [(row[3], row[4]) for row in rows]
            referred = Relation(target.schema, names.get(parent.lower(), parent))
            columns = [to for _, to in pairs if to is not None]
            references.append(
                Reference(
                    Relation(target.schema, names[child.lower()]),
                    tuple(column for column, _ in pairs),
                    referred,
                    tuple(columns) or self._primary_key(connection, referred),
                )
            )
        return references

    def identities(
        self, connection: Connection, relations: Collection[Relation]
    ) -> dict[Relation, tuple[str, ...]]:
        """The rowid, by the name of the key that it is where there is one: another primary key may
        hold NULL here. A table WITHOUT ROWID has a key without.
        """
        return {
            relation: self._row_id(connection, relation) or self._primary_key(connection, relation)
            for relation in relations
        }

    def _row_id(self, connection: Connection, relation: Relation) -> tuple[str, ...]:
        indexed, without = self._key_indexes(connection, relation)
        key = self._primary_key(connection, relation)
        if len(key) == 1 and not indexed:
            return RowId(key)
        taken = {name.lower() for name, _ in self._columns(connection, relation)}
        free = [name for name in ROW_IDS if name not in taken]
        return RowId(free[:1]) if free and not without else ()

    def _key_indexes(self, connection: Connection, relation: Relation) -> tuple[int, int]:
        """How many indexes a primary key has besides the rowid (a key that is the rowid has none),
        and how many of them are the table itself: those are no entries of the schema.
        """
        schema = self.dialect.quote(relation.schema or "main")
        query = text(
            "SELECT count(*), count(*) FILTER (WHERE i.name NOT IN"
            f" (SELECT m.name FROM {schema}.sqlite_master AS m WHERE m.type = 'index'))"
            " FROM pragma_index_list(:name, :schema) AS i WHERE i.origin = 'pk'"
        )
        bound = {"name": relation.name, "schema": relation.schema or "main"}
        indexed, without = connection.execute(query, bound).one()
        return indexed, without

    def _primary_key(self, connection: Connection, relation: Relation) -> tuple[str, ...]:
        columns = self._columns(connection, relation)
        places = sorted((place, name) for name, place in columns if place)
        return tuple(name for _, name in places)

    def _columns(self, connection: Connection, relation: Relation) -> list[tuple[str, int]]:
        """The columns, and the place of each in the primary key."""
        query = text("SELECT name, pk FROM pragma_table_info(:name, :schema)")
        bound = {"name": relation.name, "schema": relation.schema or "main"}
        return [(name, place) for name, place in connection.execute(query, bound)]

    def create(self, connection: Connection, table: KeyTable, query: str, *, unique: bool) -> None:
        run(connection, f"CREATE TEMPORARY TABLE {table.name} AS {query}")
        if unique:
            columns = ", ".join(table.key)
            run(connection, f"CREATE UNIQUE INDEX {table.name}_key ON {table.name} ({columns})")

    def insert_new(self, into: KeyTable, query: str) -> str:
        return f"INSERT OR IGNORE INTO {into.name} ({', '.join(into.columns)}) {query}"

    def referring(self, reference: Reference, keys: KeyTable) -> Match:
        """By whole numbers no collation has a word; else the parent's own column has it."""
        if not isinstance(keys.identity, RowId):
            return self.through_parent(reference, keys)
        match = super().referring(reference, keys)
        if reference.parent_columns != keys.identity:
            return match
        column = self.dialect.quote(reference.columns[0])
        return match._replace(only=f"t.{column} IN (SELECT k0 FROM {keys.name})")

    def own(self, keys: KeyTable, alias: str = "t") -> Match:
        match = super().own(keys, alias)
        names = ", ".join(f"{alias}.{self.dialect.quote(name)}" for name in keys.identity)
        known = f"SELECT {', '.join(keys.key)} FROM {keys.name}"
        return match._replace(only=f"({names}) IN ({known})")

    def delete(self, relation: Relation, identity: Sequence[str], match: Match) -> str:
        table = f"{self.name(relation)} AS t"
        names = ", ".join(f"t.{self.dialect.quote(name)}" for name in identity)
        meant = f"SELECT {names} FROM {match.source} JOIN {table} ON {match.on}"
        return f"DELETE FROM {table} WHERE {match.only or f'({names}) IN ({meant})'}"

    def delete_cycle(
        self, connection: Connection, group: Group, keys: Mapping[Relation, KeyTable]
    ) -> None:
        """RESTRICT, too, waits for the end while foreign keys are deferred."""
        deferred = number(connection, "PRAGMA defer_foreign_keys")
        run(connection, "PRAGMA defer_foreign_keys = ON")
        try:
            for member in group.members:
                run(connection, self.delete(member, keys[member].identity, self.own(keys[member])))
        finally:
            run(connection, f"PRAGMA defer_foreign_keys = {deferred}")
