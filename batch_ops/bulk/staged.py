"""Parts of batches before they meet their table, and how a refused row costs no other."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError

from batch_ops.bulk.discretion import refused
from batch_ops.bulk.parts import Failure, Part
from batch_ops.database.faults import CHECK, FOREIGN_KEY, Fault, FaultKind
from batch_ops.database.keyed import Keyed
from batch_ops.database.load import Layout
from batch_ops.database.merge import ROW
from batch_ops.database.parents import Parents
from batch_ops.database.reading import rows_read
from batch_ops.database.savepoints import undone
from batch_ops.database.staging import Stage
from batch_ops.database.tables import Column
from batch_ops.database.values import in_words
from batch_ops.engine.isolation import held_up_by_others, isolate
from batch_ops.sources.value_records import ValueRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.bulk.ground import Ground

T = TypeVar("T")
MANY = 100
"""From so many staged rows on they are found by an index when each is tried by itself."""
_NUMBER = itertools.count(1)
_ORPHAN = Fault(FaultKind.ROW, FOREIGN_KEY, "FOREIGN KEY constraint failed: no such row")


class Staged:
    """A stage of a session: parts of batches before they meet their table.

    Args:
        names: columns of the table.
        more: columns besides.
        changed: the columns that are set, where the rows are those of the table.
        moves: whether rows that are there may get other values.
    """

    def __init__(
        self,
        ground: Ground,
        names: Sequence[str],
        more: Sequence[Column] = (),
        changed: Collection[str] | None = None,
        *,
        moves: bool | None = None,
    ) -> None:
        self._moves = changed is not None if moves is None else moves
        self._ground = ground
        dialect, name = ground.dialect, f"batch_ops_bulk_{next(_NUMBER)}"
        self.stage = Stage.of(dialect, ground.table, names, name, more)
        self.columns = (ROW, *names, *(column.name for column in more))
        self._loader = dialect.loader(self.stage.table, Layout(self.columns, null_values=()))
        table = ground.table
        self.keyed = Keyed(dialect, table, self.stage.table, table.key)
        self._exact = all(map(dialect.compares_exactly, table.key_columns))
        self._changes = changed is not None
        self._parents = Parents(dialect, table, self.stage.table, changed)

    def take(
        self, connection: Connection, data: Sequence[Sequence[Any]], places: Sequence[int]
    ) -> tuple[list[int], list[Failure]]:
        """Take rows; the numbers (from 1) of those that lie there, and those that do not fit."""
        rows = len(places)
        self.stage.open(connection)
        records = ValueRecords(self.columns, [range(1, rows + 1), *data])
        loaded = self._ground.load(self._loader, connection, records)
        refused = {reject.row or 0: reject for reject in loaded.rejects}
        failures = [
            self._ground.rejected(places[row - 1], reject) for row, reject in refused.items()
        ]
        return [row for row in range(1, rows + 1) if row not in refused], failures

    def without_repeats(
        self, connection: Connection, numbers: list[int], *, last: bool
    ) -> tuple[list[int], int]:
        """The numbers of rows without those that have, as the database compares, the key of another
        one that counts (the last, or the first); how many others there were: they are taken out.
        """
        if self._exact or len(numbers) < 2:
            return numbers, 0
        repeats = set(self.keyed.repeats(connection, last=last))
        self.stage.remove(connection, sorted(repeats))
        return [number for number in numbers if number not in repeats], len(repeats)

    def without_orphans(
        self, connection: Connection, numbers: list[int], part: Part
    ) -> tuple[list[int], list[Failure]]:
        """The numbers of rows without those that refer to a row nobody has, where the connection
        does not judge that: these fail, and are taken out; then those that refer to them.
        """
        failures: list[Failure] = []
        if self._ground.judges_parents(connection):
            return numbers, failures
        while lacking := self._parents.absent(connection):
            self.stage.remove(connection, sorted(lacking))
            failures += [self.refused(part, n, _ORPHAN, lacking[n]) for n in sorted(lacking)]
            numbers = [number for number in numbers if number not in lacking]
        return numbers, failures

    def refused(self, part: Part, number: int, fault: Fault, column: str | None) -> Failure:
        """A staged row the database refused, and the column that is to blame."""
        value = None
        if column in part.names:
            value = in_words(part.data[part.names.index(column)][number - 1])
        error = refused(fault.code, fault.message, column, value, self._ground.hidden)
        return Failure(part.places[number - 1], (error,))

    def isolated(
        self,
        connection: Connection,
        numbers: Sequence[int],
        run: Callable[[tuple[int, int]], T],
        part: Part,
        passed_over: Callable[[], Collection[int]] = tuple,
    ) -> tuple[list[T], list[Failure]]:
        """Run a statement over a span of the staged rows; where a row is refused, over parts.
        passed_over: the numbers of rows it may pass over, whatever is wrong with them.
        """
        left = list(numbers)
        failures: list[Failure] = []
        while left:
            done, fault = self._attempt(connection, left, run)
            if fault is None:
                return done, failures
            surely = self._surely_refused(connection, fault)
            for number in passed_over() if surely else ():
                surely.pop(number, None)
            if not surely:
                break
            self.stage.remove(connection, sorted(surely))
            failures += [self.refused(part, n, fault, surely[n]) for n in sorted(surely)]
            left = [number for number in left if number not in surely]
        done, faults = self._one_by_one(connection, left, run)
        blamed = self._blamed(connection, faults)
        failures += [self.refused(part, n, fault, blamed[n]) for n, fault in faults.items()]
        return done, failures

    def _attempt(
        self, connection: Connection, numbers: Sequence[int], run: Callable[[tuple[int, int]], T]
    ) -> tuple[list[T], Fault | None]:
        """Run it over all rows: what it gave, or the fault of one of them."""
        dialect, savepoint = self._ground.dialect, connection.begin_nested()
        try:
            dialect.immediate_constraints(connection)
            done = [run((numbers[0] - 1, numbers[-1]))]
            savepoint.commit()
        except DBAPIError as error:
            fault = dialect.fault(error)
            if not undone(savepoint) or fault.kind is not FaultKind.ROW:
                raise
            return [], fault
        return done, None

    def _one_by_one(
        self, connection: Connection, numbers: Sequence[int], run: Callable[[tuple[int, int]], T]
    ) -> tuple[list[T], dict[int, Fault]]:
        """Run it over parts, down to single rows; by number why a row is refused."""
        dialect = self._ground.dialect
        if len(numbers) > MANY:
            self.stage.index(connection)

        def some(start: int, stop: int) -> T:
            return run((numbers[start] - 1, numbers[stop - 1]))

        held_up = held_up_by_others(self._ground.table, changes=self._moves)
        done, refused = isolate(connection, some, len(numbers), dialect, held_up)
        return done, {numbers[at]: fault for at, fault in refused}

    def _surely_refused(self, connection: Connection, fault: Fault) -> dict[int, str | None]:
        """By number the staged rows that the same constraint refuses whatever comes, and the column
        that is to blame; none where triggers have a word, too.
        """
        if fault.code not in (CHECK, FOREIGN_KEY) or self._ground.has_triggers(connection):
            return {}
        column = self._ground.blamed(fault)
        if fault.code == FOREIGN_KEY:
            lacking = self._parents.absent(connection)
            return {n: of for n, of in lacking.items() if column in (None, of)}
        condition = self._ground.shape.check_of(fault, self.stage.table.column_names)
        broken = self.stage.where_not(connection, condition) if condition else []
        gone = set(self.keyed.missing(connection)) if broken and self._changes else set()
        return {number: column for number in broken if number not in gone}

    def _blamed(self, connection: Connection, faults: Mapping[int, Fault]) -> dict[int, str | None]:
        """By number the column that is to blame; of a foreign key not every database tells it."""
        found = {number: self._ground.blamed(fault) for number, fault in faults.items()}
        silent = [n for n, f in faults.items() if found[n] is None and f.code == FOREIGN_KEY]
        lacking = self._parents.absent(connection, before=False) if silent else {}
        return {**found, **{number: lacking.get(number) for number in silent}}

    def drop(self, connection: Connection) -> None:
        """Remove it from the session."""
        self.stage.drop(connection)


def fetch(
    ground: Ground, connection: Connection, keys: Sequence[Sequence[Any]]
) -> list[dict[str, Any]]:
    """The rows of keys as they are now, in this order."""
    staged = Staged(ground, ground.table.key)
    columns = [[key[n] for key in keys] for n in range(len(ground.table.key))]
    pairs = zip(ground.table.key, columns, strict=True)
    adapted = [ground.adapting.stored(name, values)[0] for name, values in pairs]
    staged.take(connection, adapted, range(len(keys)))
    found = staged.keyed.rows(connection, ground.table.column_names)
    rows = list(rows_read(found, (Column(ROW, "", None), *ground.table.columns), ground.dialect))
    staged.drop(connection)
    for row in rows:
        del row[ROW]
    return rows
