"""Calling a function with some of many items at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from batch_ops.bulk.options import whole_number
from batch_ops.errors import BatchOpsError, ExecutionError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.bulk.blocks import Input
    from batch_ops.bulk.options import OnProgress
    from batch_ops.engine.pace import Pace

R = TypeVar("R")


def in_chunks(
    given: Input,
    size: int,
    function: Callable[[list[Any]], R],
    pace: Pace,
    on_progress: OnProgress | None,
) -> list[R]:
    """What the function gave for each chunk, in order.

    Raises:
        ExecutionError: it failed; which chunk, and what is done.
        ParameterError: the size is none.
    """
    whole_number("size", size, 1)
    if not callable(function):
        raise ParameterError("The function cannot be called.", todo="Give a function.")
    results: list[R] = []
    done = 0
    before: int | None = None
    for number, block in enumerate(given.blocks(size), 1):
        pace(before)
        before = len(block.items)
        try:
            results.append(function(list(block.items)))
        except Exception as error:
            why = error.what if isinstance(error, BatchOpsError) else str(error)
            raise ExecutionError(
                f"Chunk {number} (items {block.start} to {block.places[-1]}) failed: {why}",
                state=f"Done before it: {number - 1:,} chunk(s) with {done:,} items.",
                todo=f"Mend the cause and go on from item {block.start}.",
            ) from error
        done += len(block.items)
        if on_progress is not None:
            on_progress(done, given.size)
    return results
