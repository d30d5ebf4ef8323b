"""The table of a `BatchTable`: by name, or as SQLAlchemy knows it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from batch_ops.bulk.declared import codecs_of, defaults_of, fields_of, read_with
from batch_ops.database import reflect
from batch_ops.database.choice import dialect_for
from batch_ops.errors import DatabaseUnfitError, ParameterError, UnknownNameError
from batch_ops.spec.model import Entity, FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.bulk.declared import Codec
    from batch_ops.database import Table
    from batch_ops.database.faults import Fault
    from batch_ops.database.tables import Column

DECIMAL, FLOAT = FieldType.DECIMAL, FieldType.FLOAT


@dataclass(frozen=True)
class Named:
    """A table before it is looked at.

    Attributes:
        model: the mapped class, where it is one.
        declared: the table as SQLAlchemy knows it.
    """

    name: str
    schema: str | None = None
    key: tuple[str, ...] = ()
    model: type[Any] | None = None
    declared: sa.Table | None = None


@dataclass(frozen=True)
class Shape:
    """A table as it is.

    Attributes:
        table: its columns, key, unique groups and foreign keys; key columns take no NULL.
        numbered: the key column the database fills with numbers by itself.
        indexes: how many indexes each row is entered in.
        codecs: by column how a declared type keeps values, where it is not as they are.
        keys: the first column of unique indexes, by name.
        defaults: by column what makes its value where none is given, besides the database.
    """

    table: Table
    numbered: str | None
    indexes: int
    checks: tuple[tuple[str | None, str], ...] = ()
    codecs: Mapping[str, Codec] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Callable[[], Any]] = field(default_factory=dict)

    def read(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of the database as its declared types mean it."""
        return read_with(self.codecs, row) if self.codecs else row

    def blamed(self, fault: Fault) -> str | None:
        """The column a refusal is about, where the database names a constraint only."""
        constraint = fault.constraint or ""
        return self.keys.get(constraint) or self.blamed_by(constraint or fault.message)

    def blamed_by(self, message: str) -> str | None:
        """The only column of the CHECK that a message is about."""
        found = self._read_by(self._check_in(message) or "")
        return found[0] if len(found) == 1 else None

    def check_of(self, fault: Fault, columns: Collection[str]) -> str | None:
        """The condition of the CHECK that a refusal is about, where it reads these columns only."""
        condition = self._check_in(fault.constraint or fault.message)
        return condition if condition and set(self._read_by(condition)) <= set(columns) else None

    def _check_in(self, message: str) -> str | None:
        """The condition of the CHECK that a message names."""
        for name, condition in self.checks:
            if (name and re.search(rf"\b{re.escape(name)}\b", message)) or condition in message:
                return condition
        return None

    def _read_by(self, condition: str) -> list[str]:
        names = self.table.column_names
        return [name for name in names if re.search(rf"\b{re.escape(name)}\b", condition)]

    def known(self, names: Collection[str], what: str = "column") -> None:
        """See to it that columns exist.

        Raises:
            UnknownNameError: one does not, with the nearest that does.
        """
        there = self.table.column_names
        for name in names:
            if name not in there:
                where = f"Table {self.table.full_name!r} has no column of that name."
                raise UnknownNameError(what, str(name), there, state=where)


def named_table(table: Any, key: Sequence[str] | None) -> Named:
    """What was given as a table.

    Raises:
        ParameterError: it is none.
    """
    if isinstance(key, str):
        key = [key]
    if isinstance(table, str):
        schema, _, name = table.rpartition(".")
        return Named(name, schema or None, key=tuple(key or ()))
    declared = table if isinstance(table, sa.Table) else getattr(table, "__table__", None)
    if not isinstance(declared, sa.Table):
        raise ParameterError(
            f"A table is expected, and a value of type {type(table).__name__} was given.",
            todo="Give its name, a Table of SQLAlchemy, or a mapped class.",
        )
    own_key = tuple(key or (column.name for column in declared.primary_key.columns))
    model = table if table is not declared else None
    return Named(declared.name, declared.schema, own_key, model, declared)


