"""Tables as the database has them: columns, key, unique groups, foreign keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ops.spec.model import FieldType


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a real table.

    Attributes:
        sql_type: the type as the database writes it, with a collation where it has its own.
        type: the field type it stands for; None for types batch_ops has no word for.
        length: most characters, for limited text.
        generated: the database computes it; it cannot be written.
        has_default: the database fills it when it is left out.
    """

    name: str
    sql_type: str
    type: FieldType | None
    nullable: bool = True
    length: int | None = None
    precision: tuple[int, int] | None = None
    generated: bool = False
    has_default: bool = False

    @property
    def cast_type(self) -> str:
        """The type as a CAST takes it: without a collation."""
        return self.sql_type.partition(" COLLATE ")[0]


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of this table that point to columns of another one (names as in the database)."""

    columns: tuple[str, ...]
    table: str
    schema: str | None
    target_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A real table. `key` is what chunks and rejects go by: the primary key, else what the
    entity declares; empty when there is none. `unique` has every unique group, the primary key too.
    """

    name: str
    schema: str | None
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        return tuple(self.column(name) for name in self.key)

    @property
    def refers_to_itself(self) -> bool:
        """Whether one row may refer to another one."""
        return any(map(self.is_referred_to, self.foreign_keys))

    def is_referred_to(self, key: ForeignKey) -> bool:
        """Whether a foreign key of this table leads to the table itself."""
        return (key.table, key.schema or self.schema) == (self.name, self.schema)

    @property
    def full_name(self) -> str:
        """`schema.table`, unquoted: for messages and as the name of what is owned."""
        return f"{self.schema}.{self.name}" if self.schema else self.name
