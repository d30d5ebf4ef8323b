"""Telling many refused rows of a batch with one query; what the database says to such a row is
heard of one of each kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import CHECK, FOREIGN_KEY, NOT_NULL, FaultKind
from batch_ops.database.judging import rules_of_change, rules_of_deletion, rules_of_rows
from batch_ops.database.savepoints import Savepoint
from batch_ops.database.wording import text
from batch_ops.engine.isolation import refusal
from batch_ops.faultpoints import Point, reached
from batch_ops.journal.store import utc_now
from batch_ops.spec.model import OnConflict, StepKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.faults import Fault
    from batch_ops.database.staging import Stage
    from batch_ops.database.statements import Target
    from batch_ops.database.tables import Table
    from batch_ops.database.values import Key
    from batch_ops.spec.model import Step

MOST_KINDS = 16
"""Combinations of broken rules of which a row is tried; what breaks still others is found out row
by row."""
_OF_A_RULE = (CHECK, NOT_NULL, FOREIGN_KEY)

T = TypeVar("T")
Attempt = Callable[[int], object]
"""Does the statement over one row, by its place or number."""


class _Judge:
    """What is asked about many rows, by the rules of their table."""

    _rules: list[str] | None = None

    def _ask(
        self,
        connection: Connection,
        dialect: Dialect,
        known: Callable[[], list[str]],
        ask: Callable[[list[str]], T],
    ) -> T | None:
        """The answer; None where there are no rules, where a row is refused already when they are
        asked, or where they cannot be, and never will: a table that may not be read, a text of a
        check that was not told as it is.
        """
        if self._rules is None:
            self._rules = known()
        if not self._rules:
            return None
        savepoint = Savepoint(connection)
        try:
            answer = ask(self._rules)
            savepoint.release()
        except DBAPIError as error:
            fault = dialect.fault(error)
            if not savepoint.undone() or not (fault.kind is FaultKind.ROW or fault.of_statement):
                raise
            if fault.of_statement:
                self._rules = []
            return None
        return answer


class RangeJudge(_Judge):
    """Judges the rows of a step's batches."""

    def __init__(self, step: Step) -> None:
        self._kind = step.kind
        self._values = step.values if step.kind is StepKind.UPDATE else {}

    def look(
        self,
        connection: Connection,
        target: Target,
        lower: Key | None,
        upper: Key | None,
        attempt: Callable[[Key | None, Key], object],
    ) -> tuple[list[Key], dict[int, Fault]]:
        """The qualifying keys in `(lower, upper]`, sorted, and the places of those that are surely
        refused; the others may be, too.

        attempt: does the step's statement over the rows behind a key, up to another one.
        """

        def ask(rules: list[str]) -> Sequence[Sequence[Any]]:
            sql, parameters = target.judged(rules, self._values, utc_now(), lower, upper)
            return connection.execute(text(sql), parameters).all()

        rows = self._ask(connection, target.dialect, lambda: self._known(connection, target), ask)
        if rows is None:
            sql, parameters = target.keys(lower, upper)
            return [tuple(row) for row in connection.execute(text(sql), parameters)], {}
        keys = [tuple(key) for *key, _ in rows]

        def attempt_at(place: int) -> None:
            attempt(keys[place - 1] if place else lower, keys[place])

        told = ((place, row[-1]) for place, row in enumerate(rows) if row[-1])
        return keys, _refused(connection, target.dialect, told, attempt_at)

    def _known(self, connection: Connection, target: Target) -> list[str]:
        dialect, table = target.dialect, target.table
        if self._kind is StepKind.UPDATE:
            return rules_of_change(dialect, connection, table, list(self._values))
        if self._kind is StepKind.DELETE and target.alive is None:
            return rules_of_deletion(dialect, connection, table)
        return []


class StageJudge(_Judge):
    """Judges staged rows."""

    def __init__(self, step: Step, target: Table, columns: Sequence[str]) -> None:
        self._target, self._columns = target, columns
        # a row whose key is taken is passed over, whatever is wrong with it
        self._rules = [] if step.on_conflict is OnConflict.SKIP else None

    def look(self, connection: Connection, stage: Stage, attempt: Attempt) -> dict[int, Fault]:
        """The numbers of the rows that are surely refused; others may be, too."""
        dialect = stage.dialect
        told = self._ask(
            connection,
            dialect,
            lambda: self._known(connection, dialect),
            lambda rules: stage.judged(connection, rules),
        )
        return _refused(connection, dialect, told or (), attempt)

    def _known(self, connection: Connection, dialect: Dialect) -> list[str]:
        return rules_of_rows(dialect, connection, self._target, self._columns)


def _refused(
    connection: Connection, dialect: Dialect, told: Iterable[tuple[int, int]], attempt: Attempt
) -> dict[int, Fault]:
    """What the database says to rows that break rules; those are left out to which it says nothing
    of the kind.
    """
    kinds = defaultdict[int, list[int]](list)
    for row, broken in told:
        kinds[broken].append(row)
    refused: dict[int, Fault] = {}
    for rows in list(kinds.values())[:MOST_KINDS]:

        def first(row: int = rows[0]) -> None:
            reached(Point.ISOLATING)
            attempt(row)

        fault = refusal(connection, dialect, first, keep=False)
        if fault is not None and fault.code in _OF_A_RULE:
            refused |= dict.fromkeys(rows, fault)
    return refused
