"""Deleting rows with all that refer to them, by the database's own foreign keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.database.cascade_closure import Closure
from batch_ops.database.cascade_graph import ReferenceGraph, Relation
from batch_ops.errors import DatabaseUnfitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from batch_ops.database.cascade_sql import CascadeSQL
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table


@dataclass(frozen=True, slots=True)
class Doomed:
    """What a cascade removes from one table, or would remove.

    Attributes:
        table: its full name.
        rows: all rows that go.
        asked: how many of them were asked for: the roots that were found; 0 but for the target.
    """

    table: str
    rows: int
    asked: int = 0

    @property
    def cascaded(self) -> int:
        """The rows that go because they refer to others that go."""
        return self.rows - self.asked


@dataclass(frozen=True)
class Cascade:
    """Deletes rows of a table with all that refer to them, directly or not.

    Rows go by foreign keys with NO ACTION, RESTRICT or CASCADE, children first. What is declared
    ON DELETE SET NULL or SET DEFAULT the database does itself: those rows stay.
    """

    sql: CascadeSQL
    target: Table
    graph: ReferenceGraph
    identities: Mapping[Relation, tuple[str, ...]]

    @classmethod
    def of(cls, connection: Connection, dialect: Dialect, target: Table) -> Cascade:
        """Read the foreign keys that lead to the target.

        Raises:
            DatabaseUnfitError: rows refer to those of a table that cannot be told apart.
        """
        sql, root = dialect.cascade_sql(), Relation(target.schema, target.name)
        graph = ReferenceGraph.of(root, sql.references(connection, root))
        found = sql.identities(connection, graph.relations)
        cascade = cls(sql, target, graph, {**found, root: found[root] or target.key})
        cascade._check()
        return cascade

    def plan(
        self, connection: Connection, roots: Table, span: tuple[int, int] | None = None
    ) -> list[Doomed]:
        """What would go with the target's rows of these keys: the tables that would lose rows,
        children first, and the target as the last. Deletes nothing.

        Args:
            connection: in a transaction.
            roots: a table with the columns of the target's key, and `ROW` where there is a span.
            span: only the roots with `low < ROW <= high`.
        """
        several = [r for r in self.graph.relations if len(self.graph.references_of(r)) > 1]
        counted = [relation for relation in several if self.identities[relation]]
        with self._closure(connection, [*self._kept, *counted]) as closure:
            closure.fill(self.target, roots, span)
            rows = {relation: closure.count(relation) for relation in self.graph.relations}
            return self._doomed(rows, closure.count_roots())

    def delete(
        self, connection: Connection, roots: Table, span: tuple[int, int] | None = None
    ) -> list[Doomed]:
        """Delete the target's rows of these keys with all that refer to them; what went, as `plan`
        tells it. After an error none has gone, and the transaction can go on.

        Raises:
            DatabaseUnfitError: rows refer to each other in a circle this database cannot undo.
        """
        with self._closure(connection, self._kept) as closure:
            closure.fill(self.target, roots, span)
            asked = closure.count_roots()
            rows = [gone for group in self.graph.groups for gone in closure.delete(group).items()]
            return self._doomed(dict(rows), asked)

    @property
    def _kept(self) -> list[Relation]:
        """The tables whose rows must be known to find others."""
        needed = {self.graph.target, *(reference.parent for reference in self.graph.references)}
        return [relation for relation in self.graph.relations if relation in needed]

    def _closure(
        self, connection: Connection, kept: Iterable[Relation]
    ) -> AbstractContextManager[Closure]:
        return Closure.of(connection, self.sql, self.graph, self.identities, kept)

    def _doomed(self, rows: Mapping[Relation, int], asked: int) -> list[Doomed]:
        root = self.graph.target
        others = [
            Doomed(relation.full_name, number)
            for relation, number in rows.items()
            if number and relation != root
        ]
        # somebody else may have deleted some of them meanwhile
        return [*others, Doomed(root.full_name, rows[root], min(asked, rows[root]))]

    def _check(self) -> None:
        for relation in self._kept:
            if not self.identities[relation]:
                children = self.graph.referring_to(relation)
                raise _without_key(relation, ", ".join(child.full_name for child in children))


def _without_key(relation: Relation, children: str) -> DatabaseUnfitError:
    return DatabaseUnfitError(
        f"The rows of {relation.full_name} cannot be told apart, and rows of {children} refer"
        " to them: it has no primary key, and no unique columns that are NOT NULL.",
        todo=f"Give {relation.full_name} a primary key, or delete those rows without a cascade.",
    )
