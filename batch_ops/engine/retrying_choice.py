"""Which rejects a retry tries again, and as what."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from batch_ops.engine.lines import Lines
from batch_ops.engine.retrying_match import Matching
from batch_ops.journal import executions, rejects
from batch_ops.journal.rejects import Choice
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batch_ops.engine.context import Context
    from batch_ops.engine.retrying_file import CorrectedFile
    from batch_ops.journal.rejects import KeptReject
    from batch_ops.spec.model import Step

DAMAGED = "the record cannot be read again as it was (its reason says why): correct it in a file"
UNCORRECTED = "what is wrong in the record itself was not corrected in the file"
UNKNOWN = "an earlier version kept too little of it: give it up, or run the operation again"
NO_ROW = "a function made the record itself; there is no row to call it for again"


@dataclass(frozen=True, slots=True)
class Tried:
    """A reject that is tried again. `record`: the texts of its source's fields, where it is one of
    a source; else `place` says which row it is.
    """

    id: int
    outcome: str
    row: int | None
    key: dict[str, Any] | None
    place: str | None
    record: list[str | None] | None


class TriedRejects:
    """The rejects of one step that are tried again, in the order they were found; on disk."""

    def __init__(self) -> None:
        self._lines = Lines()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, tried: Tried) -> None:
        """One more."""
        self._lines.add((tried.id, tried.outcome, tried.row, tried.key, tried.place, tried.record))

    def part(self, first: int, last: int) -> list[Tried]:
        """Those from one number (from 0) to before another."""
        return [Tried(*line) for line in self._lines.part(first, last)]

    def records(self) -> Iterator[list[list[str | None]]]:
        """The records, some at a time."""
        for some in self._lines.slices():
            yield [line[-1] for line in some]

    def close(self) -> None:
        """Give up the file."""
        self._lines.__exit__()


@dataclass
class Chosen:
    """The rejects that are tried, by step; and why others are not, with their number."""

    steps: dict[str, TriedRejects] = field(default_factory=dict)
    untried: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for tried in self.steps.values():
            tried.close()

    def of(self, step: Step) -> TriedRejects:
        """Those of a step."""
        if step.name not in self.steps:
            self.steps[step.name] = TriedRejects()
        return self.steps[step.name]

    @property
    def number(self) -> int:
        """How many are tried."""
        return sum(map(len, self.steps.values()))


def fields_of(execution: Context) -> Mapping[str, tuple[tuple[str, str | None], ...]]:
    """The fields of the records of each step that reads some from outside."""
    with execution.database.reading() as connection:
        steps = executions.steps_of(execution.journal, connection, execution.id)
    return {step.name: step.fields for step in steps}


def choose(
    execution: Context, reason: str | None = None, corrected: CorrectedFile | None = None
) -> Chosen:
    """Choose among the open rejects whose batches stand: only those of this code or column, or
    those in this file, with its values.

    Raises:
        UsageError: a row of the file fits no reject, or gives values where none can be taken.
    """
    chooser = _Chooser(execution, corrected)
    with ExitStack() as undo:
        undo.enter_context(chooser.chosen)
        with execution.database.reading() as connection:
            choice = Choice(reason=reason, standing=True)
            for kept in rejects.kept(execution.journal, connection, execution.id, choice):
                chooser.take(kept)
        if chooser.matching is not None:
            chooser.matching.judge()
        undo.pop_all()
    return chooser.chosen


class _Chooser:
    def __init__(self, execution: Context, corrected: CorrectedFile | None) -> None:
        self._execution = execution
        self._fields = fields_of(execution)
        self.matching = Matching(execution, corrected, self._fields) if corrected else None
        self.chosen = Chosen()

    def take(self, kept: KeptReject) -> None:
        """Try this one, unless it is not meant or cannot be."""
        step = self._execution.operation.step(kept.step)
        values: Mapping[str, str | None] | None = None
        if self.matching is not None:
            corrected = self.matching.of(kept, step)
            if corrected is None:
                return
            values = corrected.values
        why = _impossible(step, kept, known=bool(self._fields.get(step.name)))
        if why == DAMAGED and self.matching is not None:
            why = UNCORRECTED if values is None else None
        if why is not None:
            self.chosen.untried[why] += 1
            return
        reject, record = kept.reject, self._record(step, kept, values)
        self.chosen.of(step).add(
            Tried(kept.id, reject.outcome, reject.row, reject.key, reject.place, record)
        )

    def _record(
        self, step: Step, kept: KeptReject, values: Mapping[str, str | None] | None
    ) -> list[str | None] | None:
        if step.stream is None:
            return None
        data = (kept.reject.data or {}) | dict(values or {})
        return [data.get(name) for name, _ in self._fields[step.name]]


def _impossible(step: Step, kept: KeptReject, *, known: bool) -> str | None:
    """Why a reject cannot be tried as it is; None: it can. known: the fields of the step's records
    are.
    """
    if step.stream is None:
        lost = NO_ROW if step.kind is StepKind.FUNCTION else UNKNOWN
        return lost if kept.reject.place is None else None
    if not known:
        return UNKNOWN
    return None if kept.reject.damaged is None else DAMAGED
