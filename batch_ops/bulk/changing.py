"""update_many and delete_many on rows chosen by a condition: whole ranges at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError

from batch_ops.bulk.breaking import breaking
from batch_ops.bulk.failures import masked
from batch_ops.bulk.lanes import Undone
from batch_ops.bulk.options import throttled
from batch_ops.bulk.parts import Failure, Written
from batch_ops.bulk.predicate import read_span, spans
from batch_ops.bulk.result import BatchResult
from batch_ops.bulk.staged import fetch
from batch_ops.database.faults import FOREIGN_KEY, FaultKind
from batch_ops.database.savepoints import undone
from batch_ops.database.wording import text
from batch_ops.engine.isolation import held_up_by_others, isolate
from batch_ops.engine.pace import Pace
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.bulk.failures import RowError
    from batch_ops.bulk.ground import Ground
    from batch_ops.bulk.lanes import Lane
    from batch_ops.bulk.options import Options
    from batch_ops.bulk.place import Place
    from batch_ops.bulk.setting import Setting
    from batch_ops.database.faults import Fault
    from batch_ops.database.statements import Statement, Target
    from batch_ops.database.values import Key

T = TypeVar("T")
Span = tuple["Key | None", "Key | None"]
EVERYTHING: Span = (None, None)


@dataclass
class Change(Generic[T]):
    """A change of chosen rows.

    Attributes:
        setting: what is set; None: the rows are deleted.
        row: a row of the table as the caller wants it.
    """

    name: str
    place: Place
    options: Options
    target: Target
    setting: Setting | None
    ground: Ground
    row: Callable[[dict[str, Any]], T]
    result: BatchResult[T] = field(init=False)
    _keys: dict[int, Key] = field(default_factory=dict)

    def run(self, lane: Lane) -> BatchResult[T]:
        """Do it.

        Raises:
            BatchBrokenError: the database could not go on.
            BatchOperationError: rows failed, and that ends the call.
        """
        began = time.perf_counter()
        self.result = BatchResult(self.name, indexes=self.ground.shape.indexes)
        atomic, dialect = self.options.atomic, self.place.dialect
        pace = Pace(throttled(self.options.throttle), self.place.at_work)
        with breaking(lambda: self.result, dialect, atomic=atomic), lane:
            pace(None)
            if self.options.atomic:
                lane.tried(lambda: self._all_in_one(lane))
            else:
                self._in_turn(lane, pace)
        self.result.duration = time.perf_counter() - began
        if self.result.failed and not self.options.goes_on:
            raise self.result.error()
        return self.result

    def _all_in_one(self, lane: Lane) -> Written:
        self.result.stats, self.result.committed = Counts(), True
        try:
            with lane.transaction("the rows of the call"):
                self._take(self._done(lane.connection, EVERYTHING))
                if self.result.failed:
                    raise Undone(Written())  # noqa: TRY301  (ends the transaction)
        except Undone:
            self.result.undo()
        return Written()

    def _in_turn(self, lane: Lane, pace: Pace) -> None:
        before: int | None = None
        for span in self._ranges(lane):
            if before is not None:
                pace(before)
            written = lane.tried(lambda span=span: self._committed(lane, span))  # type: ignore[misc]
            before = written.counts.total
            self._take(written)
            if self.options.on_progress is not None:
                self.options.on_progress(self.result.stats.total, None)
            if self.result.failed and not self.options.goes_on:
                self.result.stopped = "rows failed"
                return

    def _ranges(self, lane: Lane) -> list[Span]:
        """The ranges that are changed one by one."""
        ranges: list[Span] = []

        def look() -> Written:
            with self.place.looking(lane.connection):
                ranges[:] = spans(lane.connection, self.target, self.options.size)
            return Written()

        lane.tried(look)
        return ranges

    def _committed(self, lane: Lane, span: Span) -> Written:
        with lane.transaction("its rows"):
            done = self._done(lane.connection, span)
            if done.failures and not self.options.goes_on:
                raise Undone(done)
        return done

    def _done(self, connection: Connection, span: Span) -> Written:
        """Change a range at once; where a row is refused, in parts of it."""
        keys: Sequence[Key] = self._keys_of(connection, span) if self.ground.returning else ()
        before = self._rows(connection, span) if self.setting is None else []
        if self.setting is not None and self.setting.wrong:
            return self._refused(connection, span, self.setting.wrong)
        savepoint = connection.begin_nested()
        try:
            self.ground.dialect.immediate_constraints(connection)
            changed = self._execute(connection, span)
            failures: list[Failure] = []
            savepoint.commit()
        except DBAPIError as error:
            fault = self.ground.dialect.fault(error)
            if not undone(savepoint) or fault.kind is not FaultKind.ROW:
                raise
            keys = self._keys_of(connection, span)
            changed, failures = self._isolated(connection, keys, span[0])
        bad = {self._keys[failure.place] for failure in failures}
        return self._written(
            connection, changed, failures, [k for k in keys if k not in bad], before
        )

    def _refused(self, connection: Connection, span: Span, wrong: tuple[RowError, ...]) -> Written:
        """A value that is set is none of its column's: each row fails for that."""
        keys = dict(enumerate(self._keys_of(connection, span), self.result.stats.total))
        self._keys.update(keys)
        counts = Counts(total=len(keys), failed=len(keys))
        return Written(counts, [Failure(place, wrong) for place in keys])

    def _isolated(
        self, connection: Connection, keys: Sequence[Key], lower: Key | None
    ) -> tuple[int, list[Failure]]:
        """Change the rows of these keys, of which the first one follows `lower`."""
        begin = self.result.stats.total

        def part(start: int, stop: int) -> int:
            return self._execute(connection, (keys[start - 1] if start else lower, keys[stop - 1]))

        held_up = held_up_by_others(self.target.table, changes=self.setting is not None)
        done, refused = isolate(connection, part, len(keys), self.ground.dialect, held_up)
        failures = []
        for at, fault in refused:
            self._keys[begin + at] = keys[at]
            failures.append(self._failure(begin + at, fault))
        return sum(done), failures

    def _failure(self, place: int, fault: Fault) -> Failure:
        """Of a foreign key not every database tells the column."""
        failure = self.ground.failure(place, fault)
        error = failure.errors[0]
        if error.code != FOREIGN_KEY or error.field is not None:
            return failure
        return failure._replace(errors=(error._replace(field=self._referring),))

    @property
    def _referring(self) -> str | None:
        """The only column a foreign key can be broken by; of rows that are deleted the key."""
        table = self.target.table
        if self.setting is None:
            return table.key[0]
        given = set(self.setting.values)
        found = [key.columns[0] for key in table.foreign_keys if not given.isdisjoint(key.columns)]
        return found[0] if len(found) == 1 else None

    def _written(
        self,
        connection: Connection,
        changed: int,
        failures: list[Failure],
        keys: Sequence[Key],
        before: list[dict[str, Any]],
    ) -> Written:
        counts = Counts(total=changed + len(failures), failed=len(failures))
        if self.setting is None:
            kept = set(keys)
            names = self.target.table.key
            rows = [row for row in before if tuple(row[name] for name in names) in kept]
            return Written(counts + Counts(deleted=changed), failures, deleted=rows)
        rows = fetch(self.ground, connection, keys) if self.ground.returning else []
        return Written(counts + Counts(updated=changed), failures, updated=rows)

    def _execute(self, connection: Connection, span: Span) -> int:
        now = datetime.now(UTC)
        if self.setting is None:
            statement: Statement = self.target.delete(now, *span)
        else:
            statement = self.target.update(self.setting.values, now, *span)
        return int(connection.execute(text(statement[0]), statement[1]).rowcount)

    def _keys_of(self, connection: Connection, span: Span) -> list[Key]:
        query, parameters = self.target.keys(*span)
        return [tuple(row) for row in connection.execute(text(query), parameters)]

    def _rows(self, connection: Connection, span: Span) -> list[dict[str, Any]]:
        if not self.ground.returning:
            return []
        return read_span(connection, self.target, self.target.table, span)

    def _take(self, written: Written) -> None:
        self.result.stats = self.result.stats + written.counts
        self.result.updated += map(self.row, written.updated)
        self.result.deleted += map(self.row, written.deleted)
        for failure in written.failures:
            self.result.failed.add(
                failure.place, failure.errors, self._keys[failure.place], self._read
            )

    def _read(self, key: Key, _: int) -> tuple[Any, Mapping[str, Any]]:
        names, hidden = self.target.table.key, self.ground.hidden
        data = masked(dict(zip(names, key, strict=True)), hidden)
        return (key[0] if len(key) == 1 else key), data
