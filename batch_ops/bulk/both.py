"""write_many: rows to be put and keys to be deleted, in one call."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from batch_ops.bulk.breaking import breaking
from batch_ops.bulk.inputs import input_of
from batch_ops.bulk.lanes import Lane, Undone
from batch_ops.bulk.parts import Part, Written
from batch_ops.bulk.place import JoinedPlace
from batch_ops.bulk.result import BatchResult
from batch_ops.errors import BatchBrokenError, BatchOperationError, ParameterError
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.bulk.blocks import Input
    from batch_ops.bulk.calls import Calls
    from batch_ops.bulk.options import Options
    from batch_ops.bulk.writers import Writer

T = TypeVar("T")


def write_both(calls: Calls[T], puts: Any, deletes: Any, options: Options) -> BatchResult[T]:
    """Puts, then deletes; with `atomic` both or nothing.

    Raises:
        BatchBrokenError: the database could not go on.
        BatchOperationError: rows failed, and that ends the call.
        ParameterError: a row is to be put and deleted.
    """
    rows, keys = list(_items(input_of(puts))), list(_items(input_of(deletes, what="keys")))
    _refuse_both(calls, rows, keys)
    return Both(calls, rows, keys, options).run()


@dataclass
class Both(Generic[T]):
    """Both halves, and what came of them so far."""

    calls: Calls[T]
    rows: list[Any]
    keys: list[Any]
    options: Options
    result: BatchResult[T] = field(init=False)

    def run(self) -> BatchResult[T]:
        """Do it."""
        began = time.perf_counter()
        place, options = self.calls.place, self.options
        self._fresh()
        with breaking(lambda: self.result, place.dialect, atomic=options.atomic):
            if options.atomic:
                with Lane(place, _no_writer, options.retry, strict=False) as lane:
                    lane.tried(lambda: self._together(lane))
            else:
                self._halves(self.calls)
        self.result.duration = time.perf_counter() - began
        let_pass = options.on_error is not None and self.result.stopped is None
        if self.result.failed and not options.goes_on and (options.atomic or not let_pass):
            raise self.result.error()
        return self.result

    def _fresh(self) -> None:
        self.result = BatchResult("write_many", indexes=self.calls.shape.indexes)

    def _together(self, lane: Lane) -> Written:
        self._fresh()
        try:
            with lane.transaction("the rows of the call"):
                self._halves(replace(self.calls, place=JoinedPlace(lane.connection)))
                if self.result.failed:
                    raise Undone(Written())  # noqa: TRY301  (ends the transaction)
        except Undone:
            self.result.undo()
        return Written()

    def _halves(self, calls: Calls[T]) -> None:
        options, first = self._telling(0), len(self.rows)
        self._half(lambda: calls.upsert(self.rows, None, OnConflict.UPDATE, (), options), 0)
        if self.result.stopped or (self.result.failed and not options.goes_on):
            return
        self._half(lambda: calls.delete(self.keys, False, self._telling(first)), first)

    def _telling(self, first: int) -> Options:
        """The options for a half that begins at a place: progress is told of the whole."""
        tell, total = self.options.on_progress, len(self.rows) + len(self.keys)
        if tell is None:
            return self.options
        return replace(self.options, on_progress=lambda done, _: tell(first + done, total))

    def _half(self, run: Callable[[], BatchResult[T]], first: int) -> None:
        try:
            done = run()
        except BatchOperationError as error:
            done = error.result
        except BatchBrokenError as error:
            self.result.take(error.result, first)
            self._break_off(error)
        self.result.take(done, first)
        self.result.stopped = done.stopped

    def _break_off(self, error: BatchBrokenError) -> NoReturn:
        """What broke one half off breaks off the whole; or the whole is tried again."""
        broken = error.__cause__ or error
        raise (broken.__cause__ or broken if self.options.atomic else broken) from None


def _no_writer(_: Part) -> Writer:
    raise AssertionError("the halves have writers of their own")


def _items(given: Input) -> Any:
    for block in given.blocks(1000):
        yield from block.items


def _refuse_both(calls: Calls[Any], rows: list[Any], keys: list[Any]) -> None:
    put = set(calls.keys_put(rows))
    for place, key in enumerate(calls.keys_deleted(keys)):
        if key is not None and key in put:
            raise ParameterError(
                f"The key of item {place} of deletes is that of a row to be put.",
                todo="Say what is meant: a row is put or deleted.",
            )
