"""A lane of a call: a connection, and what is made in its session; transactions that are tried
again when the database's trouble passes.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, Self

from sqlalchemy.exc import DBAPIError

from batch_ops.bulk.breaking import ROLLED_BACK, BrokenOff, refusal
from batch_ops.bulk.parts import Part, Prepared, Written
from batch_ops.engine.patience import passes
from batch_ops.errors import DatabaseUnreachableError, EngineFault
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from batch_ops.bulk.options import RetryPolicy
    from batch_ops.bulk.place import Place
    from batch_ops.bulk.writers import Writer


class Undone(Exception):
    """Rows failed and the transaction is to be rolled back; what would have been written."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self.written = written


class Lane:
    """Writes batches over one connection. make: a writer for parts like this one."""

    def __init__(
        self, place: Place, make: Callable[[Part], Writer], retry: RetryPolicy, *, strict: bool
    ) -> None:
        self._place, self._make, self._retry, self._strict = place, make, retry, strict
        self._open = ExitStack()
        self._connection: Connection | None = None
        self._writers: dict[tuple[Any, ...], Writer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None and self._connection is not None and self._writers:
            # all is written: what is left in a session that is gone is gone, too
            with suppress(DBAPIError), self._place.transaction(self._connection):
                for writer in self._writers.values():
                    writer.close(self._connection)
        self.renew()

    def renew(self) -> None:
        """Give the connection up; the next one is new."""
        self._writers.clear()
        self._connection = None
        self._open.close()

    @property
    def connection(self) -> Connection:
        """The lane's connection, opened when it is first needed."""
        if self._connection is None:
            self._connection = self._open.enter_context(self._place.lane())
        return self._connection

    def batch(self, prepared: Prepared) -> Written:
        """Write a batch in a transaction of its own."""
        try:
            return self.tried(lambda: self._committed(prepared))
        except BrokenOff as broken:
            if broken.state == ROLLED_BACK:
                broken.state = f"The batch of {_rows_of(prepared)} was rolled back."
            raise

    def tried(self, run: Callable[[], Written], *, again: bool = True) -> Written:
        """Do what is a transaction; again, when it fails for what may pass.

        Raises:
            BrokenOff: it failed for good.
        """
        number = 0
        while True:
            try:
                return run()
            except Undone as undone:
                return rolled_back(undone.written)
            except (DBAPIError, DatabaseUnreachableError) as error:
                number += 1
                dialect = self._place.dialect
                self.renew()
                if not again or self._place.joined or not passes(dialect, error):
                    self._give_up(error)
                if number > self._retry.max_retries:
                    self._give_up(error)
                time.sleep(self._retry.delay(number))

    def written(self, prepared: Prepared) -> Written:
        """Write a batch inside an open transaction."""
        done = Written()
        done.failures += prepared.failures
        for part in prepared.parts:
            done.add(self._writer(part).write(self.connection, part))
        invalid = sum(failure.outcome == "invalid" for failure in prepared.failures)
        done.counts += Counts(
            total=prepared.skipped + len(prepared.failures),
            skipped=prepared.skipped,
            invalid=invalid,
            failed=len(prepared.failures) - invalid,
        )
        _reconcile(prepared, done)
        return done

    @contextmanager
    def transaction(self, what: str) -> Iterator[None]:
        """A transaction of the lane's; what: the rows it writes.

        Raises:
            BrokenOff: the connection was lost while it was committed.
        """
        committing = False
        try:
            with self._place.transaction(self.connection):
                yield
                committing = True
        except DBAPIError as error:
            if committing and self._place.dialect.fault(error).connection_lost:
                self.renew()
                raise BrokenOff(
                    "The connection was lost while a transaction was committed.",
                    f"Nobody knows whether {what} were written.",
                ) from error
            raise

    def _committed(self, prepared: Prepared) -> Written:
        with self.transaction(_rows_of(prepared)):
            done = self.written(prepared)
            if self._strict and done.failures:
                raise Undone(done)
        return done

    def _writer(self, part: Part) -> Writer:
        kind = (part.names, part.cascade, part.defaulted)
        if kind not in self._writers:
            self._writers[kind] = self._make(part)
        return self._writers[kind]

    def _give_up(self, error: DBAPIError | DatabaseUnreachableError) -> NoReturn:
        if isinstance(error, DatabaseUnreachableError):
            raise BrokenOff(error.what) from error
        raise BrokenOff(refusal(self._place.dialect, error)) from error


def rolled_back(written: Written) -> Written:
    """What became of rows that were rolled back: those that had gone well are skipped."""
    counts = written.counts
    undone = counts.created + counts.updated + counts.unchanged + counts.deleted
    counts = Counts(
        total=counts.total,
        not_found=counts.not_found,
        invalid=counts.invalid,
        failed=counts.failed,
        skipped=counts.skipped + undone,
    )
    return Written(counts, written.failures, written.missing)


def _reconcile(prepared: Prepared, done: Written) -> None:
    counts = done.counts
    wanted = prepared.total - len(prepared.later)
    if not counts.reconciled or counts.total != wanted or len(done.failures) != counts.rejects:
        raise EngineFault(f"The counters of a batch do not add up: {counts} of {wanted} rows.")


def _rows_of(prepared: Prepared) -> str:
    ends = [
        end for part in prepared.parts if part.places for end in (part.places[0], part.places[-1])
    ]
    return f"rows {min(ends)} to {max(ends)}" if ends else "its rows"
