"""Making a missing table from its entity."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from batch_ops.database.reflect import reflect, require
from batch_ops.database.render import Renderer
from batch_ops.database.tables import Column, ForeignKey, Table
from batch_ops.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.database.connect import Database
    from batch_ops.database.dialect import Dialect
    from batch_ops.spec.model import Entity, Field


def create_table_sql(dialect: Dialect, entity: Entity, entities: Mapping[str, Entity]) -> str:
    """`CREATE TABLE` for an entity: fields, key, unique columns, foreign keys."""
    lines = [_column_sql(dialect, entity, field) for field in entity.fields]
    if entity.key:
        lines.append(f"PRIMARY KEY ({', '.join(dialect.quote(name) for name in entity.key)})")
    lines += [
        _reference_sql(dialect, field, entities) for field in entity.fields if field.references
    ]
    name = dialect.table_sql(entity.table, entity.schema)
    return f"CREATE TABLE {name} (\n  " + ",\n  ".join(lines) + "\n)"


def _column_sql(dialect: Dialect, entity: Entity, field: Field) -> str:
    in_key = field.name in entity.key
    indexed = in_key or field.unique or field.references is not None
    parts = [dialect.quote(field.name), dialect.field_sql(field, indexed=indexed)]
    if in_key or not field.nullable:
        parts.append("NOT NULL")
    if field.default is not None:
        parts.append(f"DEFAULT {_literal(field.default)}")
    if field.unique:
        parts.append("UNIQUE")
    if field.check is not None:
        sql = Renderer(dialect, {}, datetime.now(UTC)).constraint(field.check)
        parts.append(f"CHECK ({sql})")
    return " ".join(parts)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def _reference_sql(dialect: Dialect, field: Field, entities: Mapping[str, Entity]) -> str:
    assert field.references is not None
    target = entities[field.references.entity]
    table = dialect.table_sql(target.table, target.schema)
    column, pointed = dialect.quote(field.name), dialect.quote(field.references.field)
    return f"FOREIGN KEY ({column}) REFERENCES {table} ({pointed})"


def ensure_table(database: Database, entity: Entity, entities: Mapping[str, Entity]) -> Table:
    """The entity's table, made when it is missing and the entity says `create_table: true`.

    Raises:
        DatabaseUnfitError: it is missing and may not be made.
        DeclarationError: it may be made, but the entity has no fields.
    """
    with database.reading() as connection:
        table = reflect(connection, entity)
    if table is not None:
        return table
    if not entity.create_table:
        with database.reading() as connection:
            return require(connection, entity)
    if not entity.fields:
        raise DeclarationError(
            f"Entity {entity.name!r} says `create_table: true` but has no fields.",
            todo="Declare its fields.",
            location=entity.location,
        )
    with database.locked() as connection:
        if reflect(connection, entity) is None:
            connection.exec_driver_sql(create_table_sql(database.dialect, entity, entities))
        return require(connection, entity)


def declared_table(dialect: Dialect, entity: Entity, entities: Mapping[str, Entity]) -> Table:
    """The table an entity would get: to judge a source against it before anything is made."""
    unique = [entity.key] if entity.key else []
    unique += [(field.name,) for field in entity.fields if field.unique]
    return Table(
        name=entity.table,
        schema=entity.schema,
        columns=tuple(_declared_column(dialect, entity, field) for field in entity.fields),
        key=entity.key,
        unique=tuple(dict.fromkeys(unique)),
        foreign_keys=tuple(
            _declared_key(field, entities) for field in entity.fields if field.references
        ),
    )


def _declared_column(dialect: Dialect, entity: Entity, field: Field) -> Column:
    return Column(
        name=field.name,
        sql_type=dialect.field_sql(field),
        type=field.type,
        nullable=field.nullable and field.name not in entity.key,
        length=field.length,
        precision=field.precision,
        has_default=field.default is not None,
    )


def _declared_key(field: Field, entities: Mapping[str, Entity]) -> ForeignKey:
    assert field.references is not None
    target = entities[field.references.entity]
    return ForeignKey((field.name,), target.table, target.schema, (field.references.field,))
