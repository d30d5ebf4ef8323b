"""What is told of rows with hidden columns: words that quote no value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic_core.core_schema import ErrorType

from batch_ops.bulk.failures import HIDDEN, RowError
from batch_ops.database.faults import CHECK, FOREIGN_KEY, UNIQUE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_WORDS = {
    UNIQUE: "duplicate key value violates a unique constraint",
    FOREIGN_KEY: "a foreign key constraint is violated",
    CHECK: "a check constraint is violated",
    "22": "the value is none of the column's",
    "23": "a constraint is violated",
}
_OF_FUNCTIONS = {"value_error", "assertion_error"}
"""What functions of a schema say may quote anything."""
_OF_PYDANTIC = set(get_args(ErrorType)) - _OF_FUNCTIONS


def refused(
    code: str, message: str, column: str | None, value: str | None, hidden: Collection[str]
) -> RowError:
    """A refusal of the database, which may quote values: of the column, of a key's others, or of
    any where nobody knows which column is to blame.
    """
    if hidden and (column is None or column in hidden or code == UNIQUE):
        message = _WORDS.get(code) or _WORDS.get(code[:2]) or "the database refuses the row"
    return RowError(code, message, column, _shown(column, value, hidden))


def judged(
    code: str,
    one: Mapping[str, Any],
    value: str | None,
    record: Mapping[str, Any],
    hidden: Collection[str],
) -> RowError:
    """What a schema says of one value."""
    field = ".".join(map(str, one["loc"])) or None
    column = None if field is None else str(one["loc"][0])
    message = str(one["msg"])
    if hidden and (_is_free(one, column, hidden) or _quotes(message, record, hidden)):
        message = "the schema refuses the value"
    return RowError(code, message, field, _shown(column, value, hidden))


def _shown(column: str | None, value: str | None, hidden: Collection[str]) -> str | None:
    secret = column in hidden or (column is None and hidden)
    return HIDDEN if secret and value is not None else value


def _is_free(one: Mapping[str, Any], column: str | None, hidden: Collection[str]) -> bool:
    """Whether a message about a hidden value, or the whole row, is somebody's own."""
    return (column is None or column in hidden) and one["type"] not in _OF_PYDANTIC


def _quotes(message: str, record: Mapping[str, Any], hidden: Collection[str]) -> bool:
    texts = (str(record[name]) for name in hidden if record.get(name) is not None)
    return any(text and text in message for text in texts)
