"""Rows as the caller wants them: dicts, models, or mapped objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from sqlalchemy.orm.attributes import set_committed_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.bulk.shape import Named


def row_type(schema: Any, named: Named) -> Callable[[dict[str, Any]], Any]:
    """What makes of a row by column what the caller works with."""
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return lambda row: _model(schema, row)
    if named.model is not None and hasattr(named.model, "__mapper__"):
        return lambda row: _instance(named.model, row)
    return same


def same(row: dict[str, Any]) -> dict[str, Any]:
    """The row by column is what the caller works with."""
    return row


def _model(schema: type[BaseModel], row: dict[str, Any]) -> Any:
    known = {name: row[name] for name in schema.model_fields if name in row}
    try:
        return schema.model_validate(known)
    except ValidationError:  # what is in the table already need not fulfil the schema
        return schema.model_construct(**known)


def _instance(model: Any, row: dict[str, Any]) -> Any:
    """A mapped object as SQLAlchemy itself loads it: its `__init__` is not called."""
    found = model.__mapper__.class_manager.new_instance()
    for prop in model.__mapper__.column_attrs:
        if prop.columns[0].name in row:
            set_committed_value(found, prop.key, row[prop.columns[0].name])
    return found
