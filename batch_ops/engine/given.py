"""The rows a custom function is called with, and which of them a record means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from batch_ops.database.values import plain
from batch_ops.engine.work import named_key
from batch_ops.results import Reject

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


@dataclass(frozen=True)
class Given:
    """Rows of one batch.

    Attributes:
        records: what the function is given: records, or keys.
        places: of each its key in what the step goes through, as `dump_key` writes it.
        key: the columns that tell two records apart, as far as they are known.
        ids: where the records are keys, the columns they are of.
    """

    records: Sequence[Any] = ()
    places: Sequence[str] = ()
    key: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    def place_of(self, record: Any) -> str | None:
        """The place of the row that is meant: the very record, an equal one, or one of its key;
        None of what was not given.
        """
        number = self._by_identity.get(id(record), self._by_mark.get(self._mark(record)))
        return None if number is None else self.places[number]

    def place_by_key(self, record: Any) -> str | None:
        """The same by the key alone: of a record that was made of a row."""
        number = self._by_mark.get(self._mark(record)) if self._has_key(record) else None
        return None if number is None else self.places[number]

    def key_of(self, record: Any) -> dict[str, Any] | None:
        """The key by column, where the record has it."""
        if self._has_key(record):
            return {name: plain(record[name]) for name in self.key}
        parts = record if isinstance(record, tuple) else (record,)
        if isinstance(record, Mapping) or len(parts) != len(self.ids):
            return None
        return named_key(self.ids, parts)

    def refused(self, record: Any, code: str, message: str, column: str | None = None) -> Reject:
        """A record that could not be done: a row that was given, or another one."""
        told = refused_record(record, code, message, column)
        return Reject(
            code=told.code,
            message=told.message,
            column=told.column,
            key=self.key_of(record),
            data=told.data,
            place=self.place_of(record),
        )

    def _has_key(self, record: Any) -> bool:
        return bool(self.key) and isinstance(record, Mapping) and all(n in record for n in self.key)

    @cached_property
    def _by_identity(self) -> dict[int, int]:
        return {id(record): number for number, record in enumerate(self.records)}

    @cached_property
    def _by_mark(self) -> dict[Hashable, int]:
        return {self._mark(record): number for number, record in enumerate(self.records)}

    def _mark(self, record: Any) -> Hashable:
        """Equal for records that mean the same row."""
        meant = tuple(record[n] for n in self.key) if self._has_key(record) else record
        try:
            hash(meant)
        except TypeError:
            return repr(meant)
        return meant


def refused_record(record: Any, code: str, message: str, column: str | None = None) -> Reject:
    """A record a function could not do, or gave and the database refused."""
    shown = plain(record) if isinstance(record, Mapping) else {"value": plain(record)}
    return Reject(code=code, message=message, outcome="failed", column=column, data=shown)
