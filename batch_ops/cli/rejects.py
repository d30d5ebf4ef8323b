"""`batch-ops errors`: the rows that could not be processed, with their reasons."""

from __future__ import annotations

import csv
import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from batch_ops.cli import summary
from batch_ops.cli.look import Reason, reasons_of
from batch_ops.cli.options import Common, said
from batch_ops.cli.project import project
from batch_ops.cli.say import Say, as_json
from batch_ops.errors import UnknownNameError, UsageError, without_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.engine import Project
    from batch_ops.results import Reject, Result

SHOWN = 20
ABOUT = ("reject_row", "reject_code", "reject_column", "reject_message")


def errors(
    execution: Annotated[
        str | None,
        Parameter(help="Its id or the start of it (default: the newest one with rejects)."),
    ] = None,
    /,
    *,
    csv: Annotated[
        bool,
        said("As CSV: the original columns, then row, code, why."),
    ] = False,
    limit: Annotated[
        int | None,
        Parameter(validator=Number(gte=1), help="At most so many (20; --json and --csv: all)."),
    ] = None,
    reason: Annotated[
        str | None, Parameter(help="Only those of this code, or of this column.")
    ] = None,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Show the rejects of an execution. Columns declared hidden are never shown."""
    if csv and common.json:
        raise UsageError("--csv and --json exclude each other.", todo="Leave one out.")
    from batch_ops.engine import result_of

    say = Say(common)
    with project() as found:
        result = result_of(found, execution) if execution else _newest(found)
        reasons = _asked(reasons_of(found, result.execution_id), reason)
        number = limit if limit is not None or csv or common.json else SHOWN
        some = _Rejects(found, result.execution_id, reason, number)
        if csv:
            _as_csv(some)
        elif common.json:
            head = {"execution_id": result.execution_id, "operation": result.operation}
            _as_json(say, head, some, reasons)
        else:
            _as_tables(say, some, reasons)
    return 0


def _newest(found: Project) -> Result:
    """The newest execution that has rejects."""
    from batch_ops.engine import history

    for result in history(found, limit=None):
        if result.counts.rejects:
            return result
    raise UsageError("No execution has rejects.", todo="See what there is: batch-ops status")


class _Rejects:
    """A choice of an execution's rejects, read anew each time it is iterated."""

    def __init__(
        self, found: Project, execution_id: str, reason: str | None, limit: int | None
    ) -> None:
        self._found, self._execution_id = found, execution_id
        self._reason, self._limit = reason, limit

    def __iter__(self) -> Iterator[Reject]:
        from batch_ops.engine import rejects_of

        every = rejects_of(
            self._found, self._execution_id, limit=None if self._reason else self._limit
        )
        return islice((each for each in every if self._fits(each)), self._limit)

    def _fits(self, reject: Reject) -> bool:
        return self._reason is None or self._reason in {reject.code, reject.column}


def _asked(reasons: list[Reason], reason: str | None) -> list[Reason]:
    if reason is None:
        return reasons
    fitting = [each for each in reasons if reason in {each.code, each.column}]
    if not fitting:
        known = {word for each in reasons for word in (each.code, each.column) if word}
        raise UnknownNameError("reject with the reason", reason, known)
    return fitting


def _as_tables(say: Say, some: _Rejects, reasons: list[Reason]) -> None:
    total = sum(each.rows for each in reasons)
    if not total:
        say.print("No row was rejected.")
        return
    shown = list(some)
    say.print(summary.reasons(reasons), "", summary.reject_table(shown))
    if len(shown) < total:
        say.note(f"{len(shown):,} of {total:,}; --limit N for more, --csv for all in a file")


def _as_json(say: Say, head: dict[str, Any], some: _Rejects, reasons: list[Reason]) -> None:
    """One object, written as it is read: a reject per line."""
    counted = [
        {"code": r.code, "column": r.column, "outcome": r.outcome, "rows": r.rows} for r in reasons
    ]
    begin = as_json({**head, "total": sum(r.rows for r in reasons), "reasons": counted})
    sys.stdout.write(f'{begin[:-1]},"rejects":[')
    for number, reject in enumerate(some):
        line = without_passwords(as_json(reject.to_dict()))
        sys.stdout.write(f"{',' if number else ''}\n{line}")
    say.text("\n]}")


def _as_csv(some: _Rejects) -> None:
    """Read twice: first for the columns, which may differ from reject to reject, then the rows."""
    columns = list(dict.fromkeys(chain.from_iterable(_data(reject) for reject in some)))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*columns, *ABOUT])
    for reject in some:
        data = _data(reject)
        about = (reject.row, reject.code, reject.column, without_passwords(reject.message))
        writer.writerow([*(data.get(name) for name in columns), *about])
    sys.stdout.flush()


def _data(reject: Reject) -> dict[str, Any]:
    return reject.data or reject.key or {}
