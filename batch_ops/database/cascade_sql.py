"""The SQL of a cascade: what databases have in common, and what each has to say itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import inspect

from batch_ops.database.cascade_graph import Relation
from batch_ops.database.merge import ROW
from batch_ops.database.reflect import reflect
from batch_ops.spec.model import Entity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.cascade_graph import Group, Reference
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table


ROUND = "bo_round"
"""In which round a row of a cycle was found; in round 0 the target has its roots alone."""


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A temporary table: what tells the doomed rows of a table apart, in columns `k0`, `k1` …

    Attributes:
        in_cycle: it has the column `ROUND`, too.
    """

    name: str
    relation: Relation
    identity: tuple[str, ...]
    in_cycle: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(f"k{place}" for place in range(len(self.identity)))

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, ROUND) if self.in_cycle else self.key

    @property
    def frontier(self) -> KeyTable:
        """The one beside it with the rows of the last round."""
        return KeyTable(f"{self.name}_new", self.relation, self.identity)


class Match(NamedTuple):
    """Which rows of a table, as `t`, are meant: those that join a FROM item on a condition.

    Attributes:
        only: the same as a condition on `t` alone, where a database is quicker with one.
    """

    source: str
    on: str
    only: str | None = None


NOTHING = Match("(SELECT 1 AS n) AS d", "1 = 0")


