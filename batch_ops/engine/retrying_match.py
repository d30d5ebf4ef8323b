"""Matching the rows of a corrected file to rejects."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from batch_ops.engine.retrying_file import ROW, STEP, cell
from batch_ops.errors import UnknownNameError, UsageError
from batch_ops.journal import rejects
from batch_ops.journal.rejects import DISCARDED, OPEN, RECOVERED, REFUSED_AGAIN, Choice
from batch_ops.sources.records import ODD
from batch_ops.spec.model import CsvSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batch_ops.engine.context import Context
    from batch_ops.engine.retrying_file import CorrectedFile, CorrectedRow
    from batch_ops.journal.rejects import KeptReject
    from batch_ops.spec.model import Step

_NAMED = 5
"""So many rows that fit nothing are named."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a row of the file says of a reject. `values`: fields with other values than the journal
    has; None: what is damaged in the record was not corrected.
    """

    values: Mapping[str, str | None] | None


class Matching:
    """Each row of the file is about one open reject; which ones, shows when all were looked at."""

    def __init__(
        self,
        execution: Context,
        file: CorrectedFile,
        fields: Mapping[str, tuple[tuple[str, str | None], ...]],
    ) -> None:
        self._execution, self._file = execution, file
        self._fields = {step: tuple(name for name, _ in some) for step, some in fields.items()}
        self._met = bytearray(len(file))
        self._known: set[str] = set()
        self._foreign: UsageError | None = None

    def of(self, kept: KeptReject, step: Step) -> Values | None:
        """What the file says of a reject; None: nothing."""
        own = self._own(kept, step)
        self._known |= set(own)
        number = self._file.number_of(kept)
        if number is None:
            return None
        row = self._file.row(number)
        if self._met[number]:
            raise self._ambiguous(row)
        self._met[number] = 1
        changed = self._changed(row, own)
        if step.stream is None:
            self._refuse_values(row, kept, changed)
            return Values({})
        return self._taken(row, kept, step, changed)

    def judge(self) -> None:
        """All rejects were looked at.

        Raises:
            UsageError: the file has a column that no reject has, or rows that are about no open
                reject; those of rejects that were recovered before are passed over.
        """
        for name in self._file.columns if len(self._file) else ():
            if name not in self._known and not self._is_other(name):
                raise UnknownNameError("column of the rejects", name, self._known)
        if self._foreign is not None:
            raise self._foreign
        if 0 in self._met:
            self._judge_rest()

    def _own(self, kept: KeptReject, step: Step) -> tuple[str, ...]:
        """The columns a reject may have in the file."""
        data = kept.reject.data or kept.reject.key or {}
        return tuple(dict.fromkeys([*self._fields.get(step.name, ()), *data]))

    def _is_other(self, name: str) -> bool:
        """Whether the column is one of a step whose rejects have all ended."""
        return any(name in names for names in self._fields.values())

    def _changed(self, row: CorrectedRow, own: tuple[str, ...]) -> dict[str, str]:
        """The cells by column; one of a column the reject does not have must be empty."""
        mine = {name: row.cells[name] for name in self._file.columns if name in own}
        for name in self._file.columns:
            if name not in own and row.cells[name]:
                self._foreign = self._foreign or UsageError(
                    f"{self._file.name} has a value for {name!r} in {row}, and that reject has no"
                    " such column.",
                    todo="Leave it empty, as `batch-ops errors --csv` wrote it.",
                    execution_id=self._execution.id,
                )
        return mine

    def _refuse_values(self, row: CorrectedRow, kept: KeptReject, cells: Mapping[str, str]) -> None:
        data = kept.reject.data or kept.reject.key or {}
        for name, text in cells.items():
            if text != cell(data.get(name)):
                raise UsageError(
                    f"{self._file.name} changes {name!r} in {row}, and step {kept.step!r} takes its"
                    " rows from the database.",
                    todo="Correct it there; a file gives values only to rows that came from a file"
                    " or were handed over.",
                    execution_id=self._execution.id,
                )

    def _taken(
        self, row: CorrectedRow, kept: KeptReject, step: Step, cells: Mapping[str, str]
    ) -> Values:
        """The fields that are other ones now; a cell as it was written keeps what is stored."""
        data, names = kept.reject.data or {}, self._fields[step.name]
        changed = {name: text for name, text in cells.items() if text != cell(data.get(name))}
        values = {n: _value(step, text) for n, text in changed.items() if n in names}
        damaged = kept.reject.damaged
        if damaged is None:
            return Values(values)
        left = [name for name in damaged if name not in values]
        more = [name for name, text in cells.items() if name not in names and _is_field(name, text)]
        corrected = bool(changed.keys() - {ODD}) and not left and not more
        return Values(values if corrected else None)

    def _judge_rest(self) -> None:
        """Rows that fit no open reject may fit one that has ended, or whose batch is to be done
        again.
        """
        why: dict[int, str] = {}
        execution = self._execution
        with execution.database.reading() as connection:
            every = rejects.kept(execution.journal, connection, execution.id, Choice(states=None))
            for kept in every:
                number = self._file.number_of(kept)
                if number is None or self._met[number] or kept.state == REFUSED_AGAIN:
                    continue
                if kept.state == RECOVERED:
                    self._met[number] = 1
                    why.pop(number, None)
                else:
                    why[number] = _WHY[kept.state]
        if 0 in self._met:
            raise self._unmatched(why)

    def _unmatched(self, why: Mapping[int, str]) -> UsageError:
        left = self._met.count(0)
        named = [f"{self._file.row(n)}{why.get(n, '')}" for n in islice(self._left(), _NAMED)]
        more = f" and {left - len(named)} more" if left > len(named) else ""
        todo = "Take them out of the file; `batch-ops errors --csv` writes those that are open."
        if ROW not in self._file.header:
            todo = f"The file has no column {ROW}; keep it as `batch-ops errors --csv` wrote it."
        return UsageError(
            f"Rows of {self._file.name} fit no open reject of execution"
            f" {self._execution.row.short_id}: {', '.join(named)}{more}.",
            todo=todo,
            execution_id=self._execution.id,
        )

    def _left(self) -> Iterator[int]:
        return (number for number, met in enumerate(self._met) if not met)

    def _ambiguous(self, row: CorrectedRow) -> UsageError:
        return UsageError(
            f"{self._file.name} fits several rejects in {row}.",
            todo=f"Where they are of several steps, keep the column {STEP}; else retry them without"
            " a file.",
            execution_id=self._execution.id,
        )


_WHY = {DISCARDED: ", which was discarded", OPEN: ", whose batch `resume` does again"}


def _is_field(name: str, text: str) -> bool:
    """Whether a record still has more fields than its source."""
    return name.startswith("field ") and bool(text)


def _value(step: Step, text: str) -> str | None:
    """A cell as the step's source would mean it."""
    nulls = step.source.null_values if isinstance(step.source, CsvSource) else ("",)
    return None if text in nulls else text
