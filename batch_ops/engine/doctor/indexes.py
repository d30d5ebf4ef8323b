"""Conditions on large tables that no index serves, found by asking for the plan of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError
from sqlglot import exp

from batch_ops.engine.doctor.findings import Finding, sound, warning
from batch_ops.engine.meant import Meanings
from batch_ops.errors import BatchOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batch_ops.database import Database
    from batch_ops.database.looks import Walk
    from batch_ops.engine.meant import Meant
    from batch_ops.engine.project import Project
    from batch_ops.spec.model import Operation

LARGE = 100_000
"""Rows from which on a walk through a whole table is told."""
FEW = 0.2
"""Where a condition means a greater share of a table, an index would not be used."""
_EQUAL = (exp.EQ, exp.In, exp.Is)
_RANGED = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


def missing_indexes(
    project: Project, name: str | None, operations: Sequence[Operation]
) -> Iterator[Finding]:
    """The conditions for which the database would go through all of a large table."""
    told: set[str] = set()
    for operation in operations:
        for meant in _meanings(project, name, operation):
            found = _judged(project.database(name), operation, meant)
            if found is not None and found.what not in told:
                told.add(found.what)
                yield found


def _meanings(project: Project, name: str | None, operation: Operation) -> list[Meant]:
    """What its steps ask for; of one that would be refused this is told elsewhere."""
    try:
        found = list(Meanings(project.database(name), project.catalog, operation).all())
    except BatchOpsError:
        return []
    return [meant for meant in found if meant.where is not None]


def _judged(database: Database, operation: Operation, meant: Meant) -> Finding | None:
    looks = database.dialect.looks()
    try:
        with database.looking() as connection:
            rows = looks.rows_about(connection, meant.table)
            if rows is None or rows < LARGE:
                return None
            walk = looks.walk(connection, meant.counting, meant.table)
    except (DBAPIError, BatchOpsError):
        return None  # it would be refused, which is told of the operation
    return None if walk is None else _told(database, operation, meant, walk, rows)


def _told(
    database: Database, operation: Operation, meant: Meant, walk: Walk, rows: int
) -> Finding | None:
    place = f"step {meant.step.name!r} of {operation.name}"
    table = meant.table.full_name
    if not walk.whole:
        return sound("indexes", f"An index of {table} serves {place}.")
    what = f"{table} has about {rows:,} rows, and {place} goes through all of them to find its own"
    columns = _columns(meant)
    if walk.rows is not None and walk.rows > rows * FEW:
        return sound("indexes", f"{what}: about {walk.rows:,}, too many for an index.")
    if not columns:
        return warning("indexes", f"{what}; its condition compares no column an index could serve.")
    script = database.dialect.looks().index_sql(meant.table, columns)
    return warning("indexes", f"{what}.", f"Where these are few, consider: {script}")


def _columns(meant: Meant) -> list[str]:
    """What an index would have: the columns that are compared for equality, then one of a range."""
    assert meant.where is not None
    equal: list[str] = []
    ranged: list[str] = []
    for condition in _conjuncts(meant.where.tree):
        column = _compared(condition)
        if column is not None:
            (equal if isinstance(condition, _EQUAL) else ranged).append(column)
    return list(dict.fromkeys([*equal, *ranged[:1]]))


def _conjuncts(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a condition that all must hold."""
    inner = tree.unnest()
    if isinstance(inner, exp.And):
        yield from _conjuncts(inner.this)
        yield from _conjuncts(inner.expression)
    else:
        yield inner


def _compared(condition: exp.Expr) -> str | None:
    """The column a condition compares with something that is no column."""
    if not isinstance(condition, (*_EQUAL, *_RANGED)):
        return None
    sides = [side for side in (condition.this, condition.args.get("expression")) if side]
    columns = [side.unnest() for side in sides if isinstance(side.unnest(), exp.Column)]
    others = [side for side in sides if not isinstance(side.unnest(), exp.Column)]
    if len(columns) != 1 or any(side.find(exp.Column) for side in others):
        return None
    return str(columns[0].name)
