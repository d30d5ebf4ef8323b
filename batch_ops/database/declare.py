"""A table that is there, as the text of an entity file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING

from batch_ops.errors import UsageError
from batch_ops.spec.model import FieldType
from batch_ops.spec.values import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from batch_ops.database.tables import Column, ForeignKey, Table
    from batch_ops.spec.model import Entity

_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""What some readers of YAML take for a value that is no text."""


def entity_name(table: str) -> str:
    """A name for the entity of a table: its own, as far as the language allows."""
    name = re.sub(r"\W+", "_", table, flags=re.ASCII).strip("_") or "table"
    name = f"t_{name}" if name[0].isdigit() else name
    return f"{name}_rows" if iskeyword(name) else name[:63]


def entity_text(table: Table, entities: Mapping[str, Entity], connection: str | None = None) -> str:
    """The entity file of a table, with an operation to begin with as a comment.

    entities: those that are declared already; a reference needs the other one's.

    Raises:
        UsageError: the language has no way to write the table's name, or no column it could.
    """
    name = entity_name(table.name)
    written = _Written(table, name, entities)
    return "\n".join([*written.head(connection), *written.fields(), "", *written.example()]) + "\n"


@dataclass(frozen=True, slots=True)
class _Written:
    """The lines of one table's entity file."""

    table: Table
    name: str
    entities: Mapping[str, Entity]

    @property
    def known(self) -> list[Column]:
        """The columns the language has words for."""
        return [c for c in self.table.columns if c.type and NAME.fullmatch(c.name)]

    @property
    def key(self) -> tuple[str, ...]:
        """The key, where it can be declared."""
        known = {column.name for column in self.known}
        return self.table.key if set(self.table.key) <= known else ()

    def head(self, connection: str | None) -> Iterator[str]:
        parts = [part for part in (self.table.schema, self.table.name) if part]
        if not all(map(NAME.fullmatch, parts)) or not self.known:
            what = f"The table {self.table.full_name!r} cannot be declared."
            todo = "The names of a table and its columns are letters, digits and underscores."
            raise UsageError(what, todo=todo)
        yield f"name: {_plain(self.name)}"
        if parts != [self.name]:
            yield f"table: {_plain('.'.join(parts))}"
        if connection:
            yield f"connection: {_plain(connection)}"
        if self.key:
            yield f"key: {_one_or_list(self.key)}"
        elif not self.table.key:
            yield "# key: …  (there is no primary key: name the columns that tell rows apart)"

    def fields(self) -> Iterator[str]:
        yield "fields:"
        for column in self.table.columns:
            if column not in self.known:
                told = f"{column.name}: {column.sql_type}".rstrip(": ")
                yield f"  # {told}  (left out: no word for it)"
                continue
            yield f"  {_plain(column.name)}: {self._field(column)}"
            yield from (f"    # {note}" for note in self._notes(column))

    def _field(self, column: Column) -> str:
        more: dict[str, str] = {}
        if not column.nullable and column.name not in self.table.key:
            more["nullable"] = "false"
        if (column.name,) in self.table.unique and (column.name,) != self.table.key:
            more["unique"] = "true"
        if reference := next(filter(None, map(self._reference, self._keys_of(column))), None):
            more["references"] = reference
        kind = _type(column)
        if not more:
            return kind if "," not in kind else f'"{kind}"'
        told = ", ".join(f"{option}: {value}" for option, value in more.items())
        return f'{{type: "{kind}", {told}}}' if "," in kind else f"{{type: {kind}, {told}}}"

    def _notes(self, column: Column) -> Iterator[str]:
        if column.generated:
            yield "the database computes it: it cannot be written"
        for key in self._keys_of(column):
            if self._reference(key) is None:
                pointed = f"{key.table}.{key.target_columns[0]}"
                yield f"references: {pointed}  (once that table is declared, too)"
        for key in self.table.foreign_keys:
            if len(key.columns) > 1 and key.columns[0] == column.name:
                yield f"({', '.join(key.columns)}) point to a row of {key.table}"

    def _keys_of(self, column: Column) -> Iterable[ForeignKey]:
        return (key for key in self.table.foreign_keys if key.columns == (column.name,))

    def _reference(self, key: ForeignKey) -> str | None:
        """`entity.field`, where that entity is declared (this one is)."""
        pointed = key.target_columns[0]
        if self.table.is_referred_to(key):
            known = pointed in {column.name for column in self.known}
            return f"{self.name}.{pointed}" if known else None
        for entity in self.entities.values():
            same = entity.table == key.table and entity.schema == key.schema
            if same and pointed in entity.columns:
                return f"{entity.name}.{pointed}"
        return None

    def example(self) -> Iterator[str]:
        yield "# An operation to begin with; take the # away."
        yield from (f"# {line}" for line in self._operation())

    def _operation(self) -> Iterator[str]:
        key = self.key or tuple(column.name for column in self.known[:1])
        keys = f"({', '.join(key)}) IN (:keys)" if len(key) > 1 else f"{key[0]} = ANY(:keys)"
        changed = [c.name for c in self.known if c.name not in key and not c.generated]
        yield "patterns:"
        yield "  - name: batch_operations"
        yield f"    operation: {'change' if changed else 'remove'}_{self.name[:50]}"
        yield f"    operation_type: {'update' if changed else 'delete'}"
        if changed:
            yield "    update_data:"
            yield f"      {_plain(changed[-1])}: :new_value"
        yield f'    where_condition: "{keys}"'


def _type(column: Column) -> str:
    assert column.type is not None
    if column.type is FieldType.STRING and column.length:
        return f"string({column.length})"
    if column.type is FieldType.DECIMAL and column.precision:
        return "decimal({},{})".format(*column.precision)
    return str(column.type)


def _plain(word: str) -> str:
    return f'"{word}"' if word.lower() in _WORDS else word


def _one_or_list(names: tuple[str, ...]) -> str:
    plain = [_plain(name) for name in names]
    return plain[0] if len(plain) == 1 else f"[{', '.join(plain)}]"
