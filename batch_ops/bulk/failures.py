"""Rows that failed, and keys that no row has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, overload

from batch_ops.database.values import plain

if TYPE_CHECKING:
    from collections.abc import Collection


T = TypeVar("T")
Category = Literal["validation", "business", "system"]
HIDDEN = "***"
SCHEMA, VERSION_CONFLICT = "schema", "version_conflict"
SHOWN = 3
"""Failures an error's text tells."""
Read = Callable[[Any, int], "tuple[Any, Mapping[str, Any]]"]
"""Reads the key and the columns of what was given at a place of the input."""


class RowError(NamedTuple):
    """Why a row failed.

    Attributes:
        code: SQLSTATE where the database (or a value's type) refused it; "schema" where the schema
            did, "version_conflict" where somebody else changed the row meanwhile.
        message: in words, without the value.
        field: the column to blame, where one is.
        value: what stood there, as text; `***` for hidden columns.

    Example:
        >>> result = users.create_many([{"id": 4, "name": "Dan", "age": "old"}], atomic=False)
        >>> error = result.failed[0].error
        >>> error.code, error.category, error.field, error.value
        ('22P02', 'validation', 'age', 'old')
    """

    code: str
    message: str
    field: str | None = None
    value: str | None = None

    @property
    def category(self) -> Category:
        """Whose matter it is: "validation" (the value is none of the column's, or the schema
        refused it), "business" (a constraint or a trigger refused it), or "system" (anything
        else). SQLSTATE class 22 is about values, 23 about constraints.
        """
        if self.code == SCHEMA or self.code.startswith("22"):
            return "validation"
        known = self.code.startswith(("23", "P0", "44")) or self.code == VERSION_CONFLICT
        return "business" if known else "system"

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, with stable keys."""
        return {**self._asdict(), "category": self.category}


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that was refused.

    Attributes:
        index: its place in the input, from 0.
        key: its key, as far as it is known: the value of a single key column, a tuple in key
            order of several.
        data: its columns with their values; hidden ones are `***`.
        errors: all that is wrong with it.

    Example:
        >>> result = users.create_many([{"id": 4}, {"id": 1, "name": "Al"}], atomic=False)
        >>> row = result.failed[1]
        >>> row.index, row.key, row.data, row.error.code
        (1, 1, {'id': 1, 'name': 'Al'}, '23505')
    """

    index: int
    key: Any
    data: Mapping[str, Any]
    errors: tuple[RowError, ...]
    given: Any = field(default=None, repr=False, compare=False)

    @property
    def error(self) -> RowError:
        """The first thing that is wrong with it."""
        return self.errors[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, with stable keys."""
        return {
            "index": self.index,
            "key": plain(self.key),
            "data": plain(dict(self.data)),
            "error": self.error.to_dict(),
            "errors": [error.to_dict() for error in self.errors],
        }


class FailedRows(Sequence[FailedRow]):
    """Failed rows; each is read (its key, its columns) when somebody looks at it.

    They lie in lists side by side: there may be millions, and one object for each would be looked
    at by the garbage collector again and again.
    """

    def __init__(self) -> None:
        self._indexes: list[int] = []
        self._found: list[RowError | tuple[RowError, ...] | FailedRow] = []
        self._given: list[Any] = []
        self._reads: list[Read] = []

    def add(self, index: int, errors: tuple[RowError, ...], given: Any, read: Read) -> None:
        """Take a row in."""
        self._indexes.append(index)
        self._found.append(errors[0] if len(errors) == 1 else errors)
        self._given.append(given)
        self._reads.append(read)

    def extend(self, rows: FailedRows, moved: Callable[[int], int]) -> None:
        """Take another call's failures in; their places in this input."""
        for row in rows:
            index = moved(row.index)
            self._indexes.append(index)
            self._found.append(replace(row, index=index))
        self._given += rows._given
        self._reads += rows._reads

    def sort(self) -> None:
        """By their places in the input."""
        order = sorted(range(len(self._indexes)), key=self._indexes.__getitem__)
        if any(map(int.__ne__, order, range(len(order)))):
            for name in ("_indexes", "_found", "_given", "_reads"):
                setattr(self, name, list(map(getattr(self, name).__getitem__, order)))

    def __len__(self) -> int:
        return len(self._indexes)

    @overload
    def __getitem__(self, place: int) -> FailedRow: ...

    @overload
    def __getitem__(self, place: slice) -> list[FailedRow]: ...

    def __getitem__(self, place: int | slice) -> FailedRow | list[FailedRow]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        found = self._found[place]
        if not isinstance(found, FailedRow):
            errors = (found,) if isinstance(found, RowError) else found
            index, given = self._indexes[place], self._given[place]
            found = FailedRow(index, *self._reads[place](given, index), errors, given)
            self._found[place] = found
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


@dataclass(frozen=True, slots=True)
class Missing:
    """A key no row has, and its place in the input.

    Attributes:
        key: the value of a single key column, a tuple in key order of several.
        index: its place, from 0.

    Example:
        >>> users.touch_many([1, 8, 9]).not_found
        [Missing(key=8, index=1), Missing(key=9, index=2)]
    """

    key: Any
    index: int


def masked(data: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """A row as it may be shown."""
    return {name: HIDDEN if name in hidden else value for name, value in data.items()}
