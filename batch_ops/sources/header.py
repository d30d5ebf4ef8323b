"""Which field of a record goes to which column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.errors import SourceError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch_ops.database.tables import Table
    from batch_ops.spec.model import Entity, FieldType

    Kinds = tuple[FieldType | None, ...]

NO_FIELD = "\0"
"""The name of the one field that a record without fields has, so that it can be written down."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How a source is spoken of.

    Attributes:
        source: its name.
        has: the words before what stands in it: "The header of in.csv has".
        fields: what its fields are: "columns of the file".
    """

    source: str
    has: str
    fields: str

    @classmethod
    def header(cls, source: str) -> Naming:
        """Of a file with a line of names."""
        return cls(source, f"The header of {source} has", "columns")

    @classmethod
    def records(cls, source: str) -> Naming:
        """Of records that name their fields."""
        return cls(source, f"The records of {source} have", "fields")

    def no_field(self, name: str, reader: str, known: Iterable[str]) -> SourceError:
        """The error of a field that is not there; `reader` says who wants it."""
        what = f"{self.has} no {name!r}, which {reader}."
        return SourceError(what, todo=_meant(name, [n for n in known if n != NO_FIELD]))


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a source's records.

    Attributes:
        names: the names a person knows them by.
        columns: the target column of each; None where it goes to none by itself.
        again: further target columns, with the place of their field.
        kinds: of each what all of its values are, where that is known.
        counted: whether `csv_column_3` is the third one.
    """

    names: tuple[str, ...]
    columns: tuple[str | None, ...]
    naming: Naming
    again: tuple[tuple[str, int], ...] = ()
    kinds: Kinds = ()
    counted: bool = False

    def kind(self, place: int) -> FieldType | None:
        """What all values of a field are, where that is known."""
        return self.kinds[place] if self.kinds else None


def by_header(
    header: Sequence[str],
    mapping: Mapping[str, str],
    table: Table,
    naming: Naming,
    *,
    read: bool = False,
    kinds: Kinds = (),
) -> Fields:
    """The fields by their names.

    Without a mapping every name is a column's; with one, or where values say what is `read`, what
    is not named is passed over.

    Raises:
        SourceError: a name that is doubled or unknown, a mapped name that is missing.
    """
    _judge_doubles(header, naming)
    if mapping:
        places = {column: _place(name, column, header, naming) for column, name in mapping.items()}
    elif read:
        places = {}
    else:
        known = [_known(name, table, naming) for name in header if name != NO_FIELD]
        places = {name: place for place, name in enumerate(known)}
    return _fields(header, places, table, naming, kinds)


def _fields(
    names: Sequence[str],
    places: Mapping[str, int],
    table: Table,
    naming: Naming,
    kinds: Kinds = (),
) -> Fields:
    """The fields, by the place of each target column's field."""
    judge_columns(list(places), table, naming.source)
    columns: list[str | None] = [None] * len(names)
    again: list[tuple[str, int]] = []
    for column, place in places.items():
        if columns[place] is None:
            columns[place] = column
        else:
            again.append((column, place))
    return Fields(tuple(names), tuple(columns), naming, tuple(again), kinds)


def by_declaration(entity: Entity, table: Table, naming: Naming, *, read: bool = False) -> Fields:
    """The fields of a file without header: the entity's, in the order they are declared."""
    names = entity.columns or tuple(c.name for c in table.columns if not c.generated)
    if read:
        return Fields(names, (None,) * len(names), naming)
    judge_columns(names, table, naming.source)
    return Fields(names, names, naming)


def by_place(
    names: Sequence[str], mapping: Mapping[str, int], table: Table, naming: Naming
) -> Fields:
    """The fields by a mapping from column to place (from 1).

    Raises:
        SourceError: there is no such place.
    """
    for column, place in mapping.items():
        if place > len(names):
            what = (
                f"{naming.source} has {len(names)} columns, and field_mapping gives column"
                f" {place} to {column!r}."
            )
            raise SourceError(what, todo="Count the columns from csv_column_1.")
    places = {column: place - 1 for column, place in mapping.items()}
    return _fields(names, places, table, naming)


def _judge_doubles(header: Sequence[str], naming: Naming) -> None:
    doubled = [name for name, number in Counter(header).items() if number > 1]
    if doubled:
        what = f"{naming.has} {doubled[0]!r} twice."
        raise SourceError(what, todo="Give each column a name of its own.")


def _place(name: str, column: str, header: Sequence[str], naming: Naming) -> int:
    if name not in header:
        raise naming.no_field(name, f"field_mapping gives to {column!r}", header)
    return header.index(name)


def _known(name: str, table: Table, naming: Naming) -> str:
    if name in table.column_names:
        return name
    what = f"{naming.has} {name!r}, which is no column of {table.full_name!r}."
    todo = f"{_meant(name, table.column_names)} field_mapping names the columns to take."
    raise SourceError(what, todo=todo)


def _meant(name: str, known: Sequence[str]) -> str:
    close = nearest(name, known)
    if close:
        return f"Did you mean {close!r}?"
    shown = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
    return f"Known: {shown or 'none'}."


def judge_columns(columns: Sequence[str], table: Table, source: str) -> None:
    """Whether a source may fill these columns.

    Raises:
        SourceError: one is not there, or is computed by the database.
    """
    for name in columns:
        if name not in table.column_names:
            what = f"{name!r}, which {source} is to fill, is no column of {table.full_name!r}."
            raise SourceError(what, todo=_meant(name, table.column_names))
        if table.column(name).generated:
            what = f"The column {name!r} of {table.full_name!r} is computed by the database."
            raise SourceError(what, todo="Leave it out with a field_mapping.")
