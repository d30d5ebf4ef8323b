"""Preconditions: judged once per execution, before anything is planned, and stored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.engine.conditions import evaluate_condition
from batch_ops.engine.discretion import MASK, UNTOLD, discreet, hides
from batch_ops.engine.patience import steady
from batch_ops.errors import CheckNotEvaluatedError, PreconditionFailedError
from batch_ops.events import ChecksJudged
from batch_ops.journal import executions
from batch_ops.results import AFTER, BEFORE, CheckResult
from batch_ops.spec.model import Check, CheckKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ops.engine.conditions import Ground
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Entity


def stored(execution: Context) -> tuple[CheckResult, ...]:
    """The results the journal has; empty before they were judged."""
    with execution.database.reading() as connection:
        row = executions.get(execution.journal, connection, execution.id)
    return tuple(CheckResult(**check) for check in (row.checks if row else None) or [])


def judge(execution: Context) -> tuple[CheckResult, ...]:
    """Judge all preconditions, or show the stored results. See Execution.judge."""
    results = tuple(check for check in stored(execution) if check.phase == BEFORE)
    if not results and execution.operation.preconditions:
        results = evaluate(execution.ground(), execution.operation.preconditions)
        _store(execution, results)
    execution.emit(ChecksJudged(execution.id, execution.operation.name, results))
    _refuse(execution, results)
    return results


def judge_after(execution: Context) -> tuple[CheckResult, ...]:
    """Judge all postconditions, and store them beside the others; all steps are finished."""
    checks = execution.operation.postconditions
    if not checks:
        return ()
    before = [check for check in stored(execution) if check.phase == BEFORE]
    found = evaluate(execution.ground(), checks)
    results = tuple(replace(check, phase=AFTER) for check in found)
    _store(execution, (*before, *results))
    return results


@steady
def _store(execution: Context, results: Sequence[CheckResult]) -> None:
    with execution.database.writing() as connection:
        told = [result.to_dict() for result in results]
        executions.store_checks(execution.journal, connection, execution.id, told)


def evaluate(ground: Ground, checks: Sequence[Check]) -> tuple[CheckResult, ...]:
    """Judge pre- or postconditions, in their order; the expectations in one go."""
    grouped = [check for check in checks if check.kind is CheckKind.EXPECTATION]
    by_name = {result.name: result for result in _expectations(ground, grouped)}
    others = [check for check in checks if check.kind is not CheckKind.EXPECTATION]
    by_name |= {check.name: _condition(ground, check) for check in others}
    return tuple(_without_secrets(ground, check, by_name[check.name]) for check in checks)


def _without_secrets(ground: Ground, check: Check, result: CheckResult) -> CheckResult:
    """What a check of a hidden column observed is not told; nor why an expectation cannot be
    judged, which may quote any column.
    """
    if not result.evaluated:
        quotes = check.kind is CheckKind.EXPECTATION and ground.entity.hidden
        return replace(result, message=UNTOLD) if quotes else result
    if not _reads_hidden(ground, check) or result.observed_value is None:
        return result
    return replace(result, observed_value=MASK, message="")


def _reads_hidden(ground: Ground, check: Check) -> bool:
    """Whether a check reads a hidden column, or anything of another entity that has one."""
    read = {str(value) for name, value in check.arguments.items() if name.startswith("column")}
    others: list[Entity] = []
    if check.expression is not None:
        read |= check.expression.columns
        others = [ground.entities[name] for name in check.expression.entities]
    return bool(read & ground.entity.hidden) or hides(others)


def _expectations(ground: Ground, checks: list[Check]) -> list[CheckResult]:
    if not checks:
        return []
    from batch_ops.engine.expectations import evaluate_expectations

    return evaluate_expectations(ground.database, ground.entity, checks)


def _condition(ground: Ground, check: Check) -> CheckResult:
    try:
        return evaluate_condition(ground, check)
    except DBAPIError as error:
        hidden = hides(ground.entities.values())
        fault = discreet(ground.database.dialect.fault(error), hidden=hidden)
        return not_evaluated(check, fault.message)


def not_evaluated(check: Check, why: str) -> CheckResult:
    """The result of a check nobody could judge."""
    return CheckResult(
        name=check.name,
        kind=str(check.kind),
        success=False,
        evaluated=False,
        description=check.description or check.text,
        message=why,
    )


def _refuse(execution: Context, results: tuple[CheckResult, ...]) -> None:
    unclear = [result for result in results if not result.evaluated]
    failed = [result for result in results if result.evaluated and not result.success]
    if unclear:
        raise CheckNotEvaluatedError(
            "\n".join(
                f"The precondition {r.name!r} could not be evaluated: {r.message}" for r in unclear
            ),
            todo="Mend the declaration or the database, then run again.",
            execution_id=execution.id,
        )
    if failed:
        raise PreconditionFailedError(
            "\n".join(_told(result) for result in failed),
            todo=f"Make it hold, then run again: batch-ops run {execution.operation.name}",
            execution_id=execution.id,
        )


def _told(result: CheckResult) -> str:
    told = ""
    if result.unexpected_count and result.element_count is not None:
        told = f" ({result.unexpected_count} of {result.element_count} rows break it)"
    elif result.observed_value is not None:
        told = f" (observed: {result.observed_value})"
    return f"The precondition {result.name!r} does not hold: {result.description}{told}."
