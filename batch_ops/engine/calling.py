"""Calling a custom function: patiently, in bounded time, row by row where it fails."""

from __future__ import annotations

import inspect
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from batch_ops import registry
from batch_ops.database.values import decode, encode
from batch_ops.engine.given import Given
from batch_ops.errors import FunctionFailedError
from batch_ops.spec.model import ErrorHandling

if TYPE_CHECKING:
    from datetime import timedelta

    from batch_ops.engine.context import Context
    from batch_ops.results import Reject
    from batch_ops.spec.model import Retry, Step

SLICE = 10_000
"""Records that are handed on at once."""


@dataclass(frozen=True)
class FunctionContext:
    """What a custom function is told besides its input.

    Attributes:
        execution_id, operation, step: what it is called for.
        batch: the number of its input's batch within the chunk, from 1.
        parameters: the execution's parameters by name.
        actor: who started the execution.
        log: a logger that bears the execution's id.
    """

    execution_id: str
    operation: str
    step: str
    batch: int
    parameters: Mapping[str, Any]
    actor: str
    log: logging.LoggerAdapter[logging.Logger]
    _stop: Callable[[], object]
    _given: Given = field(default_factory=Given)
    _late: threading.Event = field(default_factory=threading.Event)
    rejected: list[Reject] = field(default_factory=list)
    _known: dict[str | int, tuple[int, Any]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        execution: Context,
        step: Step,
        batch: int,
        stop: Callable[[], object],
        given: Given = Given(),  # noqa: B008  (frozen)
    ) -> FunctionContext:
        """The context of one call."""
        bears = {"execution": execution.row.short_id, "step": step.name}
        log = logging.LoggerAdapter(logging.getLogger("batch_ops.function"), bears)
        return cls(
            execution.id,
            execution.operation.name,
            step.name,
            batch,
            dict(execution.parameters),
            execution.row.actor or "",
            log,
            stop,
            given,
        )

    @property
    def cancelled(self) -> bool:
        """Whether the execution is to stop, or the call has taken too long: return soon."""
        return self._late.is_set() or self._stop() is not None

    def reject(
        self, record: Any, message: str, *, code: str = "function", column: str | None = None
    ) -> None:
        """This record of the input cannot be done: it becomes a reject, the others go on.

        It is one reject, however often it is said; all messages are kept. A row that was given is
        known by the record itself, by an equal one, or by its key; what is none of them is a reject
        of its own and costs none of the rows.
        """
        refused = self._given.refused(record, code, message, column)
        mark = id(record) if refused.place is None else refused.place
        known = self._known.get(mark)
        if known is not None:
            before = self.rejected[known[0]]
            self.rejected[known[0]] = replace(before, message=f"{before.message}; {message}")
            return
        self._known[mark] = len(self.rejected), record
        self.rejected.append(refused)

    def refused(self, record: Any, error: BaseException) -> Reject:
        """A record the call failed for."""
        code = "timeout" if isinstance(error, TimeoutError) else "function"
        return self._given.refused(record, code, _told(error))


class Called:
    """What a call gave: records in a file without a name, so that memory does not grow.

    Attributes:
        given: rows of its input.
        count: records it gave.
    """

    def __init__(self, given: int) -> None:
        self.given, self.count = given, 0
        self.rejects: list[Reject] = []
        self._file: BinaryIO | None = None

    def take(self, gave: Any) -> None:
        """Keep what one call gave: nothing, a record, or many."""
        for record in _records(gave):
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._file.write(orjson.dumps(_encoded(record)) + b"\n")
            self.count += 1

    def add(self, other: Called) -> None:
        """Take what another call gave."""
        for records in other.slices():
            self.take(records)
        self.rejects += other.rejects

    def slices(self) -> Iterator[list[Any]]:
        """The records, some thousand at a time."""
        if self._file is None:
            return
        self._file.seek(0)
        some: list[Any] = []
        for line in self._file:
            some.append(_decoded(orjson.loads(line)))
            if len(some) == SLICE:
                yield some
                some = []
        if some:
            yield some

    def close(self) -> None:
        """Give up the file."""
        if self._file is not None:
            self._file.close()


