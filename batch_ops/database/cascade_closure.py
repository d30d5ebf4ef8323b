"""Which rows go: found level by level, kept as keys in temporary tables of the session."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.database.cascade_sql import NOTHING, ROUND, KeyTable, number, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection

    from batch_ops.database.cascade_graph import Group, Reference, ReferenceGraph, Relation
    from batch_ops.database.cascade_sql import CascadeSQL, Match
    from batch_ops.database.tables import Table

PREFIX = "batch_ops_doomed_"


@dataclass(frozen=True)
class Closure:
    """The rows of all tables that go.

    Attributes:
        keys: the tables whose keys are kept; rows of the others are found by what they refer to.
    """

    connection: Connection
    sql: CascadeSQL
    graph: ReferenceGraph
    identities: Mapping[Relation, tuple[str, ...]]
    keys: Mapping[Relation, KeyTable]

    @classmethod
    @contextmanager
    def of(
        cls,
        connection: Connection,
        sql: CascadeSQL,
        graph: ReferenceGraph,
        identities: Mapping[Relation, tuple[str, ...]],
        kept: Iterable[Relation],
    ) -> Iterator[Closure]:
        """A closure that keeps the keys of these tables. It ends with the block; after an error
        nothing of what was done in it stays.
        """
        cycles = {member for group in graph.groups if group.in_cycle for member in group.members}
        keys = {
            relation: KeyTable(f"{PREFIX}{n}", relation, identities[relation], relation in cycles)
            for n, relation in enumerate(dict.fromkeys(kept), 1)
        }
        with connection.begin_nested():
            yield cls(connection, sql, graph, identities, keys)
            for table in keys.values():
                sql.drop(connection, table)

    def fill(self, target: Table, roots: Table, span: tuple[int, int] | None) -> None:
        """Find all rows that go with the target's rows of these keys."""
        for group in reversed(self.graph.groups):
            for relation in [member for member in group.members if member in self.keys]:
                matches = self._referring(relation, but=group.references)
                if relation == self.graph.target:
                    matches = [self.sql.roots(target, roots, span)]
                self._begin(self.keys[relation], matches or [NOTHING])
            if group.in_cycle:
                self._complete(group)

    def count(self, relation: Relation) -> int:
        """How many rows of a table go."""
        if relation in self.keys:
            return number(self.connection, f"SELECT count(*) FROM {self.keys[relation].name}")
        return number(self.connection, self.sql.count(relation, self._referring(relation)))

    def count_roots(self) -> int:
        """How many rows of the target were asked for."""
        keys = self.keys[self.graph.target]
        first = f" WHERE {ROUND} = 0" if keys.in_cycle else ""
        return number(self.connection, f"SELECT count(*) FROM {keys.name}{first}")

    def delete(self, group: Group) -> dict[Relation, int]:
        """Delete the rows of a group; how many of each table.

        Raises:
            DatabaseUnfitError: they hold each other in a way this database cannot undo.
        """
        if not group.in_cycle:
            return {member: self._delete(member) for member in group.members}
        # a database that removes some of them itself does not count those
        rows = {member: self.count(member) for member in group.members}
        self.sql.delete_cycle(self.connection, group, self.keys)
        return rows

    def _delete(self, relation: Relation) -> int:
        keys, identity = self.keys.get(relation), self.identities[relation]
        matches = [self.sql.own(keys)] if keys else self._referring(relation)
        statements = [self.sql.delete(relation, identity, match) for match in matches]
        return sum(run(self.connection, statement) for statement in statements)

    # finding

    def _referring(self, relation: Relation, but: tuple[Reference, ...] = ()) -> list[Match]:
        """The rows of a table that refer to rows that go."""
        return [
            self.sql.referring(reference, self.keys[reference.parent])
            for reference in self.graph.references_of(relation)
            if reference not in but
        ]

    def _begin(self, keys: KeyTable, matches: list[Match]) -> None:
        """The rows that refer to earlier groups, and the roots, which may be asked for twice."""
        several = keys.in_cycle or len(matches) > 1
        once = several or keys.relation == self.graph.target
        first, *others = [self.sql.select(keys, match, once=once) for match in matches]
        self.sql.create(self.connection, keys, first, unique=several)
        for query in others:
            run(self.connection, self.sql.insert_new(keys, query))
        self.sql.settle(self.connection, keys)

    def _complete(self, group: Group) -> None:
        """The rows of a cycle that refer to rows found the last time, until there are none."""
        members, turn = [self.keys[member] for member in group.members], 0
        for keys in members:
            self.sql.create(self.connection, keys.frontier, _found(keys, turn), unique=False)
        grown = {keys.relation: self.count(keys.relation) for keys in members}
        while any(grown.values()):
            turn += 1
            for reference in group.references:
                if grown[reference.parent]:
                    self._follow(reference, turn)
            grown = {keys.relation: self._advance(keys, turn) for keys in members}
        for keys in members:
            self.sql.drop(self.connection, keys.frontier)
            self.sql.settle(self.connection, keys)

    def _follow(self, reference: Reference, turn: int) -> None:
        keys = self.keys[reference.child]
        match = self.sql.referring(reference, self.keys[reference.parent].frontier)
        run(self.connection, self.sql.insert_new(keys, self.sql.select(keys, match, turn=turn)))

    def _advance(self, keys: KeyTable, turn: int) -> int:
        """Put the rows of a round in the place of the one before it; how many."""
        run(self.connection, self.sql.dialect.empty_sql(keys.frontier.name))
        into = f"INSERT INTO {keys.frontier.name} ({', '.join(keys.key)})"
        rows = run(self.connection, f"{into} {_found(keys, turn)}")
        self.sql.settle(self.connection, keys.frontier)
        return rows


def _found(keys: KeyTable, turn: int) -> str:
    """The keys that were found in a round."""
    return f"SELECT {', '.join(keys.key)} FROM {keys.name} WHERE {ROUND} = {turn}"
