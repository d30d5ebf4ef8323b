"""Rejects as tables, as JSON, and as the CSV that is corrected."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from batch_ops.cli import summary
from batch_ops.cli.say import Say
from batch_ops.cli.say import as_json as json_of
from batch_ops.errors import without_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from batch_ops.cli.look import Reason
    from batch_ops.engine import Project
    from batch_ops.journal.rejects import Choice, KeptReject
    from batch_ops.results import Reject, Result


@dataclass(frozen=True, slots=True)
class Some:
    """A choice of an execution's rejects, read anew each time it is iterated.

    Attributes:
        reasons: of all that are chosen; limit: at most so many are given.
    """

    found: Project
    result: Result
    choice: Choice
    reasons: list[Reason]
    limit: int | None

    def __iter__(self) -> Iterator[KeptReject]:
        from batch_ops.engine import kept_rejects

        return kept_rejects(self.found, self.result.execution_id, self.choice, limit=self.limit)

    @property
    def total(self) -> int:
        """How many are chosen."""
        return sum(each.rows for each in self.reasons)

    @property
    def states(self) -> dict[str, int]:
        """How many of all the execution has had are in each state."""
        from batch_ops.engine import reject_states

        return reject_states(self.found, self.result.execution_id)


def as_tables(say: Say, some: Some) -> None:
    """For a person: by reason, then one by one."""
    states = some.states
    ended = {name: number for name, number in states.items() if name != "open" and number}
    if not some.total:
        say.print("No reject is open." if ended else "No row was rejected.")
    else:
        shown = list(some)
        ends = some.choice.states is None
        say.print(summary.reasons(some.reasons), "", summary.reject_table(shown, ends=ends))
        if len(shown) < some.total:
            told = f"{len(shown):,} of {some.total:,}"
            say.note(f"{told}; --limit N for more, --csv for all in a file")
    if ended and some.choice.states is not None:
        told = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in ended.items())
        say.note(f"Besides: {told}; --all shows them.")


def as_json(say: Say, some: Some) -> None:
    """One object, written as it is read: a reject per line."""
    counted = [
        {"code": r.code, "column": r.column, "outcome": r.outcome, "rows": r.rows}
        for r in some.reasons
    ]
    head: dict[str, Any] = {
        "execution_id": some.result.execution_id,
        "operation": some.result.operation,
    }
    head |= {"total": some.total, "states": some.states, "reasons": counted}
    sys.stdout.write(f'{json_of(head)[:-1]},"rejects":[')
    for number, kept in enumerate(some):
        line = without_passwords(json_of(_told(kept)))
        sys.stdout.write(f"{',' if number else ''}\n{line}")
    say.text("\n]}")


def _told(kept: KeptReject) -> dict[str, Any]:
    told = kept.reject.to_dict() | {"step": kept.step, "state": kept.state}
    if kept.ended_at is not None:
        told["ended"] = {
            "at": kept.ended_at.isoformat(),
            "by": kept.ended_by,
            "how": kept.ended_how,
            "because": kept.because,
            "retry": kept.retry,
        }
    return told


def as_csv(some: Some, stream: TextIO) -> None:
    """Read twice: first for the columns, which may differ from reject to reject, then the rows.
    The step stands beside each where there are several.
    """
    from batch_ops.engine.retrying_file import ABOUT, STEP, cell

    columns = list(dict.fromkeys(chain.from_iterable(_data(kept.reject) for kept in some)))
    steps = len({kept.step for kept in some}) > 1
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*columns, *((STEP,) if steps else ()), *ABOUT])
    for kept in some:
        reject, data = kept.reject, _data(kept.reject)
        step = (kept.step,) if steps else ()
        about = (reject.row, reject.code, reject.column, without_passwords(reject.message))
        writer.writerow([*(cell(data.get(name)) for name in columns), *step, *about])
    stream.flush()


def _data(reject: Reject) -> dict[str, Any]:
    return reject.data or reject.key or {}
