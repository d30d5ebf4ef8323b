"""A call that breaks off says what happened, and what was written before."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops.database.troubles import told
from batch_ops.errors import BatchBrokenError, BatchOperationError, BatchOpsError, EngineFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.bulk.result import BatchResult
    from batch_ops.database.dialect import Dialect

_VALUE = re.compile(""": ["']""")
ROLLED_BACK = "The batch under way was rolled back."


class BrokenOff(Exception):
    """The database cannot go on: what happened, and what became of the batch under way."""

    def __init__(self, what: str, state: str = ROLLED_BACK) -> None:
        super().__init__(what)
        self.what, self.state = what, state


def refusal(dialect: Dialect, error: DBAPIError) -> str:
    """What the database says, without values; the error itself shows none any more."""
    error.hide_parameters = True
    fault = dialect.fault(error)
    if fault.code.startswith("22"):
        fault = replace(fault, message=_VALUE.split(fault.message)[0])
    return told(fault)


@contextmanager
def breaking(
    result: Callable[[], BatchResult[Any]], dialect: Dialect, *, atomic: bool
) -> Iterator[None]:
    """See to it that whatever ends a call tells what was written before.

    Raises:
        BatchBrokenError: the database could not go on.
    """
    try:
        yield
    except (BatchOperationError, BatchBrokenError, EngineFault):
        raise  # these know
    except (BrokenOff, DBAPIError) as error:
        raise _broken(result(), dialect, error, atomic=atomic) from error
    except BatchOpsError as error:
        if not atomic and result().succeeded:
            error.state = f"{ROLLED_BACK} {_before(result(), atomic=atomic)}"
        raise
    except Exception as error:  # of a function of the caller's
        error.add_note(_before(result(), atomic=atomic))
        raise


def _broken(
    result: BatchResult[Any], dialect: Dialect, error: BrokenOff | DBAPIError, *, atomic: bool
) -> BatchBrokenError:
    broken = error if isinstance(error, BrokenOff) else BrokenOff(refusal(dialect, error))
    before = _before(result, atomic=atomic)
    if atomic:
        result.undo()
    state = before if atomic and broken.state == ROLLED_BACK else f"{broken.state} {before}"
    result.stopped = broken.what
    return BatchBrokenError(
        result.operation, result, broken.what, state=state, todo="Mend the cause and call again."
    )


def _before(result: BatchResult[Any], *, atomic: bool) -> str:
    if atomic:
        return "Nothing was written."
    if not result.succeeded:
        return "Nothing was written before it."
    return f"{result.succeeded:,} rows were written before it and stay."
