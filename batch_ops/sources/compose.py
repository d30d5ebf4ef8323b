"""Making rows of the target table from records, before they are judged."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from batch_ops.database.value_load import RefusedRow
from batch_ops.errors import EngineFault
from batch_ops.sources.cut import cut
from batch_ops.sources.normal import Broken, Normal
from batch_ops.sources.recipe import Computed, Fixed, FromField, ReadingTime
from batch_ops.sources.texts import NULL_TEXT, OWN, as_csv, constant_text, from_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from batch_ops.database.load import Layout
    from batch_ops.sources.recipe import Part, Recipe

_NULL = NULL_TEXT.encode()


@dataclass(slots=True)
class Composed(Normal):
    """Rows of the target table in the common form.

    Attributes:
        known: of refused records, by ordinal, what is known of the target columns.
    """

    known: dict[int, Mapping[str, str | None]] = field(default_factory=dict)


class Composer:
    """Makes rows by a recipe from records in the common form of a layout.

    Args:
        given: how the fields that the recipe needs lie in a record.
    """

    def __init__(self, recipe: Recipe, given: Layout) -> None:
        self._recipe = recipe
        self._given = given
        self._place = {place: number for number, place in enumerate(recipe.places)}
        self._nulls = frozenset(given.null_values)

    def __call__(self, normal: Normal, first_row: int) -> Composed:
        """The rows; `first_row` is the row number of ordinal 0."""
        if _NULL in normal.data and NULL_TEXT not in self._nulls:
            _refuse_null_text(normal)
        columns = self._columns(normal)
        parts = self._recipe.parts
        rows = normal.ordinals + first_row
        now = datetime.now(UTC)
        made = {
            name: list(self._texts(part, columns, rows.tolist(), now))
            for name, part in parts.items()
            if not isinstance(part, Computed)
        }
        refused = self._compute(made, columns, normal, now)
        composed = Composed(b"", normal.offsets, normal.ordinals, normal.broken)
        self._refuse(composed, made, refused)
        keep = np.ones(normal.ordinals.size, dtype=np.bool_)
        keep[list(refused)] = False
        return _written(composed, [made[name] for name in parts], keep)

    @property
    def plainly(self) -> dict[str, tuple[int, str | None]]:
        """Of each target column that is a field: the field's place, and what it is for NULL."""
        return {
            name: (part.place, None if part.otherwise == NULL_TEXT else part.otherwise)
            for name, part in self._recipe.parts.items()
            if isinstance(part, FromField)
        }

    def taken_over(self, fields: Sequence[str | None]) -> dict[str, str | None]:
        """What the target columns that are a field get from a record's fields."""
        parts = self._recipe.parts.items()
        return {name: fields[p.place] for name, p in parts if isinstance(p, FromField)}

    def _columns(self, normal: Normal) -> list[Sequence[str]]:
        """The texts of each needed field, NULL as `NULL_TEXT`."""
        given = self._given
        rows = from_csv(bytes(normal.data).decode(), given.delimiter, given.quote)
        columns: list[Sequence[str]] = list(zip(*rows, strict=True))
        if not columns:
            columns = [() for _ in self._place]
        if self._nulls == {NULL_TEXT}:
            return columns
        return [self._with_nulls(column) for column in columns]

    def _with_nulls(self, column: Sequence[str]) -> Sequence[str]:
        nulls = self._nulls
        if nulls.isdisjoint(column):
            return column
        return [NULL_TEXT if text in nulls else text for text in column]

    def _texts(
        self, part: Part, columns: Sequence[Sequence[str]], rows: list[int], now: datetime
    ) -> Iterable[str]:
        if isinstance(part, FromField):
            column = columns[self._place[part.place]]
            if part.otherwise == NULL_TEXT:
                return column
            return [part.otherwise if text == NULL_TEXT else text for text in column]
        if isinstance(part, Fixed):
            return itertools.repeat(part.text, len(rows))
        if isinstance(part, ReadingTime):
            return itertools.repeat(constant_text(now, "NOW()"), len(rows))
        return map(str, rows)

    def _compute(
        self,
        made: dict[str, list[str]],
        columns: Sequence[Sequence[str]],
        normal: Normal,
        now: datetime,
    ) -> dict[int, RefusedRow]:
        """Add the computed columns; those records, by place, that the database refuses."""
        names = self._recipe.computed
        if not names:
            return {}
        if self._recipe.computer is None:
            raise EngineFault("Values are to be computed, and nothing was given to do it with.")
        read = [columns[self._place[place]] for place in self._recipe.read.values()]
        records: list[Sequence[str | None]] = [()] * normal.ordinals.size
        if read:
            records = [_nulls(record) for record in zip(*read, strict=True)]
        answers = self._recipe.computer.compute(records, now)
        nothing = (None,) * len(names)
        rows = [nothing if isinstance(row, RefusedRow) else row for row in answers]
        for number, name in enumerate(names):
            texts = [row[number] for row in rows]
            made[name] = [NULL_TEXT if text is None else text for text in texts]
        return {p: row for p, row in enumerate(answers) if isinstance(row, RefusedRow)}

    def _refuse(
        self,
        composed: Composed,
        made: Mapping[str, Sequence[str]],
        refused: Mapping[int, RefusedRow],
    ) -> None:
        sure = [n for n, p in self._recipe.parts.items() if not isinstance(p, Computed)]
        for place, why in refused.items():
            ordinal = int(composed.ordinals[place])
            composed.broken[ordinal] = Broken(why.code, why.message, why.column, "failed")
            composed.known[ordinal] = dict(
                zip(sure, _nulls([made[name][place] for name in sure]), strict=True)
            )


def _nulls(record: Iterable[str]) -> list[str | None]:
    return [None if text == NULL_TEXT else text for text in record]


def _refuse_null_text(normal: Normal) -> None:
    rows = [row for row in range(normal.ordinals.size) if _NULL in normal.record(row)]
    normal.refuse(rows, "null_text", "the record holds the text that stands for NULL here")


def _written(
    composed: Composed, columns: Sequence[Sequence[str]], keep: NDArray[np.bool_]
) -> Composed:
    """The rows as CSV, those to be kept."""
    rows: Iterable[tuple[str, ...]] = zip(*columns, strict=True)
    if not keep.all():
        rows = itertools.compress(rows, keep.tolist())
        composed.ordinals = composed.ordinals[keep]
    composed.data = as_csv(list(rows), quoted=len(columns) == 1).encode()
    found = cut(composed.data, OWN)
    composed.offsets = np.concatenate([[0], found.ends]).astype(np.int64)
    if found.ends.size != composed.ordinals.size:
        raise EngineFault(
            f"{composed.ordinals.size} records were composed and {found.ends.size} written.",
            todo="Please report it, with the declaration if you may.",
        )
    return composed