def shape_of(connection: Connection, named: Named) -> Shape:
    """The table as the database has it; types that somebody has declared are taken from there.

    Raises:
        DatabaseUnfitError: it is not there.
        UnknownNameError: a declared column, or one of the key, is not there.
    """
    declared, dialect = named.declared, connection.dialect
    fields = () if declared is None else fields_of(declared, dialect)
    codecs = {} if declared is None else codecs_of(declared, dialect)
    entity = Entity(named.name, named.name, fields, named.key, named.schema)
    table = reflect.reflect(connection, entity)
    if table is None:
        names = sa.inspect(connection).get_table_names(schema=named.schema)
        missing = UnknownNameError("table", named.name, names)
        raise DatabaseUnfitError(f"{missing.what} {missing.todo}", todo="Create the table first.")
    for name in named.key:
        if name not in table.column_names:
            raise UnknownNameError("column", name, table.column_names)
    if named.key:
        table = replace(table, key=named.key)
    inspector = sa.inspect(connection)
    indexes = _indexes(inspector, named)
    found = inspector.get_check_constraints(named.name, schema=named.schema)
    checks = tuple((check.get("name"), str(check["sqltext"])) for check in found)
    meant = _Meant.of(connection, named, table)
    table = replace(table, columns=tuple(meant.column(c, table) for c in table.columns))
    keys = _keys(inspector, named, table)
    defaults = {} if declared is None else defaults_of(declared)
    return Shape(table, _numbered(table), indexes, checks, codecs, keys, defaults)


@dataclass(frozen=True)
class _Meant:
    """What SQLAlchemy does not tell of a table's columns: which hold JSON, collations, types."""

    json: Collection[str]
    collations: Mapping[str, str]
    types: Mapping[str, str]

    @classmethod
    def of(cls, connection: Connection, named: Named, table: Table) -> _Meant:
        dialect, where = dialect_for(connection.dialect.name), (named.name, named.schema)
        unknown = not all(column.sql_type for column in table.columns)
        return cls(
            dialect.json_columns(connection, *where),
            dialect.collations(connection, *where),
            dialect.type_names(connection, *where) if unknown else {},
        )

    def column(self, column: Column, table: Table) -> Column:
        """A column as it is meant; one of the key takes no NULL."""
        own = self.collations.get(column.name)
        kind = column.sql_type or self.types.get(column.name, "")
        return replace(
            column,
            type=FieldType.JSON if column.name in self.json else column.type,
            sql_type=f"{kind} COLLATE {own}" if own else kind,
            nullable=column.nullable and column.name not in table.key,
        )


def _indexes(inspector: sa.Inspector, named: Named) -> int:
    where = {"schema": named.schema}
    primary = inspector.get_pk_constraint(named.name, **where)["constrained_columns"]
    # SQLite keeps most primary keys and each UNIQUE in an index of its own making
    found = inspector.get_indexes(named.name, include_auto_indexes=True, **where)
    listed = [index["column_names"] for index in found]
    return len(found) + (bool(primary) and primary not in listed)


def _keys(inspector: sa.Inspector, named: Named, table: Table) -> dict[str, str]:
    found = inspector.get_indexes(named.name, schema=named.schema)
    named_keys = {
        str(index["name"]): str(index["column_names"][0])
        for index in found
        if index["unique"] and index["column_names"] and index["column_names"][0]
    }
    return {**named_keys, "PRIMARY": table.unique[0][0]} if table.unique else named_keys


def _numbered(table: Table) -> str | None:
    """The key column the database numbers by itself, where the key is one number."""
    if len(table.key) != 1:
        return None
    column = table.column(table.key[0])
    whole = column.type in (FieldType.INTEGER, FieldType.BIGINT)
    return (
        column.name
        if column.has_default or (whole and column.sql_type.upper() == "INTEGER")
        else None
    )
