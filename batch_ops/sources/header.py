"""Which field of a record goes to which column."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.errors import SourceError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_ops.database.tables import Table
    from batch_ops.spec.model import Entity


@dataclass(frozen=True, slots=True)
class Fields:
    """Per field: the name a person knows it by, and the target column (None: passed over)."""

    names: tuple[str, ...]
    columns: tuple[str | None, ...]


def by_header(
    header: Sequence[str], mapping: Mapping[str, str], table: Table, source: str
) -> Fields:
    """The fields by a header line.

    Without a mapping every header is a column's name; with one, what it does not name is left out.

    Raises:
        SourceError: a header that is doubled or unknown, a mapped header that is missing.
    """
    _judge_doubles(header, source)
    if mapping:
        by_name = _mapped(header, mapping, source)
    else:
        by_name = {name: _known(name, table, source) for name in header}
    columns = tuple(by_name.get(name) for name in header)
    _judge_columns(columns, table, source)
    return Fields(tuple(header), columns)


def by_position(entity: Entity, table: Table, source: str) -> Fields:
    """The fields of a file without header: the entity's, in the order they are declared."""
    names = entity.columns or tuple(c.name for c in table.columns if not c.generated)
    _judge_columns(names, table, source)
    return Fields(names, names)


def _judge_doubles(header: Sequence[str], source: str) -> None:
    doubled = [name for name, number in Counter(header).items() if number > 1]
    if doubled:
        what = f"The header of {source} has {doubled[0]!r} twice."
        raise SourceError(what, todo="Give each column a name of its own.")


def _mapped(header: Sequence[str], mapping: Mapping[str, str], source: str) -> dict[str, str]:
    for column, name in mapping.items():
        if name not in header:
            what = (
                f"The header of {source} has no {name!r}, which field_mapping gives to {column!r}."
            )
            raise SourceError(what, todo=_meant(name, header))
    return {name: column for column, name in mapping.items()}


def _known(name: str, table: Table, source: str) -> str:
    if name in table.column_names:
        return name
    what = f"The header of {source} has {name!r}, which is no column of {table.full_name!r}."
    todo = f"{_meant(name, table.column_names)} field_mapping names the columns to take."
    raise SourceError(what, todo=todo)


def _meant(name: str, known: Sequence[str]) -> str:
    close = nearest(name, known)
    if close:
        return f"Did you mean {close!r}?"
    shown = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
    return f"Known: {shown}."


def _judge_columns(columns: Sequence[str | None], table: Table, source: str) -> None:
    given = [name for name in columns if name is not None]
    for name in given:
        if name not in table.column_names:
            what = f"{name!r}, which {source} is to fill, is no column of {table.full_name!r}."
            raise SourceError(what, todo=_meant(name, table.column_names))
        if table.column(name).generated:
            what = f"The column {name!r} of {table.full_name!r} is computed by the database."
            raise SourceError(what, todo="Leave it out with a field_mapping.")
    doubled = [name for name, number in Counter(given).items() if number > 1]
    if doubled:
        what = f"Two fields of {source} go to the column {doubled[0]!r}."
        raise SourceError(what, todo="Correct the field_mapping.")
