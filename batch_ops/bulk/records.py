"""Items of other kinds as records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batch_ops.bulk.frames import FrameRows
from batch_ops.errors import ParameterError

if TYPE_CHECKING:
    from batch_ops.bulk.blocks import Block, Record


def record_of(item: Any, place: int) -> Record:
    """An item as a record.

    Raises:
        ParameterError: it is none.
    """
    if isinstance(item, Mapping):
        return item
    read = _reader(type(item))
    if read is None:
        raise ParameterError(
            f"Item {place} is a value of type {type(item).__name__}, and no record.",
            todo="Give dicts, dataclasses, models, or tuples with columns=.",
        )
    return read(item)


def records_of(block: Block) -> Sequence[Record]:
    """The items of a block as records."""
    items = block.items
    if isinstance(items, FrameRows) or set(map(type, items)) <= {dict}:
        return items
    return [record_of(item, block.start + n) for n, item in enumerate(items)]


def _reader(kind: type) -> Callable[[Any], Record] | None:
    if hasattr(kind, "__mapper__"):
        return _instance
    if hasattr(kind, "model_fields"):
        return _model
    if dataclasses.is_dataclass(kind):
        names = [one.name for one in dataclasses.fields(kind)]
        return lambda item: {name: getattr(item, name) for name in names}
    if hasattr(kind, "_asdict"):
        return lambda item: dict(item._asdict())
    return None


def _instance(item: Any) -> Record:
    """What is set on a mapped object, by column."""
    mapper, given = type(item).__mapper__, item.__dict__
    attributes = ((prop.columns[0].name, prop.key) for prop in mapper.column_attrs)
    return {name: given[key] for name, key in attributes if key in given}


def _model(item: Any) -> Record:
    return {**item.__dict__, **(item.__pydantic_extra__ or {})}
