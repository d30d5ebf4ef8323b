"""A call under way: blocks of the input are prepared, written by lanes, and told."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from batch_ops.bulk.blocks import Block, Input
from batch_ops.bulk.breaking import breaking
from batch_ops.bulk.lanes import Lane, Undone
from batch_ops.bulk.options import throttled
from batch_ops.bulk.parts import Failure, Part, Prepared, Written
from batch_ops.bulk.preparing import missing_of, shown
from batch_ops.bulk.result import BatchResult
from batch_ops.engine.pace import Pace
from batch_ops.errors import ParameterError
from batch_ops.results import Counts

if TYPE_CHECKING:
    from batch_ops.bulk.options import Options
    from batch_ops.bulk.place import Place
    from batch_ops.bulk.preparing import Preparer
    from batch_ops.bulk.writers import Writer

T = TypeVar("T")
Collected = tuple[Block, "Future[Written]"]


@dataclass
class Call(Generic[T]):
    """What is asked for.

    Attributes:
        name: of the call.
        make: a writer for parts like this one.
        row: a row of the table as the caller wants it.
        hidden: columns whose values are not told.
    """

    name: str
    place: Place
    options: Options
    prepare: Preparer
    make: Callable[[Part], Writer]
    row: Callable[[dict[str, Any]], T]
    hidden: frozenset[str]
    indexes: int


@dataclass
class Running(Generic[T]):
    """A call, and what came of it so far."""

    call: Call[T]
    given: Input
    result: BatchResult[T] = field(init=False)
    _began: float = field(default_factory=time.perf_counter)
    _done: int = 0
    _stopped: str | None = None
    _later: list[tuple[int, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._fresh()

    def run(self) -> BatchResult[T]:
        """Do it.

        Raises:
            BatchBrokenError: the database could not go on.
            BatchOperationError: rows failed, and that ends the call.
        """
        options = self.call.options
        with breaking(lambda: self.result, self.call.place.dialect, atomic=options.atomic):
            if options.atomic:
                self._atomic()
            elif options.max_concurrency > 1:
                self._concurrent()
            else:
                self._in_turn()
        self.result.duration = time.perf_counter() - self._began
        self.result.stopped = self._stopped
        self.result.failed.sort()
        self.result.not_found.sort(key=lambda missing: missing.index)
        if self.result.failed and not options.goes_on and (options.atomic or not self._let_pass):
            raise self.result.error()
        return self.result

    @property
    def _let_pass(self) -> bool:
        """Whether `on_error` has let each failed row pass."""
        return self.call.options.on_error is not None and self._stopped is None

    def _fresh(self) -> None:
        self.result = BatchResult(self.call.name, indexes=self.call.indexes)
        self._done, self._stopped = 0, None

    # the three ways

    def _atomic(self) -> None:
        lane = self._lane(strict=False)
        with lane:
            lane.tried(lambda: self._all_in_one(lane), again=self.given.repeatable)

    def _all_in_one(self, lane: Lane) -> Written:
        self._fresh()
        try:
            with lane.transaction("the rows of the call"):
                for block in self._blocks():
                    self._collect(block, lane.written(self._prepared(block)), lane.written)
                    if self._stopped and not self._looks_on:
                        break
                if self.result.failed:
                    raise Undone(Written())  # noqa: TRY301  (ends the transaction)
        except Undone:
            self.result.undo()
        return Written()

    @property
    def _looks_on(self) -> bool:
        """Whether the schema looks at the rows that are left, though nothing will be written."""
        return self.call.prepare.validates

    def _in_turn(self) -> None:
        with self._lane() as lane:
            for block in self._blocks():
                self._collect(block, lane.batch(self._prepared(block)), lane.batch)
                if self._stopped:
                    return

    def _concurrent(self) -> None:
        number = self.call.options.max_concurrency
        free: queue.SimpleQueue[Lane] = queue.SimpleQueue()
        with ExitStack() as stack, ThreadPoolExecutor(number) as pool:
            for _ in range(number):
                free.put(stack.enter_context(self._lane()))

            def write(prepared: Prepared) -> Written:
                lane = free.get()
                try:
                    return lane.batch(prepared)
                finally:
                    free.put(lane)

            waiting: deque[Collected] = deque()
            try:
                self._hand_out(pool, waiting, write)
            except BaseException:
                self._await(waiting)
                raise

    def _hand_out(
        self,
        pool: ThreadPoolExecutor,
        waiting: deque[Collected],
        write: Callable[[Prepared], Written],
    ) -> None:
        for block in self._blocks():
            self._drain(waiting, write, self.call.options.max_concurrency)
            if self._stopped:
                break
            waiting.append((block, pool.submit(write, self._prepared(block))))
            if len(self._later) >= self.call.options.size:
                self._drain(waiting, write, 0)
                self._write_later(write)
        self._drain(waiting, write, 0)
        if not self._stopped:
            self._write_later(write)

    def _await(self, waiting: deque[Collected]) -> None:
        """One lane broke off: what the others have under way is written, and counts."""
        for _, future in waiting:
            if future.exception() is None:
                self._take(future.result())

    def _drain(
        self, waiting: deque[Collected], write: Callable[[Prepared], Written], most: int
    ) -> None:
        """Wait until not more than so many batches are under way."""
        while len(waiting) > most:
            block, future = waiting.popleft()
            self._collect(block, future.result(), write)

    def _write_later(self, write: Callable[[Prepared], Written]) -> None:
        """Rows that may repeat a key come behind all that were before them."""
        if self._later:
            later, self._later = self._later, []
            block = Block(0, [item for _, item in later], chosen=[place for place, _ in later])
            self._collect(block, write(self.call.prepare.at_last(block)), write)

    # what all ways share

    def _lane(self, *, strict: bool | None = None) -> Lane:
        options, call = self.call.options, self.call
        stops = not options.goes_on and options.on_error is None
        return Lane(
            call.place, call.make, options.retry, strict=stops if strict is None else strict
        )

    def _blocks(self) -> Iterator[Block]:
        pace = Pace(throttled(self.call.options.throttle), self.call.place.at_work)
        before: int | None = None
        for block in self.given.blocks(self.call.options.size):
            pace(before)
            before = len(block.items)
            yield block

    def _prepared(self, block: Block) -> Prepared:
        prepared = self.call.prepare(block)
        if self._stopped:  # only looked at: nothing is written any more
            prepared.skipped += sum(len(part.places) for part in prepared.parts)
            prepared.parts = []
        if prepared.later:
            items = dict(zip(block.places, block.items, strict=True))
            self._later += [(place, items[place]) for place in prepared.later]
        return prepared

    def _collect(
        self, block: Block, written: Written, write: Callable[[Prepared], Written]
    ) -> None:
        """Take a batch's outcome in; ask about its failures, and try rows again."""
        items = dict(zip(block.places, block.items, strict=True)) if written.failures else {}
        failures = self._asked(written, items, write) if items else []
        self._take(written)
        self._done += len(block.items)
        add, read = self.result.failed.add, self._read
        for failure in failures:
            add(failure.place, failure.errors, items[failure.place], read)
        self.result.not_found += missing_of(
            self.call.prepare, block, written.missing, self.call.hidden
        )
        if failures and not self.call.options.goes_on and self.call.options.on_error is None:
            self._stopped = "rows failed"
        if self.call.options.on_progress is not None:
            self.call.options.on_progress(self._done - len(self._later), self.given.size)

    def _take(self, written: Written) -> None:
        result = self.result
        result.stats = result.stats + written.counts
        for name in ("created", "updated", "unchanged", "deleted"):
            getattr(result, name).extend(map(self.call.row, getattr(written, name)))
        for table, rows in written.cascaded.items():
            result.cascaded[table] = result.cascaded.get(table, 0) + rows

    def _asked(
        self, written: Written, items: dict[int, Any], write: Callable[[Prepared], Written]
    ) -> list[Failure]:
        """The failures that stay, after `on_error` was asked; its new rows are written."""
        failures = sorted(written.failures, key=lambda failure: failure.place)
        if self.call.options.on_error is None:
            return failures
        left: list[Failure] = []
        for _ in range(max(self.call.options.retry.max_retries, 1)):
            again, stay = self._decided(failures, items)
            left += stay
            if not again:
                return left
            block = Block(0, list(again.values()), chosen=list(again))
            tried = write(self.call.prepare.at_last(block))
            for failure in failures:
                if failure.place in again:
                    written.counts = written.counts - _of_failure(failure)
            items |= again
            failures = sorted(tried.failures, key=lambda failure: failure.place)
            tried.failures = []
            written.add(tried)
        return left + failures

    def _decided(
        self, failures: list[Failure], items: Mapping[int, Any]
    ) -> tuple[dict[int, Any], list[Failure]]:
        """Rows to be tried, by place, and the failures that stay."""
        again: dict[int, Any] = {}
        stay: list[Failure] = []
        ask = self.call.options.on_error
        for failure in failures:
            decision: Any = None
            if ask is not None and self._stopped is None:
                decision = ask(items[failure.place], failure.errors[0])
            if decision == "retry":
                again[failure.place] = items[failure.place]
            elif isinstance(decision, Mapping):
                again[failure.place] = decision
            else:
                self._judge_word(decision)
                stay.append(failure)
        return again, stay

    def _judge_word(self, decision: Any) -> None:
        if decision == "stop":
            self._stopped = "on_error said stop"
        elif decision not in (None, "continue"):
            raise ParameterError(
                f"on_error gave {decision!r}.",
                todo="It gives 'continue', 'stop', 'retry', or another row.",
            )

    def _read(self, item: Any, place: int) -> tuple[Any, Mapping[str, Any]]:
        return shown(self.call.prepare, item, place, self.call.hidden)


def _of_failure(failure: Failure) -> Counts:
    invalid = failure.outcome == "invalid"
    return Counts(total=1, invalid=int(invalid), failed=int(not invalid))
