"""What the writers of a call share: the table, the database, what is told of a refusal."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from batch_ops.bulk.discretion import refused
from batch_ops.bulk.failures import RowError
from batch_ops.bulk.parts import Failure
from batch_ops.database.load import InputBatch, Position

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.bulk.columnar import Adapting
    from batch_ops.bulk.shape import Shape
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.faults import Fault
    from batch_ops.database.load import Loader, LoadOutcome
    from batch_ops.results import Reject
    from batch_ops.sources.value_records import ValueRecords

MOST_WORDS = 100
_START = Position(0, 1)


class Ground:
    """What all writers of a call share.

    Attributes:
        hidden: columns whose values no error tells.
        returning: whether the rows themselves are wanted.
        version: the column that counts a row's changes.
    """

    def __init__(
        self,
        dialect: Dialect,
        shape: Shape,
        adapting: Adapting,
        hidden: frozenset[str],
        *,
        returning: bool,
        version: str | None = None,
    ) -> None:
        self.version = version
        self._triggers: bool | None = None
        self._told: tuple[RowError, ...] = ()
        self._blamed_by = lru_cache(MOST_WORDS)(shape.blamed_by)  # it is said of many rows
        self.dialect, self.shape, self.hidden = dialect, shape, hidden
        self.adapting = adapting
        self.returning = returning
        self.table = shape.table

    def load(self, loader: Loader, connection: Connection, records: ValueRecords) -> LoadOutcome:
        """Load rows."""
        batch = InputBatch(_START, _START, records.total, records, (), 0)
        return loader.load(connection, batch)

    def failure(self, place: int, fault: Fault, value: str | None = None) -> Failure:
        """A row the database refused."""
        error = refused(fault.code, fault.message, self.blamed(fault), value, self.hidden)
        return Failure(place, (error,))

    def blamed(self, fault: Fault) -> str | None:
        """The column that is to blame, as far as the database tells it."""
        return fault.column or self.shape.blamed(fault)

    def judges_parents(self, connection: Connection) -> bool:
        """Whether nobody but the database has to judge the foreign keys of the table's rows."""
        return not self.table.foreign_keys or self.dialect.judges_parents(connection, self.table)

    def has_triggers(self, connection: Connection) -> bool:
        """Whether triggers have a word when the table's rows are written."""
        if self._triggers is None:
            self._triggers = self.dialect.has_triggers(connection, self.table)
        return self._triggers

    def rejected(self, place: int, reject: Reject) -> Failure:
        """A row a loader refused; what is wrong with many rows in turn is kept once."""
        code, message, value = reject.code, reject.message, reject.value
        column = reject.column or self._blamed_by(message)
        if self.hidden:
            return Failure(place, (refused(code, message, column, value, self.hidden),))
        if not self._told or self._told[0] != (code, message, column, value):
            self._told = (RowError(code, message, column, value),)
        return Failure(place, self._told)