def _records(gave: Any) -> Iterable[Any]:
    if gave is None:
        return ()
    one = isinstance(gave, (str, bytes, Mapping)) or not isinstance(gave, Iterable)
    return (gave,) if one else gave


def _encoded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {"m": {str(key): _encoded(item) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return {"l": [_encoded(item) for item in value]}
    return encode(value)


def _decoded(value: Any) -> Any:
    if isinstance(value, dict) and "m" in value:
        return {key: _decoded(item) for key, item in value["m"].items()}
    if isinstance(value, dict) and "l" in value:
        return tuple(_decoded(item) for item in value["l"])
    return decode(value)


@dataclass(frozen=True)
class Call:
    """How a step's function is called.

    Attributes:
        arguments: how many it takes: none, the input, or the input and the context.
        stops: whether one record that fails stops the execution.
    """

    name: str
    function: Callable[..., Any]
    arguments: int
    retry: Retry
    timeout: timedelta | None
    stops: bool

    @classmethod
    def of(cls, execution: Context, step: Step) -> Call:
        """The call of a step's function."""
        assert step.function is not None
        function = registry.resolve(step.function, step.location)
        return cls(
            step.function,
            function,
            _arguments(function),
            execution.settings(step).retry,
            step.settings.timeout,
            execution.operation.error_handling is ErrorHandling.STOP,
        )

    def __call__(self, given: Any, context: FunctionContext, *, each: bool) -> Called:
        """Call it; what it gave.

        each: the input is rows: where the call fails for all of them, each is tried by itself, and
        those that fail alone are rejects.

        Raises:
            FunctionFailedError: it fails again and again.
        """
        called = Called(len(given) if each else 0)
        error = self._patiently(given, context, called)
        if error is not None and (not each or (self.stops and len(given) == 1)):
            called.close()
            raise FunctionFailedError(
                f"The function {self.name!r} failed: {_told(error)}",
                todo=f"Mend it, then: batch-ops resume {context.execution_id[:8]}",
                execution_id=context.execution_id,
            ) from error
        if error is not None:
            called = self._singly(given, context)
        return called

    def _singly(self, given: Any, context: FunctionContext) -> Called:
        called = Called(len(given))
        for record in given:
            one = Called(1)
            error = self._once([record], context, one)
            if error is None:
                called.add(one)
            else:
                called.rejects.append(context.refused(record, error))
            one.close()
        return called

    def _patiently(
        self, given: Any, context: FunctionContext, called: Called
    ) -> BaseException | None:
        """Again and again, with growing waits; the last error, or None once it gave something."""
        error: BaseException | None = None
        for attempt in range(self.retry.max_retries + 1):
            if attempt:
                time.sleep(self.retry.delay(attempt))
            fresh = Called(called.given)
            error = self._once(given, context, fresh)
            if error is None:
                called.add(fresh)
            fresh.close()
            if error is None or context.cancelled:
                break
        return error

    def _once(self, given: Any, context: FunctionContext, called: Called) -> BaseException | None:
        """One call in a thread of its own, so that it can be late."""
        failed: list[BaseException] = []
        mine = replace(context, _late=threading.Event(), rejected=called.rejects, _known={})

        def work() -> None:
            try:
                called.take(self.function(*(given, mine)[: self.arguments]))
            except (Exception, SystemExit) as error:  # exit() in a function is its failure
                failed.append(error)

        if self.timeout is None:
            work()
            return failed[0] if failed else None
        thread = threading.Thread(target=work, name="function", daemon=True)
        thread.start()
        thread.join(self.timeout.total_seconds())
        if thread.is_alive():
            mine._late.set()  # noqa: SLF001
            return TimeoutError(f"it took longer than {self.timeout.total_seconds():g} s")
        return failed[0] if failed else None


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _arguments(function: Callable[..., Any]) -> int:
    """How many of input and context a function takes."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        taken = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built-ins without a signature take their input
        return 1
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in taken):
        return 2
    return min(2, sum(parameter.kind in kinds for parameter in taken))
