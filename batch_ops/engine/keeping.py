"""Keeping what a custom function gave: its records go into the step's output table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from batch_ops.database.convert import Refusal
from batch_ops.database.staging import put_rows
from batch_ops.engine.given import refused_record
from batch_ops.engine.isolation import isolate
from batch_ops.engine.outputs import function_values, is_needed, output_of
from batch_ops.errors import ParameterError
from batch_ops.faultpoints import Point, reached
from batch_ops.journal.outputs import NUMBER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database.faults import Fault
    from batch_ops.engine.calling import Called
    from batch_ops.engine.context import Context
    from batch_ops.engine.given import Given
    from batch_ops.results import Reject
    from batch_ops.spec.model import Step


@dataclass
class Kept:
    """What became of a function's records: how many are kept, and those that were refused."""

    number: int = 0
    refused: list[tuple[Any, Reject]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class Keeping:
    """Puts the records of a step's function into its output table, where a later step reads it."""

    def __init__(self, execution: Context, step: Step) -> None:
        self._execution, self._step = execution, step
        self._output = output_of(execution, step) if is_needed(execution.operation, step) else None

    def keep(
        self, connection: Connection, first: int, called: Called, given: Given, *, isolating: bool
    ) -> Kept:
        """Keep the records; `first` is the number of the first one."""
        if self._output is None:
            return Kept(called.count)
        kept, number = Kept(), first
        for records in called.slices():
            rows = self._values(number, records, kept, strict=not given.records)
            refused = self._put(connection, rows, isolating=isolating)
            reached(Point.WRITING_OUTPUT)
            for row, fault in refused:
                record = records[row[NUMBER] - number]
                told = refused_record(record, fault.code, fault.message, fault.column)
                kept.refused.append((record, told))
            number += len(records)
        kept.number = number - first - len(kept.refused)
        kept.rejects = _attributed(kept.refused, called, given)
        return kept

    def _values(
        self, first: int, records: Sequence[Any], kept: Kept, *, strict: bool
    ) -> list[dict[str, Any]]:
        """The records as rows; strict: one that lacks a field ends the call."""
        assert self._output is not None
        rows: list[dict[str, Any]] = []
        for number, record in enumerate(records, first):
            try:
                values = function_values(self._execution, self._step, self._output, record)
            except ParameterError as error:
                if strict:
                    raise
                kept.refused.append((record, refused_record(record, "function", error.what)))
                continue
            except Refusal as refusal:
                told = refused_record(record, refusal.code, refusal.message, refusal.column)
                kept.refused.append((record, told))
                continue
            rows.append({NUMBER: number, **values})
        return rows

    def _put(
        self, connection: Connection, rows: Sequence[Mapping[str, Any]], *, isolating: bool
    ) -> list[tuple[Mapping[str, Any], Fault]]:
        """Insert rows of the output table; those the database refuses, where each is tried."""
        assert self._output is not None
        dialect, table = self._execution.database.dialect, self._output.table
        if not isolating:
            put_rows(connection, dialect, table, rows)
            return []

        def part(start: int, stop: int) -> int:
            return put_rows(connection, dialect, table, rows[start:stop])

        _, refused = isolate(connection, part, len(rows), dialect)
        return [(rows[place], fault) for place, fault in refused]


def _attributed(
    refused: Sequence[tuple[Any, Reject]], called: Called, given: Given
) -> list[Reject]:
    """The refused records; one that bears the key of a row, and is the only one made of it, stands
    for that row: to try it again is to call the function for the row again.
    """
    if not refused:
        return []
    made: Counter[str | None] = Counter()
    for records in called.slices():
        made.update(given.place_by_key(record) for record in records)
    known = {reject.place for reject in called.rejects}
    found = []
    for record, reject in refused:
        place = given.place_by_key(record)
        own = made[place] == 1 and place not in known
        found.append(replace(reject, key=given.key_of(record), place=place if own else None))
    return found
