"""A schema's word on rows before they are written: a pydantic model, or fields by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from batch_ops.bulk.discretion import judged
from batch_ops.bulk.failures import SCHEMA
from batch_ops.bulk.parts import Failure
from batch_ops.database.values import in_words
from batch_ops.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from batch_ops.bulk.blocks import Record
    from batch_ops.bulk.failures import RowError

_OPEN = ConfigDict(extra="allow", arbitrary_types_allowed=True)


class Validator:
    """Judges records by a model.

    Args:
        model: the schema.
        columns: those of the table; fields of the model that are none are only judged.
        hidden: columns whose values no error tells.
    """

    def __init__(
        self, model: type[BaseModel], columns: Collection[str], hidden: Collection[str]
    ) -> None:
        self._model, self._hidden = model, frozenset(hidden)
        self._columns = frozenset(columns)

    def judged(
        self, records: Sequence[Record], places: Sequence[int]
    ) -> tuple[list[Record], list[int], list[Failure]]:
        """The records with the values the schema makes of them, their places, and those it
        refuses.
        """
        good: list[Record] = []
        kept: list[int] = []
        failures: list[Failure] = []
        for record, place in zip(records, places, strict=True):
            try:
                model = self._model.model_validate(dict(record))
            except ValidationError as error:
                failures.append(self._failure(error, record, place))
                continue
            good.append(self._made(record, model))
            kept.append(place)
        return good, kept, failures

    def wrong(self, record: Record, place: int) -> Failure | None:
        """What is wrong with one record; None: nothing."""
        try:
            self._model.model_validate(dict(record))
        except ValidationError as error:
            return self._failure(error, record, place)
        return None

    def _made(self, record: Record, model: BaseModel) -> Record:
        """The record's own fields and the schema's defaults, as the schema reads them."""
        made = model.model_dump()
        return {**record, **{name: made[name] for name in made if name in self._columns}}

    def _failure(self, error: ValidationError, record: Record, place: int) -> Failure:
        return Failure(place, tuple(self._errors(error, record)), "invalid")

    def _errors(self, error: ValidationError, record: Record) -> Iterator[RowError]:
        for one in error.errors():
            value = None if one["type"] == "missing" else in_words(one["input"])
            yield judged(SCHEMA, one, value, record, self._hidden)


def model_of(schema: Any) -> type[BaseModel]:
    """The model a schema is: itself, or one made of types by name (`{"age": int}`; with a default
    `{"age": (int, 0)}`).

    Raises:
        ParameterError: it is neither.
    """
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema
    if isinstance(schema, Mapping):
        fields: dict[str, Any] = {
            name: kind if isinstance(kind, tuple) else (kind, ...) for name, kind in schema.items()
        }
        made: type[BaseModel] = create_model("Row", __config__=_OPEN, **fields)
        return made
    raise ParameterError(
        f"A schema is expected, and a value of type {type(schema).__name__} was given.",
        todo="Give a pydantic model, or a dict of types by column name.",
    )
