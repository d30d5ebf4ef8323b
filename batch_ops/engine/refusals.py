"""Why a run of an operation would be refused by the database as it is; found without running it."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from batch_ops.database.compute import Computing
from batch_ops.database.faults import FaultKind
from batch_ops.database.render import Renderer
from batch_ops.engine.discretion import discreet, hides
from batch_ops.engine.examine import (
    connection_of,
    judge_step,
    judge_throttle,
    open_records,
    refused_by,
    resolve_function,
)
from batch_ops.engine.keepable import refuse_unkept
from batch_ops.engine.meant import Meanings, stand_ins, unasked, untyped
from batch_ops.errors import BatchOpsError
from batch_ops.spec.model import CsvSource, FileFormat, RecordFile, StepKind
from batch_ops.spec.origins import PATH_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_ops.database import Table
    from batch_ops.engine.project import Project
    from batch_ops.errors import Location
    from batch_ops.journal import Journal
    from batch_ops.spec.model import Check, Entity, Operation, Step

OF_STAND_INS = ("42725", "42P18", "42804")
"""What PostgreSQL says where it cannot tell the type of NULL: ambiguous, indeterminate, another."""


UNKNOWN: tuple[Any, ...] = (None, 0, "")
"""What a parameter of no known type may be: if one of them is taken, a run may be."""


def refusals(project: Project, operation: Operation) -> list[BatchOpsError]:
    """What `run` would refuse, whatever its parameters are; at most one error of each step and
    condition. The database is asked, neither written nor walked.
    """
    try:
        journal = project.journal(connection_of(project, operation))
        judge_throttle(journal.database, operation)
    except BatchOpsError as error:
        return [error]
    tried = UNKNOWN if untyped(operation) else UNKNOWN[:1]
    trials = [_Trial(project, journal, operation, value) for value in tried]
    found = [_first(methodcaller("step", step), trials) for step in operation.steps]
    checks = (*operation.preconditions, *operation.postconditions)
    found += [_first(methodcaller("check", check), trials) for check in checks]
    return [error for error in found if error is not None]


def _first(judge: Callable[[_Trial], object], trials: Sequence[_Trial]) -> BatchOpsError | None:
    """The first trial's error, if every one of them has one."""
    errors = [_error(judge, trial) for trial in trials]
    return errors[0] if all(errors) else None


def _error(judge: Callable[[_Trial], object], trial: _Trial) -> BatchOpsError | None:
    try:
        judge(trial)
    except BatchOpsError as error:
        return error
    return None


class _Trial:
    """Looks at an operation part by part, with one kind of stand-in for values nobody knows."""

    def __init__(
        self, project: Project, journal: Journal, operation: Operation, unknown: Any
    ) -> None:
        self._project, self._journal, self._operation = project, journal, operation
        self._database = journal.database
        self._hides = hides(project.catalog.entities.values())
        self._binds = stand_ins(operation, unknown)
        self._meanings = Meanings(self._database, project.catalog, operation, unknown)

    def step(self, step: Step) -> None:
        """Judge a step as `run` would, and let the database read its statement."""
        if step.kind is StepKind.FUNCTION:
            resolve_function(step)
            return
        table = judge_step(self._project, self._journal, step, self._binds, made_before=True)
        if self._operation.undo:
            refuse_unkept(self._database, step, table)
        self._records(step, table)
        meant = self._meanings.of(step)
        if meant is not None and self._is_there(self._project.catalog.entity(meant.entity)):
            self._ask(f"step {step.name!r}", *meant.changing, step.location, guessed=meant.guessed)

    def _records(self, step: Step, table: Table) -> None:
        """The header of a file that is there; others are read as a whole to know their fields."""
        source = step.stream
        parquet = isinstance(source, RecordFile) and source.format is FileFormat.PARQUET
        if not isinstance(source, CsvSource) and not parquet:
            return
        path = getattr(source, "path", None)
        if path is None or ("://" not in path and not (self._project.folder / path).exists()):
            return
        computing = Computing(self._database.reading, self._binds, unasked())
        dialect = self._database.dialect
        open_records(self._project, step, table, {PATH_PARAMETER: path}, dialect, computing)

    def check(self, check: Check) -> None:
        """Let the database read a condition, where its table is there."""
        entity = self._project.catalog.entity(self._operation.entity)
        if check.expression is None or not self._is_there(entity):
            return
        dialect = self._database.dialect
        renderer = Renderer(dialect, self._binds, datetime.now(UTC), calls=unasked())
        table = dialect.table_sql(entity.table, entity.schema)
        sql = f"SELECT ({renderer.sql(check.expression)}) FROM {table}"
        self._ask(
            f"the condition {check.name!r}",
            sql,
            renderer.parameters,
            check.expression.location,
            guessed=self._meanings.guesses(check.expression),
        )

    def _ask(
        self,
        what: str,
        sql: str,
        bound: Mapping[str, Any],
        location: Location | None,
        *,
        guessed: bool,
    ) -> None:
        """Let the database read a statement.

        Raises:
            DatabaseUnfitError: it refuses it.
        """
        dialect = self._database.dialect
        try:
            with self._database.looking() as connection:
                dialect.explain(connection, sql, bound)
        except DBAPIError as error:
            fault = discreet(dialect.fault(error), hidden=self._hides)
            if fault.kind is FaultKind.TRANSIENT or (guessed and fault.code in OF_STAND_INS):
                return
            raise refused_by(self._database, what, self._operation, fault, location) from error

    def _is_there(self, entity: Entity) -> bool:
        with self._database.reading() as connection:
            return inspect(connection).has_table(entity.table, schema=entity.schema)
