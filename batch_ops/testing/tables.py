"""The tables of a scratch database, made from what entities declare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema
from sqlalchemy.types import UserDefinedType

from batch_ops.database.render import Renderer
from batch_ops.database.types import SerialId
from batch_ops.errors import UsageError
from batch_ops.journal.store import utc_now
from batch_ops.spec.model import FieldType, StepKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch_ops.database import Database
    from batch_ops.database.dialect import Dialect
    from batch_ops.spec.model import Entity, Field, Operation

CHILD = "batch_ops_test_child"
"""A table whose rows point to rows that therefore cannot be deleted."""
_WHOLE = (FieldType.INTEGER, FieldType.BIGINT)


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A row that the database will refuse to change or delete.

    keep: columns with the values they must keep; empty: the row cannot be deleted.
    """

    entity: str
    key: Mapping[str, Any]
    keep: Mapping[str, Any]


class _Declared(UserDefinedType[Any]):
    """A column's type in the words of the database."""

    cache_ok = True

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def get_col_spec(self, **_more: Any) -> str:
        return self.sql


def with_key(entity: Entity, operation: Operation) -> Entity:
    """The entity with a key: its own, else `id`, else what records are told apart by."""
    if entity.key:
        return entity
    targets = [s.conflict_target for s in operation.steps if s.entity == entity.name]
    named = next((target for target in targets if target), None)
    key = ("id",) if "id" in entity.columns else named or entity.columns[:1]
    fields = tuple(replace(f, nullable=f.nullable and f.name not in key) for f in entity.fields)
    return replace(entity, key=key, fields=fields)


def counted_key(entity: Entity, operation: Operation) -> str | None:
    """The key column the database has to count up, since a step adds rows without it."""
    if len(entity.key) != 1 or entity.field(entity.key[0]).type not in _WHOLE:
        return None
    for step in operation.steps:
        adds = step.kind is StepKind.INSERT and step.entity == entity.name
        mapped = getattr(step.source, "mapping", {})
        given = {*step.values, *mapped}
        if adds and given and entity.key[0] not in given:
            return entity.key[0]
    return None


