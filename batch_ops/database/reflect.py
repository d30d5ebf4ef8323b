"""Reading a real table's shape."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, types
from sqlalchemy.exc import NoSuchTableError

from batch_ops.database.tables import Column, ForeignKey, Table
from batch_ops.errors import DatabaseUnfitError, UnknownNameError
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from sqlalchemy import Connection, Inspector

    from batch_ops.spec.model import Entity

_KINDS: tuple[tuple[type[types.TypeEngine[Any]], FieldType], ...] = (
    (types.Uuid, FieldType.UUID),
    (types.Boolean, FieldType.BOOLEAN),
    (types.BigInteger, FieldType.BIGINT),
    (types.Integer, FieldType.INTEGER),
    (types.Float, FieldType.FLOAT),
    (types.Numeric, FieldType.DECIMAL),
    (types.DateTime, FieldType.TIMESTAMP),
    (types.Date, FieldType.DATE),
    (types.Time, FieldType.TIME),
    (types.Interval, FieldType.INTERVAL),
    (types.JSON, FieldType.JSON),
    (types.LargeBinary, FieldType.BINARY),
    (types.Text, FieldType.TEXT),
    (types.String, FieldType.STRING),
)


def reflect(connection: Connection, entity: Entity) -> Table | None:
    """The entity's table as it is, or None when it is not there.

    The key is the primary key, else the columns the entity declares. Where the entity declares a
    field, its type is the entity's word (SQLite knows fewer types than we do).

    Raises:
        UnknownNameError: a declared field is not a column of the table.
    """
    inspector = inspect(connection)
    try:
        columns = inspector.get_columns(entity.table, schema=entity.schema)
    except NoSuchTableError:
        return None
    declared = {field.name: field for field in entity.fields}
    found = tuple(_column(connection, info, declared) for info in columns)
    _check_declared(entity, [column.name for column in found])
    primary = tuple(
        inspector.get_pk_constraint(entity.table, schema=entity.schema)["constrained_columns"]
    )
    return Table(
        name=entity.table,
        schema=entity.schema,
        columns=found,
        key=primary or entity.key,
        unique=_unique(inspector, entity, primary),
        foreign_keys=_foreign_keys(inspector, entity),
    )


def require(connection: Connection, entity: Entity) -> Table:
    """The entity's table; an error that says what to do when it is not there."""
    table = reflect(connection, entity)
    if table is None:
        raise DatabaseUnfitError(
            f"The table {entity.table!r} of entity {entity.name!r} is not there.",
            todo="Create it, or say `create_table: true` in the entity.",
            location=entity.location,
        )
    return table


def _column(connection: Connection, info: Any, declared: dict[str, Any]) -> Column:
    kind = info["type"]
    field = declared.get(info["name"])
    computed = info.get("computed") or (info.get("identity") or {}).get("always")
    return Column(
        name=info["name"],
        sql_type=_sql_type(connection, kind),
        type=field.type if field else field_type(kind),
        nullable=bool(info["nullable"]),
        length=_length(kind) or (field.length if field else None),
        precision=_precision(kind) or (field.precision if field else None),
        generated=bool(computed),
        has_default=info.get("default") is not None
        or bool(info.get("identity"))
        or info.get("autoincrement") is True,
    )


def _length(kind: types.TypeEngine[Any]) -> int | None:
    """An enumeration's length is only that of its longest word."""
    length: int | None = getattr(kind, "length", None)
    return None if isinstance(kind, types.Enum) else length


def _sql_type(connection: Connection, kind: types.TypeEngine[Any]) -> str:
    """The type as the database writes it; empty where SQLAlchemy has no word for it."""
    unknown = isinstance(kind, types.NullType)
    return "" if unknown else str(kind.compile(dialect=connection.dialect))


def field_type(kind: types.TypeEngine[Any]) -> FieldType | None:
    """The field type a reflected type stands for."""
    for known, name in _KINDS:
        if isinstance(kind, known):
            return name
    return _by_values(kind)


def _by_values(kind: types.TypeEngine[Any]) -> FieldType | None:
    """BINARY, LONGBLOB … have no common class that is public, and some INTERVALs neither."""
    try:
        python = kind.python_type
    except NotImplementedError:
        return None
    return {bytes: FieldType.BINARY, timedelta: FieldType.INTERVAL}.get(python)


def _precision(kind: types.TypeEngine[Any]) -> tuple[int, int] | None:
    if isinstance(kind, types.Numeric) and not isinstance(kind, types.Float) and kind.precision:
        return kind.precision, kind.scale or 0
    return None


def _check_declared(entity: Entity, columns: list[str]) -> None:
    for name in entity.columns:
        if name not in columns:
            raise UnknownNameError("column", name, columns, location=entity.location)


def _unique(
    inspector: Inspector, entity: Entity, primary: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    where = {"schema": entity.schema}
    groups = [primary] if primary else []
    constraints = inspector.get_unique_constraints(entity.table, **where)
    groups += [tuple(constraint["column_names"]) for constraint in constraints]
    # SQLite keeps a UNIQUE of a column in an index of its own making
    for index in inspector.get_indexes(entity.table, include_auto_indexes=True, **where):
        names = index["column_names"]
        partly = any(option.endswith("_where") for option in index.get("dialect_options", {}))
        if index["unique"] and None not in names and not partly:
            groups.append(tuple(str(name) for name in names))
    return tuple(dict.fromkeys(groups))


def _foreign_keys(inspector: Inspector, entity: Entity) -> tuple[ForeignKey, ...]:
    return tuple(
        ForeignKey(
            columns=tuple(info["constrained_columns"]),
            table=info["referred_table"],
            schema=info["referred_schema"],
            target_columns=tuple(info["referred_columns"]),
        )
        for info in inspector.get_foreign_keys(entity.table, schema=entity.schema)
    )
