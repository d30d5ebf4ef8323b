"""How rejects end: recovered or refused again by a retry, or discarded by a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from batch_ops.journal.rejects import OPEN, RECOVERED, STATES
from batch_ops.journal.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from batch_ops.journal.rejects import Choice
    from batch_ops.journal.store import Journal

_AT_ONCE = 1_000
"""Rejects that one statement ends."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a reject: its state from now on, who did it, how and why."""

    state: str
    by: str
    how: str
    because: str | None = None
    retry: int | None = None


def numbers(
    journal: Journal, connection: Connection, execution_id: str, *, retry: int | None = None
) -> dict[str, int]:
    """How many rejects are in each state (those a retry ended, where one is given)."""
    table = journal.tables.errors
    query: Select[Any] = (
        select(table.c.state, func.count())
        .where(table.c.operation_id == execution_id)
        .group_by(table.c.state)
    )
    if retry is not None:
        query = query.where(table.c.retry == retry)
    found = {state or OPEN: int(number) for state, number in connection.execute(query)}
    return {state: found.get(state, 0) for state in STATES}


def recovering_steps(
    journal: Journal, connection: Connection, execution_id: str, retry: int
) -> set[str]:
    """The steps of which a retry recovered rejects."""
    table = journal.tables.errors
    query = select(table.c.step).where(
        table.c.operation_id == execution_id, table.c.retry == retry, table.c.state == RECOVERED
    )
    return {step for (step,) in connection.execute(query.distinct())}


def end(journal: Journal, connection: Connection, ids: Sequence[int], ending: Ending) -> int:
    """End these rejects, as far as they are open; how many were."""
    table = journal.tables.errors
    statement = (
        update(table)
        .where(table.c.error_id.in_(bindparam("ids", expanding=True)), table.c.state.is_(None))
        .values(_ended(ending))
    )
    parts = (list(ids[n : n + _AT_ONCE]) for n in range(0, len(ids), _AT_ONCE))
    return sum(connection.execute(statement, {"ids": some}).rowcount for some in parts)


def end_chosen(
    journal: Journal, connection: Connection, execution_id: str, choice: Choice, ending: Ending
) -> int:
    """End the rejects that are chosen; how many there were."""
    table = journal.tables.errors
    statement = update(table).where(*choice.conditions(journal, execution_id))
    return connection.execute(statement.values(_ended(ending))).rowcount


def _ended(ending: Ending) -> dict[str, Any]:
    return {
        "state": ending.state,
        "retry": ending.retry,
        "ended_at": utc_now(),
        "ended_by": ending.by,
        "ended_how": ending.how,
        "because": ending.because,
    }
