"""Which column of which declared entity a name in an expression means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch_ops.spec.model import Entity
    from batch_ops.spec.nodes import Node

KIND = "kind"
"""Under this name a tree's columns carry their fields' types."""

_Scope = dict[str, "Entity"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What an expression reads: the target's columns, and entities in sub-selects."""

    columns: frozenset[str]
    entities: frozenset[str]


@dataclass(slots=True)
class _Resolver:
    node: Node
    target: Entity
    entities: Mapping[str, Entity]
    columns: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)

    def visit(self, tree: exp.Expr, scopes: Sequence[_Scope]) -> None:
        """Resolve the columns of a tree; `scopes` are the tables in sight, the innermost last."""
        stack = [tree]
        while stack:
            part = stack.pop()
            if isinstance(part, exp.Select):
                self._select(part, scopes)
            elif isinstance(part, exp.Column):
                self._column(part, scopes)
            else:
                stack.extend(part.iter_expressions())

    def _select(self, select: exp.Select, scopes: Sequence[_Scope]) -> None:
        inner = [*scopes, self._tables(select)]
        for part in select.iter_expressions():
            self.visit(part, inner)

    def _tables(self, select: exp.Select) -> _Scope:
        source = select.args.get("from_")
        joins = select.args.get("joins") or []
        tables = [part.this for part in ([source] if source else []) + joins]
        return dict(self._table(table) for table in tables)

    def _table(self, table: exp.Expr) -> tuple[str, Entity]:
        plain = isinstance(table, exp.Table) and isinstance(table.this, exp.Identifier)
        if not isinstance(table, exp.Table) or not plain:
            raise self.node.error("A sub-select may only read declared entities.")
        name = table.sql(dialect="postgres", comments=False).split(" AS ")[0]
        entity = None if table.args.get("db") else self.entities.get(table.name)
        if entity is None:
            known, place = sorted(self.entities), self.node.location
            raise UnknownNameError("entity", name, known, location=place)
        self.read.add(entity.name)
        alias = table.alias or entity.name
        _point_to(table, entity, alias)
        return alias, entity

    def _column(self, column: exp.Column, scopes: Sequence[_Scope]) -> None:
        if column.args.get("db") or isinstance(column.this, exp.Star):
            raise self.node.error(f"{column.sql(dialect='postgres')} is not allowed here.")
        scope = self._scope_of(column, scopes)
        entity = scope[column.table] if column.table else _owner(column, scope)
        name = _declared(column, entity) if entity else None
        if entity is None or name is None:
            raise self._unknown(column, scopes)
        column.set("this", exp.to_identifier(name, quoted=True))
        column.meta[KIND] = entity.field(name).type
        if scope is scopes[0]:
            self.columns.add(name)
        if column.table:
            shown = entity.table if scope is scopes[0] else column.table
            column.set("table", exp.to_identifier(shown, quoted=True))

    def _scope_of(self, column: exp.Column, scopes: Sequence[_Scope]) -> _Scope:
        for scope in reversed(scopes):
            if column.table in scope if column.table else _owner(column, scope):
                return scope
        if column.table:
            known = [name for scope in scopes for name in scope]
            place = self.node.location
            raise UnknownNameError("entity", column.table, known, location=place)
        raise self._unknown(column, scopes)

    def _unknown(self, column: exp.Column, scopes: Iterable[_Scope]) -> UnknownNameError:
        entities = [e for scope in scopes for a, e in scope.items() if column.table in ("", a)]
        known = [name for entity in entities for name in entity.columns]
        offset = self.node.text.find(column.name)
        place = self.node.at(max(offset, 0))
        return UnknownNameError("column", column.name, known, location=place)


def resolve(tree: exp.Expr, node: Node, entity: Entity, entities: Mapping[str, Entity]) -> Reading:
    """Check every table and column of a tree, and put the declared names in, quoted.

    In the tree, tables of sub-selects become the entities' real tables under the name they were
    called by; the target's own columns carry its table's name only where they were written so.

    Raises:
        UnknownNameError: a name nobody declared.
    """
    resolver = _Resolver(node, entity, entities)
    resolver.visit(tree, [{entity.name: entity}])
    return Reading(frozenset(resolver.columns), frozenset(resolver.read))


def _owner(column: exp.Column, scope: _Scope) -> Entity | None:
    return next((e for e in scope.values() if _declared(column, e) is not None), None)


def _declared(column: exp.Column, entity: Entity) -> str | None:
    """The declared name; unquoted names are compared without regard to case."""
    if column.name in entity.columns:
        return column.name
    if column.this.args.get("quoted"):
        return None
    folded = {name.casefold(): name for name in entity.columns}
    return folded.get(column.name.casefold())


def _point_to(table: exp.Table, entity: Entity, alias: str) -> None:
    table.set("this", exp.to_identifier(entity.table, quoted=True))
    if entity.schema:
        table.set("db", exp.to_identifier(entity.schema, quoted=True))
    if alias != entity.table or entity.schema:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
