"""Which tables refer to a table, and in what order their rows can go."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Relation(NamedTuple):
    """A table's place: its schema (None: the default one) and its name."""

    schema: str | None
    name: str

    @property
    def full_name(self) -> str:
        """`schema.table`, unquoted: for messages."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key whose rows must go before those they refer to.

    Attributes:
        child: the table that refers.
        parent_columns: what is referred to, in the order of `columns`.
        optional: one of the columns that may be NULL; told where NULL is a way out of a cycle.
    """

    child: Relation
    columns: tuple[str, ...]
    parent: Relation
    parent_columns: tuple[str, ...]
    optional: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One table; or several that refer to each other in a cycle.

    Attributes:
        references: those from a member to a member; none where there is no cycle.
    """

    members: tuple[Relation, ...]
    references: tuple[Reference, ...]

    @property
    def in_cycle(self) -> bool:
        """Whether a member is reached from itself."""
        return bool(self.references)

    @property
    def names(self) -> str:
        """The tables, for messages."""
        return ", ".join(member.full_name for member in self.members)


@dataclass(frozen=True, slots=True)
class ReferenceGraph:
    """A table and all that refer to it, directly or not.

    Attributes:
        references: those by which rows are reached from the target.
        groups: children first: those nobody refers to, …, the target's own group.
    """

    target: Relation
    references: tuple[Reference, ...]
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, target: Relation, references: Iterable[Reference]) -> ReferenceGraph:
        """The part of a database's foreign keys that leads to the target."""
        known = tuple(references)
        reached = _referring(target, _children(known))
        mine = tuple(reference for reference in known if reference.parent in reached)
        return cls(target, mine, _groups(target, mine))

    @property
    def relations(self) -> tuple[Relation, ...]:
        """All tables, children first."""
        return tuple(member for group in self.groups for member in group.members)

    def referring_to(self, relation: Relation) -> tuple[Relation, ...]:
        """The tables that refer to a table."""
        found = (reference.child for reference in self.references if reference.parent == relation)
        return tuple(dict.fromkeys(found))

    def references_of(self, relation: Relation) -> tuple[Reference, ...]:
        """The references of a table to others, and to itself."""
        return tuple(reference for reference in self.references if reference.child == relation)


def _children(references: Iterable[Reference]) -> dict[Relation, set[Relation]]:
    found: dict[Relation, set[Relation]] = defaultdict(set)
    for reference in references:
        found[reference.parent].add(reference.child)
    return found


def _referring(start: Relation, children: Mapping[Relation, set[Relation]]) -> set[Relation]:
    """A table and those that refer to it, directly or not."""
    found, waiting = {start}, [start]
    while waiting:
        more = children.get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return found


def _groups(target: Relation, references: tuple[Reference, ...]) -> tuple[Group, ...]:
    """Two tables are of one group when each refers to the other, directly or not."""
    children = _children(references)
    relations = {target, *(reference.child for reference in references)}
    reached = {relation: _referring(relation, children) for relation in relations}
    member_of = {
        relation: _group(target, references, [r for r in found if relation in reached[r]])
        for relation, found in reached.items()
    }
    return _children_first(member_of, references)


def _group(target: Relation, references: tuple[Reference, ...], members: list[Relation]) -> Group:
    """The target is the last of its group."""
    ordered = sorted(members, key=lambda member: (member == target, member.full_name))
    inside = tuple(r for r in references if r.child in members and r.parent in members)
    return Group(tuple(ordered), inside)


def _children_first(
    member_of: Mapping[Relation, Group], references: tuple[Reference, ...]
) -> tuple[Group, ...]:
    order: TopologicalSorter[Group] = TopologicalSorter()
    for group in sorted(set(member_of.values()), key=lambda group: group.names):
        order.add(group)
    for reference in references:
        child, parent = member_of[reference.child], member_of[reference.parent]
        if child != parent:
            order.add(parent, child)
    return tuple(order.static_order())