class CascadeSQL(ABC):
    """One kind of database; stateless."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    # what the database knows

    @abstractmethod
    def references(self, connection: Connection, target: Relation) -> list[Reference]:
        """The foreign keys of which we have to remove the rows: all but those with ON DELETE SET
        NULL or SET DEFAULT. The target stands in them as it is given.
        """

    def holding_back(self, connection: Connection, target: Relation) -> list[Reference]:
        """The foreign keys that lead to a table and keep the database from deleting a row that is
        referred to; those are left out whose rows go with it. None, where nobody has asked.
        """
        return []

    def identities(
        self, connection: Connection, relations: Collection[Relation]
    ) -> dict[Relation, tuple[str, ...]]:
        """By which columns rows can be told apart: the primary key, else unique columns that are
        never NULL; empty: by none.
        """
        inspector = inspect(connection)
        found: dict[Relation, tuple[str, ...]] = {}
        for schema in {relation.schema for relation in relations}:
            names = [relation.name for relation in relations if relation.schema == schema]
            keys = inspector.get_multi_pk_constraint(schema=schema, filter_names=names)
            for (_, name), key in keys.items():
                found[Relation(schema, name)] = tuple(key["constrained_columns"])
        return {
            relation: found.get(relation) or _unique(connection, relation) for relation in relations
        }

    # temporary tables

    @abstractmethod
    def create(self, connection: Connection, table: KeyTable, query: str, *, unique: bool) -> None:
        """Make the temporary table of a query's rows; `unique`: `insert_new` will be called."""

    @abstractmethod
    def insert_new(self, into: KeyTable, query: str) -> str:
        """Insert the rows of a query whose keys are not there."""

    def settle(self, connection: Connection, table: KeyTable) -> None:
        """Tell the planner about a temporary table that was filled."""

    def drop(self, connection: Connection, table: KeyTable) -> None:
        run(connection, f"DROP TABLE {table.name}")

    # deleting

    @abstractmethod
    def delete(self, relation: Relation, identity: Sequence[str], match: Match) -> str:
        """Delete a table's rows that are meant."""

    @abstractmethod
    def delete_cycle(
        self, connection: Connection, group: Group, keys: Mapping[Relation, KeyTable]
    ) -> None:
        """Delete the doomed rows of tables that refer to each other.

        Raises:
            DatabaseUnfitError: they hold each other in a way this database cannot undo.
        """

    # pieces

    def name(self, relation: Relation) -> str:
        """The table's name, quoted."""
        return self.dialect.table_sql(relation.name, relation.schema)

    def select(self, keys: KeyTable, match: Match, *, turn: int = 0, once: bool = False) -> str:
        """The rows that are meant, as a key table has them; `once`: none of them twice."""
        columns = [f"t.{self.dialect.quote(name)} AS {key}" for name, key in _pairs(keys)]
        columns += [f"{turn} AS {ROUND}"] if keys.in_cycle else []
        select = "SELECT DISTINCT" if once else "SELECT"
        joined = f"{match.source} JOIN {self.name(keys.relation)} AS t ON {match.on}"
        return f"{select} {', '.join(columns)} FROM {joined}"

    def count(self, relation: Relation, matches: Sequence[Match]) -> str:
        """How many rows are meant by one match or another, each counted once."""
        table = self.name(relation)
        if len(matches) == 1:
            return f"SELECT count(*) FROM {matches[0].source} JOIN {table} AS t ON {matches[0].on}"
        meant = [f"EXISTS (SELECT 1 FROM {match.source} WHERE {match.on})" for match in matches]
        return f"SELECT count(*) FROM {table} AS t WHERE {' OR '.join(meant)}"

    def roots(self, target: Table, roots: Table, span: tuple[int, int] | None) -> Match:
        """The rows of the target with a root's key; `span`: of roots with `low < ROW <= high`."""
        quote = self.dialect.quote
        on = [f"t.{quote(name)} = r.{quote(name)}" for name in target.key]
        if span:
            on += [f"r.{quote(ROW)} > {span[0]}", f"r.{quote(ROW)} <= {span[1]}"]
        return Match(f"{self.dialect.table_sql(roots.name, roots.schema)} AS r", " AND ".join(on))

    def own(self, keys: KeyTable, alias: str = "t") -> Match:
        """The rows whose keys are in a key table."""
        on = [f"{alias}.{self.dialect.quote(name)} = d.{key}" for name, key in _pairs(keys)]
        return Match(f"{keys.name} AS d", " AND ".join(on))

    def referring(self, reference: Reference, keys: KeyTable) -> Match:
        """The child's rows that refer to rows of the parent whose keys are in a key table."""
        known = dict(_pairs(keys))
        if not known.keys() >= set(reference.parent_columns):
            return self.through_parent(reference, keys)
        pairs = zip(reference.columns, reference.parent_columns, strict=True)
        on = [f"d.{known[parent]} = t.{self.dialect.quote(column)}" for column, parent in pairs]
        return Match(f"{keys.name} AS d", " AND ".join(on))

    def through_parent(self, reference: Reference, keys: KeyTable) -> Match:
        """The same by the parent itself, as `p`: the database compares as for its foreign key."""
        pairs = zip(reference.columns, reference.parent_columns, strict=True)
        quote = self.dialect.quote
        on = [f"p.{quote(parent)} = t.{quote(column)}" for column, parent in pairs]
        through = f"{keys.name} AS d JOIN {self.name(keys.relation)} AS p"
        return Match(f"{through} ON {self.own(keys, 'p').on}", " AND ".join(on))


def run(connection: Connection, statement: str) -> int:
    """Execute a statement in which `%` and `:` stand for themselves; how many rows it wrote."""
    plain = {"no_parameters": True}
    return int(connection.exec_driver_sql(statement, execution_options=plain).rowcount)


def number(connection: Connection, query: str) -> int:
    """The number a query comes to."""
    plain = {"no_parameters": True}
    return int(connection.exec_driver_sql(query, execution_options=plain).scalar_one())


def _pairs(keys: KeyTable) -> Iterable[tuple[str, str]]:
    return zip(keys.identity, keys.key, strict=True)


def _unique(connection: Connection, relation: Relation) -> tuple[str, ...]:
    table = reflect(connection, Entity(relation.name, relation.name, (), schema=relation.schema))
    for group in table.unique if table else ():
        if table and not any(table.column(name).nullable for name in group):
            return group
    return ()
