"""Python values as a column's values: what passes as it is, what is converted, what is refused.

The codes of refusals are PostgreSQL's SQLSTATEs, so that the same bad value has the same code on
every database.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batch_ops.database.convert import Refusal, too_long
from batch_ops.database.faults import NOT_NULL
from batch_ops.database.fitting import Fitting
from batch_ops.database.plain import plain_value
from batch_ops.database.value_reader import ValueReader, is_text
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column

_TEXTS = (FieldType.STRING, FieldType.TEXT)
_FORMS: dict[FieldType | None, Callable[[str], Any]] = {
    FieldType.DATE: date.fromisoformat,
    FieldType.DECIMAL: Decimal,
    FieldType.TIME: time.fromisoformat,
    FieldType.TIMESTAMP: datetime.fromisoformat,
    FieldType.UUID: UUID,
}
"""What a written text is equal to, where values may be written as texts or as they are."""


class Adapter:
    """Adapts the values of one column, many at a time."""

    def __init__(self, dialect: Dialect, column: Column) -> None:
        self._column = column
        self._fitting, self._read = Fitting(dialect, column), ValueReader(dialect, column)
        self._length = column.length if column.type in _TEXTS else None
        self._too_long = too_long(column)

    def many(self, values: Sequence[Any]) -> tuple[Sequence[Any], dict[int, Refusal]]:
        """The values as they are written, and by place those that are refused."""
        kinds = set(map(type, values))
        if self._fitting.whole(kinds, values):
            return values, {}
        if len(kinds) == 1:
            read = self._fitting.at_once(next(iter(kinds)), values)
            if read is not None:
                return read, {}
        done: list[Any] = list(values)
        refused: dict[int, Refusal] = {}
        for kind in kinds:
            places = [place for place, value in enumerate(values) if type(value) is kind]
            self._adapt(kind, places, done, refused)
        return done, refused

    def _adapt(
        self, kind: type, places: Sequence[int], done: list[Any], refused: dict[int, Refusal]
    ) -> None:
        """Adapt the values at these places, all of a type."""
        if kind is type(None):
            if not self._column.nullable:
                refused |= dict.fromkeys(places, self._null)
            return
        values = [done[place] for place in places]
        read = self._fitting.at_once(kind, values)
        if read is None:
            if kind is str and self._length:
                places = self._refuse_long(self._length, places, done, refused)
            self._adapt_each(places, done, refused)
        elif read is not values:
            for place, value in zip(places, read, strict=True):
                done[place] = value

    def _refuse_long(
        self, length: int, places: Sequence[int], done: list[Any], refused: dict[int, Refusal]
    ) -> Sequence[int]:
        """Refuse the texts that are surely too long, all in the same words; the others' places."""
        left: list[int] = []
        for place in places:
            text = done[place]
            if len(text) > length and not text.endswith(" ") and is_text(text):
                refused[place], done[place] = self._too_long, None
            else:
                left.append(place)
        return left

    def _adapt_each(
        self, places: Sequence[int], done: list[Any], refused: dict[int, Refusal]
    ) -> None:
        fits = self._fitting.surely_fits
        for place in places:
            if fits(done[place]):
                continue
            try:
                done[place] = self.one(done[place])
            except Refusal as refusal:
                done[place] = None
                refused[place] = refusal.with_traceback(None)  # which holds what it went through

    def in_one_form(self, adapted: Sequence[Any]) -> Sequence[Any]:
        """Adapted values, equal where they mean the same."""
        form = _FORMS.get(self._column.type)
        if form is None or str not in set(map(type, adapted)):
            return adapted
        return [_formed(form, value) if isinstance(value, str) else value for value in adapted]

    def one(self, value: Any) -> Any:
        """One value as it is written.

        Raises:
            Refusal: it is none of the column's values.
        """
        value = plain_value(value)
        if value is not None:
            return self._read(value)
        if not self._column.nullable:
            raise self._null
        return None

    @property
    def _null(self) -> Refusal:
        name = self._column.name
        message = f'null value in column "{name}" violates not-null constraint'
        return Refusal(NOT_NULL, message, name)


def _formed(form: Callable[[str], Any], text: str) -> Any:
    try:
        return form(text)
    except (ValueError, InvalidOperation):  # only the database reads it
        return text