@dataclass(frozen=True)
class Tables:
    """The tables of some entities.

    Attributes:
        counted: entity → its key column that the database counts up.
    """

    database: Database
    entities: Mapping[str, Entity]
    counted: Mapping[str, str]
    unique: Sequence[tuple[str, tuple[str, ...]]] = ()

    def make(self, spoiled: Sequence[Spoiled] = ()) -> None:
        """Make all of them.

        Raises:
            UsageError: one is there: the database is none to try things on.
        """
        metadata = self._metadata(spoiled)
        with self.database.locked() as connection:
            self._refuse_used(connection, metadata)
            for schema in sorted({e.schema for e in self.entities.values() if e.schema}):
                connection.execute(CreateSchema(schema, if_not_exists=True))
            metadata.create_all(connection)

    def drop(self) -> None:
        """Remove them again."""
        metadata = self._metadata([Spoiled(next(iter(self.entities)), {}, {})])
        with self.database.locked() as connection:
            metadata.drop_all(connection)

    def _refuse_used(self, connection: sa.Connection, metadata: sa.MetaData) -> None:
        for table in metadata.tables.values():
            if sa.inspect(connection).has_table(table.name, schema=table.schema):
                raise UsageError(
                    f"The table {table.name!r} is in {self.database.name} already.",
                    todo="Tests make and drop their tables: name an empty database.",
                )

    def _metadata(self, spoiled: Sequence[Spoiled]) -> sa.MetaData:
        metadata = sa.MetaData()
        for entity in self.entities.values():
            mine = [each for each in spoiled if each.entity == entity.name and each.keep]
            self._table(metadata, entity, mine)
        for name in {each.entity for each in spoiled if not each.keep}:
            self._child(metadata, self.entities[name])
        return metadata

    def _table(self, metadata: sa.MetaData, entity: Entity, spoiled: Sequence[Spoiled]) -> None:
        groups = [columns for name, columns in self.unique if name == entity.name]
        sa.Table(
            entity.table,
            metadata,
            *(self._column(entity, field) for field in entity.fields),
            sa.PrimaryKeyConstraint(*entity.key),
            *(sa.UniqueConstraint(*columns) for columns in groups),
            *(sa.CheckConstraint(sql) for sql in self._checks(entity)),
            *(sa.CheckConstraint(self._kept(each)) for each in spoiled),
            schema=entity.schema,
        )

    def _column(self, entity: Entity, field: Field) -> sa.Column[Any]:
        counts = self.counted.get(entity.name) == field.name
        in_key = field.name in entity.key
        indexed = in_key or field.unique or field.references is not None
        sql = self.database.dialect.field_sql(field, indexed=indexed)
        default = None if field.default is None else sa.text(self._literal(field.default))
        return sa.Column(
            field.name,
            SerialId if counts else _Declared(sql),
            *self._foreign(field),
            autoincrement=counts,
            nullable=field.nullable and not in_key,
            unique=field.unique,
            server_default=default,
        )

    def _foreign(self, field: Field) -> Iterable[sa.ForeignKey]:
        if field.references is not None and field.references.entity in self.entities:
            target = self.entities[field.references.entity]
            name = f"{target.schema}.{target.table}" if target.schema else target.table
            yield sa.ForeignKey(f"{name}.{field.references.field}")

    def _checks(self, entity: Entity) -> Iterable[str]:
        renderer = Renderer(self.database.dialect, {}, utc_now())
        checks = [renderer.constraint(field.check) for field in entity.fields if field.check]
        return [check.replace(":", "\\:") for check in checks]

    def _kept(self, spoiled: Spoiled) -> str:
        """`the row is another one, or its columns are as they were`."""
        other = " OR ".join(f"NOT ({self._same(n, v)})" for n, v in spoiled.key.items())
        same = " AND ".join(self._same(name, value) for name, value in spoiled.keep.items())
        return f"{other} OR ({same})"

    def _same(self, name: str, value: Any) -> str:
        column = self.database.dialect.quote(name)
        if value is None:
            return f"{column} IS NULL"
        return f"{column} IS NOT NULL AND {column} = {self._literal(value)}"

    def _literal(self, value: Any) -> str:
        return literal(self.database.dialect, value).replace(":", "\\:")

    def _child(self, metadata: sa.MetaData, entity: Entity) -> None:
        columns = [f"parent_{name}" for name in entity.key]
        name = f"{entity.schema}.{entity.table}" if entity.schema else entity.table
        sa.Table(
            CHILD,
            metadata,
            *(
                sa.Column(column, _Declared(self._key_sql(entity, key)))
                for column, key in zip(columns, entity.key, strict=True)
            ),
            sa.ForeignKeyConstraint(columns, [f"{name}.{key}" for key in entity.key]),
        )

    def _key_sql(self, entity: Entity, key: str) -> str:
        return self.database.dialect.field_sql(entity.field(key), indexed=True)

    def hold(self, spoiled: Sequence[Spoiled]) -> None:
        """Rows that point to those that cannot be deleted."""
        quote = self.database.dialect.quote
        with self.database.writing() as connection:
            for each in (one for one in spoiled if not one.keep):
                columns = ", ".join(quote(f"parent_{name}") for name in each.key)
                values = ", ".join(self._literal(value) for value in each.key.values())
                insert = f"INSERT INTO {quote(CHILD)} ({columns}) VALUES ({values})"
                connection.execute(sa.text(insert))


def literal(dialect: Dialect, value: Any) -> str:
    """A value as it can stand in a definition."""
    told = dialect.moment(value)
    if isinstance(told, bool):
        return "TRUE" if told else "FALSE"
    if isinstance(told, int | float):
        return repr(told)
    text = told.isoformat(sep=" ") if isinstance(told, datetime) else str(told)
    return "'" + text.replace("'", "''") + "'"
