"""Telling many refused rows of a batch with one query; what the database says to such a row is
heard of one of each kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import CHECK, FOREIGN_KEY, NOT_NULL, FaultKind
from batch_ops.database.judging import rules_of_change, rules_of_deletion
from batch_ops.database.savepoints import Savepoint
from batch_ops.database.wording import text
from batch_ops.journal.store import utc_now
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.faults import Fault
    from batch_ops.database.statements import Target
    from batch_ops.database.values import Key
    from batch_ops.spec.model import Step

MOST_KINDS = 16
"""Combinations of broken rules of which a row is tried; what breaks still others is found out row
by row."""
_OF_A_RULE = (CHECK, NOT_NULL, FOREIGN_KEY)

Attempt = Callable[["Key | None", "Key"], object]
"""Does the statement over the rows behind a key, up to another one."""


class Judge:
    """Judges the rows of one step's batches by the rules of their table."""

    def __init__(self, step: Step) -> None:
        self._kind = step.kind
        self._values = step.values if step.kind is StepKind.UPDATE else {}
        self._rules: list[str] | None = None

    def look(
        self,
        connection: Connection,
        target: Target,
        lower: Key | None,
        upper: Key | None,
        attempt: Attempt,
    ) -> tuple[list[Key], dict[int, Fault]]:
        """The qualifying keys in `(lower, upper]`, sorted, and the places of those that are surely
        refused; the others may be, too.
        """
        rows = self._broken(connection, target, lower, upper)
        if rows is None:
            sql, parameters = target.keys(lower, upper)
            return [tuple(row) for row in connection.execute(text(sql), parameters)], {}
        keys = [tuple(key) for *key, _ in rows]
        kinds = defaultdict[int, list[int]](list)
        for place, row in enumerate(rows):
            if row[-1]:
                kinds[row[-1]].append(place)
        refused: dict[int, Fault] = {}
        for places in list(kinds.values())[:MOST_KINDS]:
            first = places[0]
            before = keys[first - 1] if first else lower
            fault = _said(connection, target, before, keys[first], attempt)
            if fault is not None:
                refused |= dict.fromkeys(places, fault)
        return keys, refused

    def _broken(
        self, connection: Connection, target: Target, lower: Key | None, upper: Key | None
    ) -> Sequence[Sequence[Any]] | None:
        """The keys, and which rules their rows break; None where there are no rules, or a row is
        refused already when they are asked for.
        """
        if self._rules is None:
            self._rules = self._known(connection, target)
        if not self._rules:
            return None
        sql, parameters = target.judged(self._rules, self._values, utc_now(), lower, upper)
        savepoint = Savepoint(connection)
        try:
            rows = connection.execute(text(sql), parameters).all()
            savepoint.release()
        except DBAPIError as error:
            if not savepoint.undone() or target.dialect.fault(error).kind is not FaultKind.ROW:
                raise
            return None
        return rows

    def _known(self, connection: Connection, target: Target) -> list[str]:
        dialect, table = target.dialect, target.table
        if self._kind is StepKind.UPDATE:
            return rules_of_change(dialect, connection, table, list(self._values))
        if self._kind is StepKind.DELETE and target.alive is None:
            return rules_of_deletion(dialect, connection, table)
        return []


def _said(
    connection: Connection, target: Target, before: Key | None, key: Key, attempt: Attempt
) -> Fault | None:
    """What the database says to a row that breaks a rule; None where it says nothing of the kind.
    In any case nothing was done.
    """
    savepoint, fault = Savepoint(connection), None
    try:
        attempt(before, key)
    except DBAPIError as error:
        fault = target.dialect.fault(error)
        if not savepoint.undone() or fault.kind is not FaultKind.ROW:
            raise
    else:
        savepoint.undone()
    return fault if fault and fault.code in _OF_A_RULE else None
