"""What each target column of a record is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database.compute import Computer, field_column
from batch_ops.errors import SourceError
from batch_ops.sources.header import NO_FIELD, judge_columns
from batch_ops.sources.texts import NULL_TEXT, constant_text
from batch_ops.spec.model import Expression
from batch_ops.spec.origins import BY_POSITION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.database.tables import Column
    from batch_ops.sources.asked import Asked
    from batch_ops.sources.header import Fields
    from batch_ops.spec.model import Value


@dataclass(frozen=True, slots=True)
class FromField:
    """A field as it is; where it is NULL, `otherwise`."""

    place: int
    otherwise: str = NULL_TEXT


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same text for every record."""

    text: str


@dataclass(frozen=True, slots=True)
class ReadingTime:
    """When the batch was read, in UTC."""


@dataclass(frozen=True, slots=True)
class RowNumber:
    """The record's row number."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What the database computes."""

    expression: Expression


Part = FromField | Fixed | ReadingTime | RowNumber | Computed


@dataclass(frozen=True, slots=True)
class Recipe:
    """How records become rows of the target table.

    Attributes:
        parts: by target column.
        read: the fields the computed ones read, by what they are called there: their places.
        computer: computes; None where nothing is computed, or nothing to compute with is known.
    """

    parts: Mapping[str, Part]
    read: Mapping[tuple[str, str], int] = field(default_factory=dict)
    computer: Computer | None = None

    @property
    def computed(self) -> tuple[str, ...]:
        """The columns the database computes."""
        return tuple(name for name, part in self.parts.items() if isinstance(part, Computed))

    @property
    def used(self) -> frozenset[int]:
        """The fields it reads."""
        lone = {part.place for part in self.parts.values() if isinstance(part, FromField)}
        return frozenset(lone | set(self.read.values()))

    @property
    def places(self) -> tuple[int, ...]:
        """The fields that records are handed over with, in order; at least one."""
        return tuple(sorted(self.used or {0}))


def recipe_of(asked: Asked, fields: Fields) -> Recipe | None:
    """The recipe; None where a record's own fields are all there is to a row.

    Raises:
        SourceError: a value reads a field that records do not have, or fills a column that is
            filled already or cannot be.
    """
    if not (asked.values or asked.constants or asked.numbered or fields.again):
        return None
    parts: dict[str, Part] = dict(_own(fields))
    for column, value in asked.values.items():
        if column in parts:
            what = f"The column {column!r} gets both a value and a field of {fields.naming.source}."
            raise SourceError(what, todo="Take it out of field_mapping, or give it no value.")
        parts[column] = _part(column, value, asked, fields)
    for column, value in asked.constants.items():
        parts[column] = _with_constant(parts.get(column), column, value, asked)
    if asked.numbered:
        parts[asked.numbered] = RowNumber()
    judge_columns(list(parts), asked.table, fields.naming.source)
    return _with_computer(parts, asked, fields)


def _own(fields: Fields) -> list[tuple[str, FromField]]:
    given = [(column, n) for n, column in enumerate(fields.columns) if column is not None]
    return [(column, FromField(place)) for column, place in (*given, *fields.again)]


def _with_constant(there: Part | None, column: str, value: Any, asked: Asked) -> Part:
    """A ready value, where neither a value nor the record sets the column."""
    if there is None or (isinstance(there, FromField) and column not in asked.values):
        text = constant_text(value, repr(column))
        return FromField(there.place, text) if isinstance(there, FromField) else Fixed(text)
    return there


def _part(column: str, value: Value, asked: Asked, fields: Fields) -> Part:
    if not isinstance(value, Expression):
        return Fixed(constant_text(value.value, repr(column)))
    tree = value.tree.unnest()
    places = {of: _place_of(of, column, fields) for _, of in sorted(value.fields)}
    if isinstance(tree, exp.Dot) and isinstance(tree.this, exp.Placeholder):
        return FromField(places[tree.name])
    if isinstance(tree, exp.Placeholder) and tree.name in asked.parameters:
        return Fixed(constant_text(asked.parameters[tree.name], repr(column)))
    if isinstance(tree, exp.CurrentTimestamp):
        return ReadingTime()
    return Computed(value)


def _place_of(name: str, column: str, fields: Fields) -> int:
    """The place of a field, by its name, or by its number in a CSV file."""
    known = fields.names
    if name in known and name != NO_FIELD:
        return known.index(name)
    numbered = BY_POSITION.fullmatch(name)
    if numbered and 1 <= int(numbered[1]) <= len(known) and fields.counted:
        return int(numbered[1]) - 1
    raise fields.naming.no_field(name, f"the value of {column!r} reads", known)


def _with_computer(parts: Mapping[str, Part], asked: Asked, fields: Fields) -> Recipe:
    computed = {n: part.expression for n, part in parts.items() if isinstance(part, Computed)}
    wanted = sorted({pair for expression in computed.values() for pair in expression.fields})
    read = {pair: _place_of(pair[1], "", fields) for pair in wanted}
    if not computed or asked.compute is None:
        return Recipe(parts, read)
    columns = {pair: _typed(pair[1], place, asked, fields) for pair, place in read.items()}
    return Recipe(parts, read, Computer(asked.dialect, columns, computed, asked.compute))


def _typed(name: str, place: int, asked: Asked, fields: Fields) -> Column:
    """As what the database reads a field."""
    there = asked.table.column(name) if name in asked.table.column_names else None
    return field_column(asked.dialect, name, there, fields.kind(place))
